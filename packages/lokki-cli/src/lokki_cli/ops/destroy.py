"""Deletes a flow's stack, and on request the data of its runs.

Input: `Clients`, names. Output: events; `surveyed` says what will go and what stays. Raises OperationError.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from lokki.clock import Clock
from lokki.config import LokkiConfig
from lokki_builder.cfn.read import read_template

from ..aws import stacks
from ..aws.artifacts import Bucket
from ..aws.clients import Clients
from ..aws.names import Names
from ..aws.stacks import Resource, Stack
from .events import Begun, Done, Progress
from .stack import check_at_rest, check_owner, remove

NOUNS = {
    "AWS::StepFunctions::StateMachine": ("state machine", "state machines"),
    "AWS::Lambda::Function": ("Lambda function", "Lambda functions"),
    "AWS::Lambda::Version": ("version of functions", "versions of functions"),
    "AWS::IAM::Role": ("role", "roles"),
    "AWS::IAM::Policy": ("policy", "policies"),
    "AWS::Logs::LogGroup": ("log group with its logs", "log groups with their logs"),
    "AWS::Batch::JobDefinition": ("Batch job definition", "Batch job definitions"),
    "AWS::Batch::JobQueue": ("Batch job queue", "Batch job queues"),
    "AWS::Batch::ComputeEnvironment": ("Batch compute environment", "Batch compute environments"),
    "AWS::Scheduler::Schedule": ("schedule", "schedules"),
    "AWS::Events::Rule": ("EventBridge rule", "EventBridge rules"),
}
"""{type: one of it, several}."""


@dataclass(frozen=True)
class Survey:
    """What deleting a stack comes to."""

    stack: Stack
    bucket: Bucket | None
    names: Names
    goes: tuple[str, ...]
    """What will be gone, in words: `3 Lambda functions`."""
    stays: tuple[str, ...]
    """What will be left."""
    running: int
    """Runs under way, which end."""


def surveyed(clients: Clients, names: Names, config: LokkiConfig, purge: bool) -> Progress[Survey]:
    """What deleting the stack comes to. Raises NotDeployedError, and StackError for a busy one."""
    yield Begun(f"looking at the stack {names.stack}")
    stack = stacks.required(clients, names.stack)
    check_at_rest(stack)
    text = stacks.template(clients, stack.name)
    check_owner(stack.name, text, names.flow)
    found = [one for one in stacks.resources(clients, stack.name) if one.status != "DELETE_COMPLETE"]
    kept = _retained(text)
    name = stack.parameters.get("S3Bucket") or config.aws.artifact_bucket
    bucket = Bucket(clients, name) if name else None
    goes = _counted([one for one in found if one.logical not in kept])
    stays = _stays([one for one in found if one.logical in kept], stack, bucket, names, purge)
    if bucket and purge:
        goes = (*goes, f"the data of all runs: {bucket.url(names.runs)}")
    return Survey(stack, bucket, names, goes, stays, _running(clients, found))


def destroyed(clients: Clients, survey: Survey, purge: bool, clock: Clock) -> Progress[None]:
    """Delete the stack, then the runs' data where `purge` says so. Raises StackError with the first failure."""
    yield from remove(clients, survey.stack, clock)
    if purge and survey.bucket:
        yield from _purged(survey.bucket, survey.names)


def _purged(bucket: Bucket, names: Names) -> Progress[None]:
    yield Begun(f"deleting {bucket.url(names.runs)}")
    gone = 0
    for gone in bucket.delete_all(names.runs):
        yield Begun(f"deleting {bucket.url(names.runs)}: {gone:,} objects")
    yield Done(f"deleted {gone:,} {'object' if gone == 1 else 'objects'} of {bucket.url(names.runs)}")


def _retained(text: str) -> set[str]:
    """Logical ids that CloudFormation leaves. A function takes its versions along, whatever they say."""
    found: dict[str, Any] = (read_template(text).get("Resources") or {}) if text else {}
    return {
        logical
        for logical, one in found.items()
        if one.get("DeletionPolicy") == "Retain" and one.get("Type") != "AWS::Lambda::Version"
    }


def _stays(kept: list[Resource], stack: Stack, bucket: Bucket | None, names: Names, purge: bool) -> tuple[str, ...]:
    lines = list(_counted(kept))
    if bucket:
        what = "templates, zips and the record of deployments" if purge else "the data of all runs, and what was built"
        where = names.prefix + ("artifacts/" if purge else "")
        lines.append(f"{what}: {bucket.url(where)}")
    repository = stack.parameters.get("ImageRepository")
    if repository:
        lines.append(f"the images in {repository}")
    return tuple(lines)


def _counted(found: list[Resource]) -> tuple[str, ...]:
    """Resources by type: `3 Lambda functions`."""
    counts = Counter(one.kind for one in found)
    return tuple(f"{count} {_noun(kind, count)}" for kind, count in counts.items())


def _noun(kind: str, count: int) -> str:
    one, several = NOUNS.get(kind, (kind, kind))
    return one if count == 1 else several


def _running(clients: Clients, found: list[Resource]) -> int:
    """How many runs are under way; a hundred stand for more."""
    machine = next((one.physical for one in found if one.kind == "AWS::StepFunctions::StateMachine"), "")
    if not machine:
        return 0
    with clients.about(f"state machine '{machine}'"):
        answer = clients.stepfunctions.list_executions(stateMachineArn=machine, statusFilter="RUNNING", maxResults=100)
    return len(answer["executions"])
