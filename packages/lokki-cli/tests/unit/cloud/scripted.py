"""CloudFormation's answers as a test writes them: the state of a stack, and what happened to it."""

from __future__ import annotations

from collections.abc import Iterable

from .servers import Answer, Gate

STACK_ID = "arn:aws:cloudformation:us-east-1:123456789012:stack/birds-flow/1"
STACK_TYPE = "AWS::CloudFormation::Stack"

Happening = tuple[str, str, str, str]
"""(logical id, type, status, reason)."""


def stack(status: str, reason: str = "", id: str = STACK_ID) -> Answer:
    """DescribeStacks: the stack has this status."""
    told = f"<StackStatusReason>{reason}</StackStatusReason>" if reason else ""
    member = (
        f"<StackName>birds-flow</StackName><StackId>{id}</StackId><CreationTime>2026-01-01T00:00:00Z"
        f"</CreationTime><StackStatus>{status}</StackStatus>{told}"
    )
    return _answer("DescribeStacks", f"<Stacks><member>{member}</member></Stacks>")


def events(happenings: Iterable[Happening]) -> Answer:
    """DescribeStackEvents: what happened, the oldest first."""
    members = [
        f"<member><EventId>{place}</EventId><StackId>{STACK_ID}</StackId><StackName>birds-flow</StackName>"
        f"<LogicalResourceId>{logical}</LogicalResourceId><ResourceType>{kind}</ResourceType>"
        f"<PhysicalResourceId>{STACK_ID if kind == STACK_TYPE else logical}</PhysicalResourceId>"
        f"<Timestamp>2026-01-01T00:00:{place:02}Z</Timestamp><ResourceStatus>{status}</ResourceStatus>"
        f"<ResourceStatusReason>{reason}</ResourceStatusReason></member>"
        for place, (logical, kind, status, reason) in enumerate(happenings)
    ]
    return _answer("DescribeStackEvents", f"<StackEvents>{''.join(reversed(members))}</StackEvents>")


def done(operation: str, content: str = "") -> Answer:
    """Any operation that says no more than that it was done."""
    return _answer(operation, content)


def play(gate: Gate, steps: Iterable[tuple[str, Iterable[Happening]]]) -> None:
    """Let each look at the stack find the next of `steps` (status, what happened since the step before).

    The last step stays.
    """
    left = list(steps)
    past: list[Happening] = []
    status = ""

    def look() -> Answer:
        nonlocal status
        if left:
            status, fresh = left.pop(0)
            past.extend(fresh)
        return stack(status)

    gate.answers["DescribeStacks"] = look
    gate.answers["DescribeStackEvents"] = lambda: events(past)


def _answer(operation: str, content: str) -> Answer:
    body = f"<{operation}Response><{operation}Result>{content}</{operation}Result></{operation}Response>"
    return Answer("", status=200, body=body.encode())
