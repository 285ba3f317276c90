"""CloudFormation stacks: what there is, what would change, what is going on.

Input: `Clients` and names. Output: frozen data. Raises OperationError; a stack that is not there is None.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..errors import NotDeployedError
from .clients import Clients

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]


@dataclass(frozen=True)
class Stack:
    """A stack as it is now."""

    name: str
    id: str
    """Its ARN, which outlives it."""
    status: str
    """`UPDATE_COMPLETE`."""
    reason: str
    """Why it has that status; often empty."""
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]

    @property
    def busy(self) -> bool:
        """Whether CloudFormation is at work on it; one that only has a change set is not."""
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    @property
    def failed(self) -> bool:
        """Whether its last change went wrong, wholly or until it was taken back."""
        return "FAILED" in self.status or "ROLLBACK" in self.status


@dataclass(frozen=True)
class Change:
    """What a change set does to one resource."""

    action: str
    """`Add`, `Modify`, `Remove`, …"""
    logical: str
    kind: str
    """`AWS::Lambda::Function`."""
    replacement: str
    """`True`, `False`, `Conditional`: whether the resource is made anew; empty where that is no question."""


@dataclass(frozen=True)
class ChangeSet:
    """A change that CloudFormation has worked out."""

    id: str
    name: str
    stack: str
    status: str
    """`CREATE_COMPLETE` and `FAILED` end it."""
    reason: str
    changes: tuple[Change, ...]

    @property
    def empty(self) -> bool:
        """Whether it failed only because there is nothing to change."""
        told = ("didn't contain changes", "No updates are to be performed", "no changes")
        return self.status == "FAILED" and any(text in self.reason for text in told)


@dataclass(frozen=True)
class StackEvent:
    """One thing that happened to one resource."""

    id: str
    at: datetime
    logical: str
    kind: str
    status: str
    reason: str
    physical: str


@dataclass(frozen=True)
class Resource:
    """A resource of a stack."""

    logical: str
    kind: str
    physical: str
    status: str
    reason: str


def find(clients: Clients, name: str) -> Stack | None:
    """The stack with this name, or this ARN; None where there is none."""
    try:
        with clients.about(f"stack '{name}'"):
            found = clients.cloudformation.describe_stacks(StackName=name)["Stacks"]
    except NotDeployedError:
        return None
    return _stack(found[0]) if found else None


def required(clients: Clients, name: str) -> Stack:
    """The same, of a flow that is deployed. Raises NotDeployedError."""
    found = find(clients, name)
    if found is None or found.status in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE"):
        raise NotDeployedError(
            f"stack '{name}': there is none in {clients.settings.place}.",
            hint="Deploy the flow first, or correct --stack-name, --env, --region or --profile.",
        )
    return found


def template(clients: Clients, name: str) -> str:
    """The template a stack was last deployed with, as it was given; empty where none ever was."""
    with clients.about(f"stack '{name}'"):
        body = clients.cloudformation.get_template(StackName=name, TemplateStage="Original").get("TemplateBody", "")
    return body if isinstance(body, str) else json.dumps(body)


def resources(clients: Clients, name: str) -> list[Resource]:
    """What a stack consists of."""
    with clients.about(f"stack '{name}'"):
        pages = clients.cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        return [_resource(one) for page in pages for one in page.get("StackResourceSummaries", ())]


def create_change_set(
    clients: Clients,
    stack: str,
    name: str,
    template: Mapping[str, str],
    parameters: Mapping[str, str],
    tags: Mapping[str, str],
    *,
    new: bool,
) -> str:
    """Let CloudFormation work out a change; the change set's id.

    `template` is {`TemplateBody`: text} or {`TemplateURL`: url}; `new` says that the stack is made by it.
    """
    with clients.about(f"stack '{stack}'"):
        made = clients.cloudformation.create_change_set(
            StackName=stack,
            ChangeSetName=name,
            ChangeSetType="CREATE" if new else "UPDATE",
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            Capabilities=CAPABILITIES,
            **template,
        )
    return str(made["Id"])


def change_set(clients: Clients, stack: str, id: str) -> ChangeSet:
    """A change set as it is now, with all its changes."""
    changes: list[Change] = []
    token: dict[str, str] = {}
    with clients.about(f"stack '{stack}'"):
        while True:
            page = clients.cloudformation.describe_change_set(StackName=stack, ChangeSetName=id, **token)
            changes += [_change(one["ResourceChange"]) for one in page.get("Changes", ()) if "ResourceChange" in one]
            if not page.get("NextToken"):
                break
            token = {"NextToken": page["NextToken"]}
    reason = str(page.get("StatusReason") or "")
    return ChangeSet(id, str(page["ChangeSetName"]), stack, str(page["Status"]), reason, tuple(changes))


def execute(clients: Clients, change: ChangeSet) -> None:
    """Begin to do what a change set says."""
    with clients.about(f"stack '{change.stack}'"):
        clients.cloudformation.execute_change_set(StackName=change.stack, ChangeSetName=change.id)


def drop_change_set(clients: Clients, stack: str, id: str) -> None:
    """Throw a change set away."""
    with clients.about(f"stack '{stack}'"):
        clients.cloudformation.delete_change_set(StackName=stack, ChangeSetName=id)


def delete(clients: Clients, name: str) -> None:
    """Begin to delete a stack."""
    with clients.about(f"stack '{name}'"):
        clients.cloudformation.delete_stack(StackName=name)


def events(clients: Clients, name: str) -> Iterator[StackEvent]:
    """What happened to a stack, the newest first; each page is fetched when it is wanted."""
    with clients.about(f"stack '{name}'"):
        for page in clients.cloudformation.get_paginator("describe_stack_events").paginate(StackName=name):
            for one in page.get("StackEvents", ()):
                yield _event(one)


def _stack(given: Mapping[str, Any]) -> Stack:
    return Stack(
        name=str(given["StackName"]),
        id=str(given["StackId"]),
        status=str(given["StackStatus"]),
        reason=str(given.get("StackStatusReason") or ""),
        parameters={one["ParameterKey"]: one.get("ParameterValue", "") for one in _list(given, "Parameters")},
        outputs={one["OutputKey"]: one["OutputValue"] for one in _list(given, "Outputs")},
    )


def _list(given: Mapping[str, Any], key: str) -> Sequence[Mapping[str, str]]:
    return given.get(key) or ()


def _resource(given: Mapping[str, Any]) -> Resource:
    return Resource(
        str(given["LogicalResourceId"]),
        str(given["ResourceType"]),
        str(given.get("PhysicalResourceId") or ""),
        str(given.get("ResourceStatus") or ""),
        str(given.get("ResourceStatusReason") or ""),
    )


def _change(given: Mapping[str, Any]) -> Change:
    return Change(
        str(given["Action"]),
        str(given["LogicalResourceId"]),
        str(given["ResourceType"]),
        str(given.get("Replacement") or ""),
    )


def _event(given: Mapping[str, Any]) -> StackEvent:
    return StackEvent(
        str(given["EventId"]),
        given["Timestamp"],
        str(given.get("LogicalResourceId") or ""),
        str(given.get("ResourceType") or ""),
        str(given.get("ResourceStatus") or ""),
        str(given.get("ResourceStatusReason") or ""),
        str(given.get("PhysicalResourceId") or ""),
    )
