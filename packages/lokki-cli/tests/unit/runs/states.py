"""A Step Functions for tests: it interprets generated definitions, calling lokki's runtime in this process.

It keeps what Step Functions keeps (executions, histories, map runs) and answers its API. Everything that the builder
writes is understood and nothing else. An execution runs to its end while it is started; `reveal` makes its history
appear bit by bit, as if it took its time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from lokki.clock import SYSTEM_CLOCK

from .templates import evaluate, holds

State = Mapping[str, Any]
Task = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""Does a task: the name of its function or job definition, and its event; raises TaskError."""

ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:{}"


class TaskError(Exception):
    """A task failed: `error` is what Step Functions calls it."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(error)
        self.error = error
        self.cause = cause


class Refused(Exception):
    """The API refuses a request."""

    def __init__(self, code: str, message: str = "no") -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Run:
    """One execution, a map's child too."""

    arn: str
    name: str
    machine: str
    definition: str
    given: Any
    started_at: datetime
    map_run: str = ""
    status: str = "RUNNING"
    stopped_at: datetime | None = None
    error: str | None = None
    cause: str | None = None
    events: list[dict[str, Any]] = field(default_factory=list)

    def tell(self, kind: str, details: str = "", **what: Any) -> None:
        """Add an event to the history."""
        event: dict[str, Any] = {"id": len(self.events) + 1, "type": kind, "timestamp": _stamp(SYSTEM_CLOCK.now())}
        self.events.append(event | ({details: what} if details else {}))


@dataclass
class MapRun:
    """One map at work."""

    arn: str
    execution: str
    total: int
    done: int = 0
    failed: int = 0
    status: str = "RUNNING"
    seen: list[tuple[int, int]] = field(default_factory=list)
    """(done, failed) that DescribeMapRun tells one after the other, before the truth."""


@dataclass
class States:
    """All state machines of one account and region."""

    task: Task
    read: Callable[[str, str], bytes]
    """The object with this key of this bucket."""
    machines: dict[str, str] = field(default_factory=dict)
    """{ARN: definition}."""
    runs: dict[str, Run] = field(default_factory=dict)
    map_runs: dict[str, MapRun] = field(default_factory=dict)
    reveal: int | None = None
    """How many more events each GetExecutionHistory shows; None for all."""
    page: int = 1000
    """The most events of a page."""
    lists_children: bool = True
    """Whether ListExecutions knows maps' children; for EXPRESS ones it does not."""
    _shown: dict[str, int] = field(default_factory=dict)

    def call(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a request. Raises Refused."""
        found: dict[str, Any] = getattr(self, f"_{operation}")(**given)
        return found

    def abort(self, arn: str) -> None:
        """Stop an execution, as from the console."""
        run = self.runs[arn]
        run.status, run.cause = "ABORTED", "stopped by hand"
        del run.events[-1]
        run.tell("ExecutionAborted", "executionAbortedEventDetails", cause=run.cause)

    # The API

    def _StartExecution(self, stateMachineArn: str, name: str, input: str) -> dict[str, Any]:  # noqa: N802, N803  # AWS's names
        if stateMachineArn not in self.machines:
            raise Refused("StateMachineDoesNotExist", "State Machine Does Not Exist")
        arn = f"{stateMachineArn.replace(':stateMachine:', ':execution:')}:{name}"
        if arn in self.runs:
            raise Refused("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
        run = self._new(arn, name, stateMachineArn, self.machines[stateMachineArn], json.loads(input))
        self._work(run)
        return {"executionArn": arn, "startDate": _stamp(run.started_at)}

    def _DescribeExecution(self, executionArn: str) -> dict[str, Any]:  # noqa: N802, N803  # AWS's names
        run = self._run(executionArn)
        status = "RUNNING" if self._hides(run) else run.status
        return {**self._listed(run, status), "input": json.dumps(run.given), **self._end(run, status)}

    def _ListExecutions(  # noqa: N802  # AWS's name
        self,
        maxResults: int,  # noqa: N803  # AWS's name
        stateMachineArn: str = "",  # noqa: N803  # AWS's name
        mapRunArn: str = "",  # noqa: N803  # AWS's name
        statusFilter: str = "",  # noqa: N803  # AWS's name
        nextToken: str = "0",  # noqa: N803  # AWS's name; no secret
    ) -> dict[str, Any]:
        if stateMachineArn and stateMachineArn not in self.machines:
            raise Refused("StateMachineDoesNotExist", "State Machine Does Not Exist")
        if mapRunArn and not self.lists_children:
            raise Refused("ValidationException", "not for EXPRESS")
        found = [
            self._listed(run, run.status)
            for run in sorted(self.runs.values(), key=lambda one: one.started_at, reverse=True)
            if (run.map_run == mapRunArn if mapRunArn else run.machine == stateMachineArn and not run.map_run)
            and statusFilter in ("", run.status)
        ]
        start = int(nextToken)
        more = {"nextToken": str(start + 2)} if len(found) > start + 2 else {}
        return {"executions": found[start : start + 2], **more}

    def _DescribeStateMachine(self, stateMachineArn: str) -> dict[str, Any]:  # noqa: N802, N803  # AWS's names
        if stateMachineArn not in self.machines:
            raise Refused("StateMachineDoesNotExist", "State Machine Does Not Exist")
        return {"stateMachineArn": stateMachineArn, "definition": self.machines[stateMachineArn]}

    def _DescribeStateMachineForExecution(self, executionArn: str) -> dict[str, Any]:  # noqa: N802, N803  # AWS's names
        return {"definition": self._run(executionArn).definition}

    def _GetExecutionHistory(  # noqa: N802  # AWS's name
        self,
        executionArn: str,  # noqa: N803  # AWS's name
        maxResults: int,  # noqa: N803  # AWS's name
        nextToken: str = "0",  # noqa: N803  # AWS's name; no secret
    ) -> dict[str, Any]:
        run = self._run(executionArn)
        if self.reveal is not None:
            self._shown[run.arn] = self._shown.get(run.arn, 0) + self.reveal
        visible = run.events[: self._shown.get(run.arn, len(run.events))]
        start, size = int(nextToken), min(maxResults, self.page)
        more = {"nextToken": str(start + size)} if len(visible) > start + size else {}
        return {"events": visible[start : start + size], **more}

    def _DescribeMapRun(self, mapRunArn: str) -> dict[str, Any]:  # noqa: N802, N803  # AWS's names
        one = self.map_runs[mapRunArn]
        done, failed = one.seen.pop(0) if one.seen else (one.done, one.failed)
        counts = {"total": one.total, "succeeded": done, "failed": failed, "timedOut": 0, "aborted": 0}
        return {"mapRunArn": mapRunArn, "status": one.status, "itemCounts": counts}

    def _run(self, arn: str) -> Run:
        if arn not in self.runs:
            raise Refused("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return self.runs[arn]

    def _hides(self, run: Run) -> bool:
        return self.reveal is not None and self._shown.get(run.arn, 0) < len(run.events)

    def _listed(self, run: Run, status: str) -> dict[str, Any]:
        stop = {"stopDate": _stamp(run.stopped_at)} if run.stopped_at and status != "RUNNING" else {}
        start = _stamp(run.started_at)
        return {"executionArn": run.arn, "name": run.name, "status": status, "startDate": start, **stop}

    def _end(self, run: Run, status: str) -> dict[str, Any]:
        found = {"error": run.error, "cause": run.cause} if status != "RUNNING" else {}
        return {key: value for key, value in found.items() if value is not None}

    # The interpreter

    def _new(self, arn: str, name: str, machine: str, definition: str, given: Any, map_run: str = "") -> Run:
        run = self.runs[arn] = Run(arn, name, machine, definition, given, SYSTEM_CLOCK.now(), map_run)
        run.tell("ExecutionStarted", "executionStartedEventDetails", input=json.dumps(given))
        return run

    def _work(self, run: Run, states: State | None = None, item: Any = None) -> bool:
        """Do an execution; whether it succeeded."""
        whole = states or json.loads(run.definition)
        try:
            self._states(run, whole, run.given, item)
        except TaskError as error:
            run.status, run.error, run.cause = "FAILED", error.error, error.cause
            run.tell("ExecutionFailed", "executionFailedEventDetails", error=error.error, cause=error.cause)
        else:
            run.status = "SUCCEEDED"
            run.tell("ExecutionSucceeded", "executionSucceededEventDetails", output="{}")
        run.stopped_at = SYSTEM_CLOCK.now()
        return run.status == "SUCCEEDED"

    def _states(self, run: Run, whole: State, data: Any, item: Any) -> None:
        name: str | None = whole["StartAt"]
        while name is not None:
            state = whole["States"][name]
            kind = state["Type"]
            run.tell(f"{kind}StateEntered", "stateEnteredEventDetails", name=name, input=json.dumps(data))
            context = {"Execution": {"Name": run.name}, "State": {"RetryCount": 0}, "Map": {"Item": {"Value": item}}}
            if kind == "Choice":
                run.tell("ChoiceStateExited", "stateExitedEventDetails", name=name)
                name = next((one["Next"] for one in state["Choices"] if holds(one, data)), state["Default"])
                continue
            if kind == "Pass":
                data = evaluate(state["Parameters"], data, context)
            elif kind == "Task":
                self._task(run, state, data, context)
                data = evaluate({"x.$": state.get("OutputPath", "$")}, data, context)["x"]
            else:
                self._map(run, name, state, data, context)
            run.tell(f"{kind}StateExited", "stateExitedEventDetails", name=name, output=json.dumps(data))
            name = state.get("Next")

    def _task(self, run: Run, state: State, data: Any, context: dict[str, Any]) -> None:
        left = {place: int(one["MaxAttempts"]) for place, one in enumerate(state.get("Retry", ()))}
        while True:
            run.tell("TaskScheduled", "taskScheduledEventDetails", resourceType="lambda", resource="invoke")
            run.tell("TaskStarted", "taskStartedEventDetails", resourceType="lambda", resource="invoke")
            try:
                reply = self.task(*_asked(evaluate(state["Parameters"], data, context)))
                run.tell("TaskSucceeded", "taskSucceededEventDetails", output=json.dumps({"Payload": reply}))
                return
            except TaskError as error:
                run.tell("TaskFailed", "taskFailedEventDetails", error=error.error, cause=error.cause)
                fitting = (p for p, one in enumerate(state.get("Retry", ())) if error.error in one["ErrorEquals"])
                retrier = next(fitting, None)
                if retrier is None or not left[retrier]:
                    raise
                left[retrier] -= 1
                context["State"]["RetryCount"] += 1

    def _map(self, run: Run, name: str, state: State, data: Any, context: dict[str, Any]) -> None:
        reader = evaluate(state["ItemReader"]["Parameters"], data, context)
        rows = json.loads(self.read(reader["Bucket"], reader["Key"]))
        arn = f"{run.machine.replace(':stateMachine:', ':mapRun:')}/{state['Label']}:{uuid4()}"
        map_run = self.map_runs[arn] = MapRun(arn, run.arn, len(rows))
        run.tell("MapRunStarted", "mapRunStartedEventDetails", mapRunArn=arn)
        for row in rows:
            place = {**context, "Map": {"Item": {"Value": row}}}
            given = evaluate(state["ItemSelector"], data, place)
            child = str(uuid4())
            made = f"{run.machine.replace(':stateMachine:', ':execution:')}/{state['Label']}:{child}"
            fine = self._work(self._new(made, child, run.machine, run.definition, given, arn), state["ItemProcessor"])
            map_run.done, map_run.failed = map_run.done + fine, map_run.failed + (not fine)
            if not fine and not state.get("ToleratedFailurePercentage"):
                map_run.status = "FAILED"
                raise TaskError("States.ExceedToleratedFailureThreshold", "The specified tolerated failure ...")
        map_run.status = "SUCCEEDED"
        run.tell("MapRunSucceeded")


def _asked(parameters: Mapping[str, Any]) -> tuple[str, Any]:
    """(function or job definition, event) of a task."""
    if "JobDefinition" in parameters:
        (variable,) = parameters["ContainerOverrides"]["Environment"]
        return parameters["JobDefinition"], json.loads(variable["Value"])
    return parameters["FunctionName"], parameters["Payload"]


def _stamp(moment: datetime) -> float:
    return moment.timestamp()
