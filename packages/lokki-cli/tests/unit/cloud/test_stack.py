"""Stacks that change, fail, and cannot be changed: CloudFormation's part is written down, and spoken over HTTP."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import pytest
from lokki.testing import FakeClock
from lokki_cli.aws import stacks
from lokki_cli.aws.stacks import ChangeSet
from lokki_cli.errors import NameTakenError, StackError
from lokki_cli.ops.changes import Diff
from lokki_cli.ops.events import Begun, Done, Event, ResourceMoved
from lokki_cli.ops.stack import (
    Proposal,
    carry_out,
    check_owner,
    plain_reason,
    propose,
    remove,
    status,
    watched,
    withdraw,
)

from .scripted import STACK_ID, STACK_TYPE, done, events, play, stack
from .servers import Gate, clients

T = TypeVar("T")
NOTHING = Diff((), (), ())
FUNCTION = "AWS::Lambda::Function"


def carried(progress: Generator[Event, None, T]) -> tuple[list[Event], T]:
    """(events, result) of an operation."""
    told: list[Event] = []
    while True:
        try:
            told.append(next(progress))
        except StopIteration as end:
            return told, end.value


def proposal(new: bool = False) -> Proposal:
    return Proposal("birds-flow", ChangeSet("id", "name", "birds-flow", "CREATE_COMPLETE", "", ()), NOTHING, new)


def test_a_change_is_told_while_it_goes_on(faults: Gate) -> None:
    clock = FakeClock()
    faults.answers["ExecuteChangeSet"] = lambda: done("ExecuteChangeSet")
    play(
        faults,
        [
            ("UPDATE_COMPLETE", [("birds-flow", STACK_TYPE, "UPDATE_COMPLETE", "")]),
            ("UPDATE_COMPLETE", []),  # asked for, not begun
            ("UPDATE_IN_PROGRESS", [("birds-flow", STACK_TYPE, "UPDATE_IN_PROGRESS", "User Initiated")]),
            ("UPDATE_IN_PROGRESS", [("Flap", FUNCTION, "UPDATE_IN_PROGRESS", "")]),
            ("UPDATE_IN_PROGRESS", []),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", [("Flap", FUNCTION, "UPDATE_COMPLETE", "")]),
            ("UPDATE_COMPLETE", [("birds-flow", STACK_TYPE, "UPDATE_COMPLETE", "")]),
        ],
    )
    told, found = carried(carry_out(clients(faults.url), proposal(), clock))
    assert found.status == "UPDATE_COMPLETE"
    assert told[0] == Begun("changing the stack birds-flow")
    assert told[-1] == Done("changed the stack birds-flow")
    moved = [event for event in told if isinstance(event, ResourceMoved)]
    assert [(one.resource, one.status) for one in moved] == [
        ("birds-flow", "UPDATE_IN_PROGRESS"),
        ("Flap", "UPDATE_IN_PROGRESS"),
        ("Flap", "UPDATE_COMPLETE"),
        ("birds-flow", "UPDATE_COMPLETE"),
    ]
    assert clock.sleeps == [1.0, 1.0, 1.0, 1.5, 1.0]


def test_a_failed_change_names_its_first_cause(faults: Gate) -> None:
    faults.answers["ExecuteChangeSet"] = lambda: done("ExecuteChangeSet")
    reason = (
        'Resource handler returned message: "Role is invalid (Service: Lambda)" (RequestToken: 1, HandlerErrorCode: X)'
    )
    play(
        faults,
        [
            ("UPDATE_COMPLETE", []),
            ("UPDATE_IN_PROGRESS", [("birds-flow", STACK_TYPE, "UPDATE_IN_PROGRESS", "")]),
            (
                "UPDATE_ROLLBACK_IN_PROGRESS",
                [
                    ("Early", FUNCTION, "UPDATE_FAILED", "Resource update cancelled"),
                    ("Flap", FUNCTION, "UPDATE_FAILED", reason),
                    ("Other", FUNCTION, "UPDATE_FAILED", "Something later"),
                    ("birds-flow", STACK_TYPE, "UPDATE_ROLLBACK_IN_PROGRESS", "The following failed: [Flap]"),
                ],
            ),
            ("UPDATE_ROLLBACK_COMPLETE", [("birds-flow", STACK_TYPE, "UPDATE_ROLLBACK_COMPLETE", "")]),
        ],
    )
    with pytest.raises(StackError) as caught:
        carried(carry_out(clients(faults.url), proposal(), FakeClock()))
    assert str(caught.value) == (
        "stack 'birds-flow': Flap (Lambda::Function) failed: Role is invalid (Service: Lambda)."
        " The stack is as CloudFormation's rollback leaves it (UPDATE_ROLLBACK_COMPLETE)."
    )


def test_a_failure_without_a_cause(faults: Gate) -> None:
    play(faults, [("ROLLBACK_COMPLETE", [("birds-flow", STACK_TYPE, "ROLLBACK_COMPLETE", "")])])
    with pytest.raises(StackError, match=r"stack 'birds-flow': ROLLBACK_COMPLETE\."):
        carried(watched(clients(faults.url), STACK_ID, "", FakeClock()))


def test_a_stack_that_never_tells_an_end_is_believed_after_some_looks(faults: Gate) -> None:
    clock = FakeClock()
    play(faults, [("CREATE_COMPLETE", [])])
    assert carried(watched(clients(faults.url), STACK_ID, "", clock))[1].status == "CREATE_COMPLETE"
    assert clock.sleeps == [1.0, 1.5]


def test_waits_grow_no_further_than_five_seconds(faults: Gate) -> None:
    clock = FakeClock()
    play(faults, [*[("CREATE_IN_PROGRESS", [])] * 8, ("CREATE_COMPLETE", [])])
    carried(watched(clients(faults.url), STACK_ID, "", clock))
    assert clock.sleeps == [1.0, 1.5, 2.25, 3.375, 5.0, 5.0, 5.0, 5.0]


def test_deleting_a_stack(faults: Gate) -> None:
    faults.answers["DeleteStack"] = lambda: done("DeleteStack")
    play(faults, [("DELETE_IN_PROGRESS", []), ("DELETE_COMPLETE", [("x", STACK_TYPE, "DELETE_COMPLETE", "")])])
    asked = clients(faults.url)
    there = stacks.find(asked, "birds-flow")
    assert there is not None
    told, _ = carried(remove(asked, there, FakeClock()))
    assert told[-1] == Done("deleted the stack birds-flow")


def test_a_deletion_that_fails(faults: Gate) -> None:
    faults.answers["DeleteStack"] = lambda: done("DeleteStack")
    bucket = ("Bucket", "AWS::S3::Bucket", "DELETE_FAILED", "The bucket is not empty")
    play(faults, [("CREATE_COMPLETE", []), ("DELETE_FAILED", [bucket])])
    asked = clients(faults.url)
    there = stacks.find(asked, "birds-flow")
    assert there is not None
    with pytest.raises(StackError, match=r"Bucket \(S3::Bucket\) failed: The bucket is not empty\. The stack is as"):
        carried(remove(asked, there, FakeClock()))


def test_a_stack_that_is_gone_without_a_trace_was_deleted(faults: Gate) -> None:
    for operation in ("DescribeStacks", "DescribeStackEvents"):
        faults.refuse(operation, "ValidationError", "Stack with id birds-flow does not exist")
    assert carried(watched(clients(faults.url), STACK_ID, "", FakeClock()))[1].status == "DELETE_COMPLETE"


@pytest.mark.parametrize("at_work", ["UPDATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"])
def test_a_busy_stack(faults: Gate, at_work: str) -> None:
    faults.answers["DescribeStacks"] = lambda: stack(at_work)
    with pytest.raises(StackError, match=rf"it is busy \({at_work}\)\. Wait until that is done, then try again\."):
        status(clients(faults.url), "birds-flow")


@pytest.mark.parametrize(
    ("state", "reason", "text"),
    [
        ("DELETE_FAILED", "The bucket is not empty", "its deletion failed: The bucket is not empty Remove what is in"),
        ("DELETE_FAILED", "", r"its deletion failed\. Remove what is in the way, then finish it: lokki-cli destroy"),
        ("UPDATE_ROLLBACK_FAILED", "", r"so did taking it back\. Mend what .* continue-update-rollback --stack-name b"),
    ],
)
def test_a_stack_that_failed_twice(faults: Gate, state: str, reason: str, text: str) -> None:
    faults.answers["DescribeStacks"] = lambda: stack(state, reason)
    with pytest.raises(StackError, match=text):
        status(clients(faults.url), "birds-flow")


@pytest.mark.parametrize("state", ["CREATE_COMPLETE", "ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"])
def test_a_stack_that_something_can_be_done_with(faults: Gate, state: str) -> None:
    faults.answers["DescribeStacks"] = lambda: stack(state)
    found = status(clients(faults.url), "birds-flow")
    assert found is not None
    assert found.status == state


def test_a_deleted_stack_is_none(faults: Gate) -> None:
    faults.answers["DescribeStacks"] = lambda: stack("DELETE_COMPLETE")
    assert status(clients(faults.url), "birds-flow") is None


def _change_set(state: str, reason: str) -> str:
    return f"<ChangeSetName>n</ChangeSetName><Status>{state}</Status><StatusReason>{reason}</StatusReason>"


@pytest.fixture
def proposing(faults: Gate) -> Gate:
    """CloudFormation at work on a change set of a stack that was only ever reviewed."""
    faults.answers["CreateChangeSet"] = lambda: done("CreateChangeSet", "<Id>id</Id>")
    faults.answers["DescribeStacks"] = lambda: stack("REVIEW_IN_PROGRESS")
    faults.answers["DeleteChangeSet"] = lambda: done("DeleteChangeSet")
    faults.answers["DeleteStack"] = lambda: done("DeleteStack")
    return faults


def test_changes_on_several_pages_are_all_read(proposing: Gate) -> None:
    def page(logical: str, token: str) -> str:
        change = (
            f"<Changes><member><Type>Resource</Type><ResourceChange><Action>Add</Action><LogicalResourceId>{logical}"
            f"</LogicalResourceId><ResourceType>{FUNCTION}</ResourceType></ResourceChange></member></Changes>"
        )
        return _change_set("CREATE_COMPLETE", "") + change + token

    pages = iter([page("A", "<NextToken>2</NextToken>"), page("B", "")])
    proposing.answers["DescribeChangeSet"] = lambda: done("DescribeChangeSet", next(pages))
    found = stacks.change_set(clients(proposing.url), "birds-flow", "id")
    assert [change.logical for change in found.changes] == ["A", "B"]


def _proposed(gate: Gate, clock: FakeClock) -> Proposal | None:
    asked = clients(gate.url)
    text = "Resources: {}"
    steps = propose(asked, "birds-flow", {"TemplateBody": text}, text, {}, {}, clock, current=None, deployed="")
    return carried(steps)[1]


def test_a_change_that_is_worked_out_after_a_while(proposing: Gate) -> None:
    clock = FakeClock()
    states = iter(["CREATE_PENDING", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"])
    proposing.answers["DescribeChangeSet"] = lambda: done("DescribeChangeSet", _change_set(next(states), ""))
    found = _proposed(proposing, clock)
    assert found is not None
    assert (found.new, found.change.status, clock.sleeps) == (True, "CREATE_COMPLETE", [1.0, 1.5])


def test_a_change_that_changes_nothing_leaves_nothing(proposing: Gate) -> None:
    reason = "The submitted information didn&apos;t contain changes."
    proposing.answers["DescribeChangeSet"] = lambda: done("DescribeChangeSet", _change_set("FAILED", reason))
    assert _proposed(proposing, FakeClock()) is None
    assert proposing.seen[-3:] == ["DeleteChangeSet", "DescribeStacks", "DeleteStack"]


def test_a_change_that_is_refused(proposing: Gate) -> None:
    proposing.answers["DescribeChangeSet"] = lambda: done("DescribeChangeSet", _change_set("FAILED", "No such type"))
    with pytest.raises(StackError, match="stack 'birds-flow': CloudFormation refuses the change: No such type"):
        _proposed(proposing, FakeClock())


def test_withdrawing_leaves_a_stack_that_has_more_than_a_change_set(proposing: Gate) -> None:
    withdraw(clients(proposing.url), proposal(new=False))
    assert proposing.seen == ["DeleteChangeSet"]


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("It broke", "It broke."),
        ("It broke.", "It broke."),
        ("", "CloudFormation gives no reason."),
        ('Resource handler returned message: "No" (RequestToken: 1, HandlerErrorCode: X)', "No."),
        ('Resource handler returned message: "No"', "No."),
    ],
)
def test_reasons_without_what_wraps_them(given: str, plain: str) -> None:
    assert plain_reason(given) == plain


def test_events_on_several_pages_are_fetched_as_far_as_needed(faults: Gate) -> None:
    faults.answers["DescribeStackEvents"] = lambda: events([("a", FUNCTION, "CREATE_COMPLETE", "")] * 3)
    assert [event.id for event in stacks.events(clients(faults.url), STACK_ID)] == ["2", "1", "0"]


@pytest.mark.parametrize("text", ["a: [", "Metadata: {Lokki: 3}", "Metadata: {}", "Resources: {}"])
def test_templates_that_are_not_of_lokkis_making(text: str) -> None:
    with pytest.raises(NameTakenError, match="there is one of this name, and it is not of lokki's making"):
        check_owner("birds-flow", text, "birds-flow")


def test_templates_of_the_flow_and_none_at_all() -> None:
    check_owner("birds-flow", "Metadata: {Lokki: {Flow: birds-flow}}", "birds-flow")
    check_owner("birds-flow", "", "birds-flow")
