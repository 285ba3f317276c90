"""`invoke`: start a run of the deployed flow and, if wanted, wait for its result."""

from __future__ import annotations

import click

from .. import ui
from ..context import FlowContext, pass_flow
from ..flowcommand import FlowCommand
from ..ops.invoke import Started, input_of, start
from ..target import Target, TargetOptions, target_options
from .again import again
from .waiting import document, place_of, ready, waited

EXAMPLES = """\b
Examples:
  python birds_flow.py invoke --wait
  lokki-cli invoke birds_flow.py --limit 5 --env dev
  lokki-cli invoke birds_flow.py --params params.json --run-id monday --json
"""


@click.command(cls=FlowCommand, takes_parameters=True, epilog=EXAMPLES)
@click.option("--run-id", metavar="RUN_ID", help="The run's name, and its execution's (default: made from the time).")
@click.option("--wait", is_flag=True, help="Show what happens until the run ends, then its result.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@target_options
@pass_flow
def invoke(context: FlowContext, run_id: str | None, wait: bool, as_json: bool, target: TargetOptions) -> int:
    """Start a run of the deployed flow; its run id is printed, or with --wait its result.

    Parameters are checked here, by the flow file, before anything is started. The ones that are not given have the
    deployed flow's defaults.

    With --wait the exit code is 1 where the run fails, and its error is the author's own. Ctrl-C only ends the
    waiting. Without --wait see how it goes with `show` and `logs`, and fetch its result with `result`.
    """
    assert context.given is not None  # noqa: S101  # it takes parameters
    where = Target.of(context, target)
    if wait:
        ready(where)
    with ui.results_only():
        given = input_of(context.flow, context.given)
    started = start(place_of(where), given, run_id)
    return told(where, started, wait=wait, as_json=as_json)


def told(where: Target, started: Started, *, wait: bool, as_json: bool, what: str = "started") -> int:
    """Say that a run was started or resumed, or wait for it. Returns the exit code."""
    ui.note(f"Run '{started.run_id}' of flow '{where.names.deployed}' {what}.")
    if wait:
        return waited(where, started, as_json=as_json)
    if as_json:
        ui.document(document(started))
    else:
        ui.text(f"{started.run_id}\n")
        ui.note(f"Watch it: {again('show', '--run', started.run_id, '--wait')}")
    return 0
