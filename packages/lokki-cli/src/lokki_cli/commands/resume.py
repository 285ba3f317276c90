"""`resume`: go on with a deployed run that did not succeed."""

from __future__ import annotations

import click

from ..context import FlowContext, pass_flow
from ..flowcommand import FlowCommand, complete_flow
from ..ops import invoke as operation
from ..target import Target, TargetOptions, target_options
from .invoke import told
from .waiting import place_of, ready

EXAMPLES = """\b
Examples:
  python birds_flow.py resume RUN_ID
  lokki-cli resume birds_flow.py RUN_ID --wait
"""


@click.command(cls=FlowCommand, epilog=EXAMPLES)
@click.argument("run_id", metavar="RUN_ID", shell_complete=complete_flow)
@click.option("--wait", is_flag=True, help="Show what happens until the run ends, then its result.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@target_options
@pass_flow
def resume(context: FlowContext, run_id: str, wait: bool, as_json: bool, target: TargetOptions) -> int:
    """Go on with a run that failed or was stopped: what has succeeded is not run again.

    It is a new execution over the same run, with the parameters the run was started with and the code that is deployed
    now: mend a step, deploy, resume. A run that is still running or has succeeded is refused.

    A run on this machine goes on with: run --resume RUN_ID
    """
    where = Target.of(context, target)
    if wait:
        ready(where)
    started = operation.resume(place_of(where), run_id)
    return told(where, started, wait=wait, as_json=as_json, what="resumed")
