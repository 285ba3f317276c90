"""`result`: what a run, a step or an item gave."""

from __future__ import annotations

import click
from lokki import Run
from lokki.commands.run import show_result

from .. import ui
from ..context import FlowContext, pass_flow
from ..flowcommand import FlowCommand, complete_run
from ..ops.deployedrun import DeployedRun
from ..ops.results import as_json, find, save, value_of
from ..target import Target, TargetOptions, target_options
from .show import root_of
from .waiting import place_of

EXAMPLES = """\b
Examples:
  python birds_flow.py result RUN_ID
  lokki-cli result birds_flow.py RUN_ID flap_bird 3
  lokki-cli result birds_flow.py RUN_ID join_birds --save joined.json
"""


@click.command(cls=FlowCommand, epilog=EXAMPLES)
@click.argument("run_id", metavar="RUN_ID", shell_complete=complete_run)
@click.argument("step", required=False)
@click.argument("item", required=False)
@click.option("--save", "file", type=click.Path(), metavar="FILE", help="Write it to .json, .pkl, .pkl.gz or .txt.")
@click.option("--json", "wants_json", is_flag=True, help="Print it as JSON.")
@click.option("--local", "where", flag_value="local", help="Look only on this machine.")
@click.option("--deployed", "where", flag_value="deployed", help="Look only on AWS.")
@target_options
@pass_flow
def result(
    context: FlowContext,
    run_id: str,
    step: str | None,
    item: str | None,
    file: str | None,
    wants_json: bool,
    where: str | None,
    target: TargetOptions,
) -> int:
    """Print what a run returned, what one of its STEPs returned, or that for one ITEM of a map, counted from 0.

    In a map inside a map an ITEM is 3/0. A step inside a map without an ITEM gives the list of those that succeeded.
    The value is printed as `run` prints it.

    The run is looked for on this machine, then on AWS; options that say where the flow is deployed skip the first.
    """
    found = find(
        context.flow.name,
        run_id,
        root=root_of(context),
        deployed=lambda: _deployed(Target.of(context, target), run_id),
        where=where or ("deployed" if target != TargetOptions() else None),
    )
    with ui.results_only():
        value = value_of(found, step, item)
    if file is not None:
        save(value, file)
        ui.note(f"Saved to {file}.")
    elif wants_json:
        ui.text(f"{as_json(value)}\n")
    else:
        show_result(value)
    return 0


def _deployed(target: Target, run_id: str) -> Run:
    return Run(target.names.flow, run_id, backend=DeployedRun(place_of(target), run_id))
