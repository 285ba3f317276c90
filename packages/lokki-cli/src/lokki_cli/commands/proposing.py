"""What `deploy`, `rollback` and `bootstrap` share: a change is shown, and nothing is left of one that is not wanted."""

from __future__ import annotations

from .. import changesview, ui
from ..aws.clients import Clients
from ..errors import OperationError
from ..ops.changes import Diff
from ..ops.deploy import Ready
from ..ops.stack import Proposal
from ..ops.stack import withdraw as withdraw_proposal


def show(ready: Ready, *, as_json: bool) -> None:
    """What would change."""
    if ready.replaces is not None:
        text = f"the stack {ready.replaces.name} was never made whole ({ready.replaces.status}): it is deleted first"
        ui.warnings([text])
    elif ready.proposal is not None:
        show_diff(ready.proposal.diff, as_json=as_json)


def show_diff(diff: Diff, *, as_json: bool) -> None:
    """A diff, line by line or as one JSON object."""
    if as_json:
        ui.json_line({"event": "changes"} | diff.to_dict())
    else:
        ui.styled(changesview.rows(diff, ui.columns()))


def withdraw(clients: Clients, proposal: Proposal | None) -> None:
    """Leave nothing of a change that is not carried out; where that fails there is something more important to say."""
    if proposal is not None:
        try:
            withdraw_proposal(clients, proposal)
        except OperationError as error:
            ui.warnings([f"the change set {proposal.change.name} is left behind: {error}"])
