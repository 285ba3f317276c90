"""CloudFormation without our command line: for templates that it would never make."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import WaiterError

from .aws import Aws

POLL = {"Delay": 1, "MaxAttempts": 600}


class NotMadeError(Exception):
    """A stack was not made; the text says what failed, the first failure first."""


def create(aws: Aws, name: str, template: str) -> None:
    """Create a stack, and wait. Raises NotMadeError, with nothing left of it."""
    formation = aws.client("cloudformation")
    formation.create_stack(StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"])
    try:
        formation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=POLL)
    except WaiterError as error:
        failures = _failures(formation, name)
        formation.delete_stack(StackName=name)
        formation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=POLL)
        raise NotMadeError("\n".join(failures)) from error


def _failures(formation: Any, name: str) -> list[str]:
    events = formation.describe_stack_events(StackName=name)["StackEvents"]
    return [
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"
        for event in reversed(events)
        if event["ResourceStatus"].endswith("FAILED")
    ]
