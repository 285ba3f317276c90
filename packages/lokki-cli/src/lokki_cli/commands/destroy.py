"""`destroy`: a flow's stack, and on request the data of its runs, are deleted."""

from __future__ import annotations

import click
from lokki.clock import SYSTEM_CLOCK

from .. import consent, ui
from ..context import FlowContext, pass_flow
from ..flowcommand import FlowCommand
from ..ops.destroy import Survey, destroyed, surveyed
from ..progress import GOES_ON, shown
from ..target import Target, TargetOptions, target_options

EXAMPLES = """\b
Examples:
  python birds_flow.py destroy
  lokki-cli destroy birds_flow.py --env dev --purge-runs
  lokki-cli destroy birds_flow.py --confirm --json
"""


@click.command(cls=FlowCommand, epilog=EXAMPLES)
@target_options
@click.option("--purge-runs", is_flag=True, help="Also delete the data of all runs, for ever.")
@click.option("--confirm", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each event, the result last.")
@pass_flow
def destroy(context: FlowContext, target: TargetOptions, purge_runs: bool, confirm: bool, as_json: bool) -> int:
    """Delete a flow's stack: its state machine, functions, roles, schedule and logs.

    What will go and what stays is said first. Bucket and image repository stay, and so do the data of runs, unless
    --purge-runs is given. Runs under way end where they are.
    """
    there = Target.of(context, target)
    who = there.clients.identity
    survey = shown(surveyed(there.clients, there.names, there.config, purge_runs), as_json=as_json)
    if as_json:
        ui.json_line({"event": "survey", "goes": survey.goes, "stays": survey.stays, "running": survey.running})
    else:
        _show(survey)
    question = f"Delete {there.names.stack} from {there.clients.settings.place}, account {who.account}?"
    if not consent.given(question, confirmed=confirm, as_json=as_json):
        ui.note("nothing was changed")
        return 1
    shown(destroyed(there.clients, survey, purge_runs, SYSTEM_CLOCK), as_json=as_json, interrupted=GOES_ON)
    if as_json:
        ui.json_line({"event": "result", "status": "destroyed", "stack": there.names.stack, "purged": purge_runs})
    else:
        ui.lines([f"destroyed {there.names.stack}"])
    return 0


def _show(survey: Survey) -> None:
    runs = f"{survey.running} {'run' if survey.running == 1 else 'runs'} under way" if survey.running else ""
    ui.styled(
        [
            [("title", "will be deleted")],
            *([("", "  "), ("bad", f"- {text}")] for text in (*survey.goes, *filter(None, [runs]))),
            [("title", "stays")],
            *([("", "  "), ("good", f"  {text}")] for text in survey.stays or ("nothing",)),
        ]
    )
