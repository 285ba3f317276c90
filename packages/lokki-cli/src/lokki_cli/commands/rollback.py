"""`rollback`: back to an earlier deployment."""

from __future__ import annotations

from collections.abc import Sequence

import click
from lokki.clock import SYSTEM_CLOCK

from .. import consent, ui
from ..context import FlowContext, pass_flow
from ..flowcommand import FlowCommand
from ..ops.deploy import Ready, deployed
from ..ops.history import Deployment
from ..ops.rollback import bucket_of, listed, prepared
from ..progress import GOES_ON, shown
from ..target import Target, TargetOptions, target_options
from .proposing import show, withdraw

EXAMPLES = """\b
Examples:
  python birds_flow.py rollback
  lokki-cli rollback birds_flow.py --list
  lokki-cli rollback birds_flow.py --to 20260115T103000 --confirm
"""


@click.command(cls=FlowCommand, epilog=EXAMPLES)
@target_options
@click.option("--to", "chosen", metavar="ID", help="A deployment of the list, or the beginning of its id.")
@click.option("--list", "only_list", is_flag=True, help="List the deployments on record, newest first; * is live.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--confirm", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each event, the result last.")
@pass_flow
def rollback(
    context: FlowContext,
    target: TargetOptions,
    chosen: str | None,
    only_list: bool,
    dry_run: bool,
    confirm: bool,
    as_json: bool,
) -> int:
    """Go back to the previous deployment of a flow, or to a chosen one.

    Its template and parameters were kept in the bucket, and its code under its hash: nothing is built. The change is
    shown first. Going back once more goes to the deployment before that. Data of runs are not touched.
    """
    there = Target.of(context, target)
    who = there.clients.identity
    bucket = bucket_of(there.clients, there.names, there.config)
    if only_list:
        return _listed(*listed(there.clients, there.names, bucket), as_json)
    steps = prepared(there.clients, there.names, there.config, bucket, chosen, SYSTEM_CLOCK)
    ready = shown(steps, as_json=as_json)
    if ready.up_to_date:
        return _told(there, ready, "up to date", as_json)
    try:
        show(ready, as_json=as_json)
        question = f"Roll back {there.names.stack} in {there.clients.settings.place}, account {who.account}?"
        wanted = not dry_run and consent.given(question, confirmed=confirm, as_json=as_json)
    except BaseException:
        withdraw(there.clients, ready.proposal)
        raise
    if not wanted:
        withdraw(there.clients, ready.proposal)
        return _told(there, ready, "dry run" if dry_run else "declined", as_json)
    shown(deployed(there.clients, ready, SYSTEM_CLOCK), as_json=as_json, interrupted=GOES_ON)
    return _told(there, ready, "rolled back", as_json)


def _listed(newest: Sequence[Deployment], current: Deployment | None, as_json: bool) -> int:
    if as_json:
        ui.document(
            [
                {"id": one.id, "at": one.at, "by": one.by, "restores": one.restores, "current": one is current}
                for one in newest
            ]
        )
        return 0
    ui.lines(["deployments on record, newest first; * is live", *(_line(one, one is current) for one in newest)])
    if not newest:
        ui.lines(["  none"])
    elif current is None:
        ui.note("the stack is not as the last one left it: something else changed it since")
    return 0


def _line(one: Deployment, is_current: bool) -> str:
    back = f"  (back to {one.restores})" if one.restores else ""
    return f"{'*' if is_current else ' '} {one.id}  {one.by}{back}"


def _told(there: Target, ready: Ready, status: str, as_json: bool) -> int:
    code = 1 if status == "declined" else 0
    if as_json:
        ui.json_line(
            {"event": "result", "status": status, "stack": there.names.stack, "restores": ready.release.restores}
        )
        return code
    texts = {
        "up to date": f"{there.names.stack} is as that deployment left it: nothing was changed",
        "dry run": "nothing was changed: this was a dry run",
        "declined": "nothing was changed",
        "rolled back": f"rolled {there.names.stack} back to {ready.release.restores}",
    }
    ui.lines([texts[status]])
    return code
