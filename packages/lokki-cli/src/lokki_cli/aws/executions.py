"""Step Functions: executions of one state machine, their histories and their maps.

Input: clients and a state machine. Output: frozen data. Every request goes through botocore's retries, so throttling
is waited out there; what is left of it comes as ThrottledError.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..errors import MissingResourceError, NameTakenError, OperationError
from .clients import Clients

PAGE = 1000
"""Events of a history that one request brings; the most there can be."""

LIST_PAGE = 100
"""Executions that one request brings."""

UNDER_WAY = ("RUNNING", "PENDING_REDRIVE")
"""Statuses of an execution that has not ended."""


@dataclass(frozen=True)
class Execution:
    """One execution, as far as what was asked for tells."""

    arn: str
    name: str
    status: str
    """`RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT`, `ABORTED` or `PENDING_REDRIVE`."""
    started_at: datetime
    """In UTC."""
    stopped_at: datetime | None = None
    """In UTC; None while it runs."""
    input: Mapping[str, Any] | None = None
    """Its input, where it is an object; None where it was not asked for."""
    error: str | None = None
    """Step Functions' name of what ended it; None where nothing did, or where it was not asked for."""
    cause: str | None = None
    """What it says about the error."""

    @property
    def is_under_way(self) -> bool:
        """Whether it has not ended."""
        return self.status in UNDER_WAY

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Execution:
        """Read what DescribeExecution or ListExecutions says of it."""
        return cls(
            arn=answer["executionArn"],
            name=answer["name"],
            status=answer["status"],
            started_at=utc(answer["startDate"]),
            stopped_at=utc(answer["stopDate"]) if answer.get("stopDate") else None,
            input=_object(answer.get("input")),
            error=answer.get("error"),
            cause=answer.get("cause"),
        )


@dataclass(frozen=True)
class MapRun:
    """How far a map has come. It counts rows of the manifest: items, or batches of them."""

    arn: str
    status: str
    """`RUNNING`, `SUCCEEDED`, `FAILED` or `ABORTED`."""
    total: int
    done: int
    """Rows that succeeded."""
    failed: int
    """Rows that failed, timed out or were aborted."""

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> MapRun:
        """Read what DescribeMapRun says."""
        counts = answer.get("itemCounts") or {}
        failed = sum(int(counts.get(kind, 0)) for kind in ("failed", "timedOut", "aborted"))
        total, done = int(counts.get("total", 0)), int(counts.get("succeeded", 0))
        return cls(answer["mapRunArn"], answer["status"], total, done, failed)


@dataclass(frozen=True)
class Page:
    """Events of a history, oldest first."""

    events: tuple[Mapping[str, Any], ...]
    token: str | None
    """What asks for the next page; None where this is the last one so far."""


@dataclass(frozen=True)
class Executions:
    """The executions of one state machine."""

    clients: Clients
    state_machine: str
    """Its ARN."""

    @property
    def name(self) -> str:
        """The state machine's name."""
        return self.state_machine.rpartition(":")[2]

    def arn_of(self, name: str) -> str:
        """The ARN of the execution with this name."""
        return f"{self.state_machine.replace(':stateMachine:', ':execution:')}:{name}"

    def start(self, name: str, given: Mapping[str, Any]) -> Execution | None:
        """Start an execution; None where the name is taken. Starting the same one twice at once starts it once.

        Raises NotDeployedError where there is no such state machine, and OperationError.
        """
        text = json.dumps(given)
        try:
            with self._about():
                answer = self.clients.stepfunctions.start_execution(
                    stateMachineArn=self.state_machine, name=name, input=text
                )
        except NameTakenError:
            return None
        return Execution(answer["executionArn"], name, "RUNNING", utc(answer["startDate"]), input=given)

    def describe(self, name: str) -> Execution | None:
        """The execution with this name; None where there is none."""
        return self.describe_arn(self.arn_of(name))

    def describe_arn(self, arn: str) -> Execution | None:
        """The execution with this ARN, a map's child too; None where there is none."""
        try:
            with self._about(f"execution '{arn.rpartition(':')[2]}'"):
                return Execution.from_answer(self.clients.stepfunctions.describe_execution(executionArn=arn))
        except MissingResourceError:
            return None

    def newest(self) -> Iterator[Execution]:
        """All executions, the newest first, without their inputs. Raises NotDeployedError."""
        yield from self._list(stateMachineArn=self.state_machine)

    def children(self, map_run: str, status: str) -> Iterator[Execution]:
        """Executions of a map's items that have this status, without their inputs."""
        yield from self._list(mapRunArn=map_run, statusFilter=status)

    def definition(self, arn: str) -> Mapping[str, Any]:
        """The definition that an execution runs by, which need not be what is deployed now."""
        with self._about(f"execution '{arn.rpartition(':')[2]}'"):
            answer = self.clients.stepfunctions.describe_state_machine_for_execution(executionArn=arn)
        return _definition(answer["definition"])

    def deployed_definition(self) -> Mapping[str, Any]:
        """The definition that the next execution will run by. Raises NotDeployedError."""
        with self._about():
            answer = self.clients.stepfunctions.describe_state_machine(stateMachineArn=self.state_machine)
        return _definition(answer["definition"])

    def page(self, arn: str, token: str | None = None) -> Page:
        """Some of an execution's history. The same token gives the same events, and those that came since."""
        more = {"nextToken": token} if token else {}
        with self._about(f"execution '{arn.rpartition(':')[2]}'"):
            answer = self.clients.stepfunctions.get_execution_history(executionArn=arn, maxResults=PAGE, **more)
        return Page(tuple(answer["events"]), answer.get("nextToken"))

    def history(self, arn: str) -> Iterator[Mapping[str, Any]]:
        """All events of an execution so far, oldest first."""
        page = self.page(arn)
        yield from page.events
        while page.token:
            page = self.page(arn, page.token)
            yield from page.events

    def map_run(self, arn: str) -> MapRun:
        """How far a map has come."""
        with self._about("map"):
            return MapRun.from_answer(self.clients.stepfunctions.describe_map_run(mapRunArn=arn))

    def _list(self, **what: str) -> Iterator[Execution]:
        token: str | None = None
        while True:
            more = {"nextToken": token} if token else {}
            with self._about():
                answer = self.clients.stepfunctions.list_executions(maxResults=LIST_PAGE, **what, **more)
            yield from map(Execution.from_answer, answer["executions"])
            token = answer.get("nextToken")
            if not token:
                return

    def _about(self, subject: str | None = None) -> Any:
        return self.clients.about(subject or f"state machine '{self.name}'")


def _definition(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise OperationError(f"the state machine's definition is no JSON ({error}).") from error
    return found if isinstance(found, dict) else {}


def _object(text: str | None) -> Mapping[str, Any] | None:
    """The object that a JSON text says; None for anything else."""
    try:
        found = json.loads(text or "null")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def utc(moment: datetime) -> datetime:
    """A moment of an answer, in UTC; one without a zone is meant in it."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def details_of(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an event of a history says beside its type and time."""
    for name, value in event.items():
        if name.endswith("EventDetails") and isinstance(value, Mapping):
            return value
    return {}
