"""Changes to a stack: worked out by CloudFormation, then carried out while its events are told.

Input: `Clients`, names, a template. Output: events, and a `Proposal` or the changed stack. Raises StackError with the
first thing that went wrong, and for a stack that nothing can be done with as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lokki.clock import Clock
from lokki_builder.cfn.read import read_template
from lokki_builder.errors import TemplateError
from lokki_builder.limits import LIMITS

from ..aws import stacks
from ..aws.artifacts import Bucket
from ..aws.clients import Clients
from ..aws.stacks import ChangeSet, Stack, StackEvent
from ..errors import NameTakenError, NotDeployedError, StackError
from .changes import Diff, diff
from .events import Begun, Done, Event, Progress, ResourceMoved

CHANGE_SET = "lokki-{0:%Y%m%d-%H%M%S-%f}"
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 5.0
"""Seconds between two looks at a stack: while something happens, and at most."""

_LOOKS_WITHOUT_END = 3
"""Looks at a stack that rests though nothing told its end: a change begins only some time after it was asked for."""

_STACK = "AWS::CloudFormation::Stack"
_CANCELLED = re.compile(r"cancell?ed", re.IGNORECASE)
_HANDLER = re.compile(r'^Resource handler returned message: "(.*?)"(?: \(RequestToken: .*)?$', re.DOTALL)

NEVER_MADE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")
"""Statuses of a stack whose making failed: it can only be deleted."""


@dataclass(frozen=True)
class Template:
    """A template, and where CloudFormation gets it from."""

    text: str
    key: str
    """Where it is kept in the bucket."""

    @property
    def is_large(self) -> bool:
        """Whether it is too large for a request."""
        return len(self.text.encode()) > LIMITS["template_inline"].value

    def source(self, bucket: Bucket) -> dict[str, str]:
        """How a request names it; a large one is put into the bucket first."""
        if not self.is_large:
            return {"TemplateBody": self.text}
        self.keep(bucket)
        return {"TemplateURL": bucket.http_url(self.key)}

    def keep(self, bucket: Bucket) -> None:
        """Put it into the bucket, if it is not there."""
        if not bucket.has(self.key):
            bucket.put(self.key, self.text.encode(), "application/yaml")


@dataclass(frozen=True)
class Proposal:
    """A change that waits for a yes."""

    stack: str
    change: ChangeSet
    diff: Diff
    new: bool
    """Whether the stack is made by it."""


def status(clients: Clients, name: str) -> Stack | None:
    """The stack, if it is there and can be changed or is still to be made from a change set.

    Raises StackError for one that is busy, or that nothing but deleting helps.
    """
    found = stacks.find(clients, name)
    if found is None or found.status == "DELETE_COMPLETE":
        return None
    check_at_rest(found)
    why = f": {found.reason}" if found.reason else "."
    if found.status == "DELETE_FAILED":
        raise StackError(
            f"stack '{name}': its deletion failed{why}",
            hint="Remove what is in the way, then finish it: lokki-cli destroy",
        )
    if found.status == "UPDATE_ROLLBACK_FAILED":
        raise StackError(
            f"stack '{name}': an update failed, and so did taking it back{why}",
            hint=f"Mend what is in the way, then: aws cloudformation continue-update-rollback --stack-name {name}",
        )
    return found


def check_at_rest(stack: Stack) -> None:
    """Raise StackError while CloudFormation is at work on a stack."""
    if stack.busy:
        raise StackError(
            f"stack '{stack.name}': it is busy ({stack.status}).", hint="Wait until that is done, then try again."
        )


def check_owner(name: str, template: str, flow: str) -> None:
    """Raise NameTakenError where a stack's template, if it has one, is not of lokki's for this flow."""
    if not template:
        return
    owner = _owner(template)
    if owner != flow:
        whose = f"it is of the flow '{owner}'" if owner else "it is not of lokki's making"
        raise NameTakenError(
            f"stack '{name}': there is one of this name, and {whose}.",
            hint="Choose another name: --stack-name NAME, or --env NAME.",
        )


def _owner(template: str) -> str:
    """The flow whose template this is; empty for one that is not of lokki's making."""
    try:
        found = (read_template(template).get("Metadata") or {}).get("Lokki")
    except TemplateError:
        return ""
    return str(found.get("Flow", "")) if isinstance(found, dict) else ""


def propose(
    clients: Clients,
    name: str,
    template: dict[str, str],
    text: str,
    parameters: Mapping[str, str],
    tags: Mapping[str, str],
    clock: Clock,
    *,
    current: Stack | None,
    deployed: str,
) -> Progress[Proposal | None]:
    """Let CloudFormation work out a change; None where there is nothing to change.

    `template` is how the request names the template whose text is `text`; `deployed` is the present one's text.
    """
    yield Begun("asking CloudFormation what would change")
    new = current is None or current.status == "REVIEW_IN_PROGRESS"
    chosen = CHANGE_SET.format(clock.now())
    id = stacks.create_change_set(clients, name, chosen, template, parameters, tags, new=new)
    change = _worked_out(clients, name, id, clock)
    if change.status == "FAILED":
        withdraw(clients, Proposal(name, change, Diff((), (), ()), new))
        if change.empty:
            return None
        raise StackError(f"stack '{name}': CloudFormation refuses the change: {change.reason}")
    old = {} if new or not deployed else read_template(deployed)
    values = {**parameters, **_pseudo(clients)}
    return Proposal(name, change, diff(old, read_template(text), change.changes, values), new)


def _pseudo(clients: Clients) -> dict[str, str]:
    """{pseudo parameter: value}, as templates have them."""
    who = clients.identity
    known = {"Partition": who.partition, "Region": clients.settings.region, "AccountId": who.account}
    return {f"AWS::{name}": value for name, value in known.items()}


def _worked_out(clients: Clients, name: str, id: str, clock: Clock) -> ChangeSet:
    for wait_s in waits():
        change = stacks.change_set(clients, name, id)
        if change.status in ("CREATE_COMPLETE", "FAILED"):
            return change
        clock.sleep(wait_s)
    raise AssertionError("waits never end")


def withdraw(clients: Clients, proposal: Proposal) -> None:
    """Leave nothing of a change that is not wanted: neither its change set nor a stack that has nothing else."""
    stacks.drop_change_set(clients, proposal.stack, proposal.change.id)
    found = stacks.find(clients, proposal.stack) if proposal.new else None
    if found is not None and found.status == "REVIEW_IN_PROGRESS":
        stacks.delete(clients, found.id)


def carry_out(clients: Clients, proposal: Proposal, clock: Clock) -> Progress[Stack]:
    """Do what a proposal says and tell what happens; the changed stack. Raises StackError with the first failure."""
    yield Begun(f"{'making' if proposal.new else 'changing'} the stack {proposal.stack}")
    found = stacks.find(clients, proposal.stack)
    reference = found.id if found else proposal.stack
    since = _last_event(clients, reference)
    stacks.execute(clients, proposal.change)
    stack = yield from watched(clients, reference, since, clock)
    yield Done(f"{'made' if proposal.new else 'changed'} the stack {proposal.stack}")
    return stack


def remove(clients: Clients, stack: Stack, clock: Clock) -> Progress[None]:
    """Delete a stack and tell what happens. Raises StackError with the first failure."""
    yield Begun(f"deleting the stack {stack.name}")
    since = _last_event(clients, stack.id)
    stacks.delete(clients, stack.id)
    yield from watched(clients, stack.id, since, clock)
    yield Done(f"deleted the stack {stack.name}")


def watched(clients: Clients, stack: str, since: str, clock: Clock) -> Progress[Stack]:
    """Tell what happens to a stack (its ARN) after the event `since`, until it is done. Raises StackError."""
    failures: list[StackEvent] = []
    pauses, looks, ended = waits(), 0, False
    while True:
        found = stacks.find(clients, stack)  # before its events: they are complete once it is done
        fresh = _events_after(clients, stack, since)
        for event in fresh:
            yield _moved(event)
        failures += [event for event in fresh if _is_cause(event, stack)]
        ended = ended or any(_is_end(event, stack) for event in fresh)
        looks += 1
        if found is None or (_rests(found) and (ended or looks >= _LOOKS_WITHOUT_END)):
            return _succeeded(found, stack, failures)
        if fresh:
            since, pauses = fresh[-1].id, waits()
        clock.sleep(next(pauses))


def _succeeded(found: Stack | None, stack: str, failures: list[StackEvent]) -> Stack:
    """The stack, if all went well. One that is gone was deleted."""
    if found is None:
        return Stack(stack, stack, "DELETE_COMPLETE", "", {}, {})
    if not found.failed:
        return found
    where = f"stack '{found.name}'"
    if not failures:
        raise StackError(f"{where}: {found.status}{': ' + found.reason if found.reason else '.'}")
    first = failures[0]
    raise StackError(
        f"{where}: {first.logical} ({first.kind.removeprefix('AWS::')}) failed: {plain_reason(first.reason)}",
        hint=f"The stack is as CloudFormation's rollback leaves it ({found.status}).",
    )


def waits() -> Iterator[float]:
    """Seconds to wait between looks: more and more, up to LONGEST_WAIT_S."""
    wait_s = FIRST_WAIT_S
    while True:
        yield wait_s
        wait_s = min(wait_s * 1.5, LONGEST_WAIT_S)


def plain_reason(text: str) -> str:
    """CloudFormation's reason without what wraps it."""
    found = _HANDLER.match(text)
    reason = (found[1] if found else text).strip() or "CloudFormation gives no reason"
    return reason if reason.endswith(".") else f"{reason}."


def _is_cause(event: StackEvent, stack: str) -> bool:
    """Whether an event is a failure of its own: not the stack's, and not one that another brought about."""
    return (
        event.status.endswith("_FAILED")
        and event.physical != stack
        and event.kind != _STACK
        and not _CANCELLED.search(event.reason)
    )


def _rests(stack: Stack) -> bool:
    return not stack.busy and stack.status != "REVIEW_IN_PROGRESS"


def _is_end(event: StackEvent, stack: str) -> bool:
    """Whether an event ends a change of the whole stack, which is known by its ARN: `…:stack/NAME/…`."""
    own = event.physical == stack or (event.kind == _STACK and f":stack/{event.logical}/" in stack)
    return own and event.status.endswith(("_COMPLETE", "_FAILED"))


def _last_event(clients: Clients, stack: str) -> str:
    return next((event.id for event in stacks.events(clients, stack)), "")


def _events_after(clients: Clients, stack: str, since: str) -> list[StackEvent]:
    """What happened since, the oldest first; nothing of a stack that is gone without a trace."""
    fresh: list[StackEvent] = []
    try:
        for event in stacks.events(clients, stack):
            if event.id == since:
                break
            fresh.append(event)
    except NotDeployedError:
        return []
    return fresh[::-1]


def _moved(event: StackEvent) -> Event:
    return ResourceMoved(event.logical, event.kind, event.status, event.reason, event.at.isoformat())
