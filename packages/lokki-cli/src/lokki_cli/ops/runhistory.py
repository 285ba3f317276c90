"""The executions over one run: the one that started it, and those that resumed it.

Input: a Place and a run id. Output: `RunHistory`, and the list of runs. Asks Step Functions only.

A run is called as its first execution. What resumes it is called `<run id>-resume-1`, `-2`, …, so that one request for
each finds them; one that somebody started under another name with `{"resume": …}` is found by that name only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from lokki.errors import ObjectMissingError
from lokki_builder.asl.names import shortened

from ..aws.executions import Execution
from .place import Place

Status = Literal["running", "succeeded", "failed", "interrupted"]

STATUSES: dict[str, Status] = {
    "RUNNING": "running",
    "PENDING_REDRIVE": "running",
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "TIMED_OUT": "failed",
    "ABORTED": "interrupted",
}
"""{what Step Functions says: what lokki says}."""

RESUME = "resume"
"""The key of an execution's input that names the run it goes on with."""

MAX_NAME = 80

_RESUMED = re.compile(r"(.+)-resume-(\d+)")


@dataclass(frozen=True)
class RunHistory:
    """One run and its executions."""

    run_id: str
    executions: tuple[Execution, ...]
    """In order of time; at least one."""

    @property
    def first(self) -> Execution:
        """The one that started the run."""
        return self.executions[0]

    @property
    def last(self) -> Execution:
        """The one that says how the run stands."""
        return self.executions[-1]

    @property
    def status(self) -> Status:
        """How the run stands."""
        return STATUSES.get(self.last.status, "failed")

    @property
    def params(self) -> Mapping[str, Any]:
        """What the run was started with, as JSON."""
        return self.first.input or {}


def resumed_name(run_id: str, number: int) -> str:
    """What the execution is called that resumes a run for the `number`th time."""
    suffix = f"-resume-{number}"
    return shortened(run_id, MAX_NAME - len(suffix)) + suffix


def history_of(place: Place, run_id: str) -> RunHistory:
    """The executions over the run `run_id`, which may also be the name of one that resumed it.

    Raises ObjectMissingError where there is no such run, and OperationError.
    """
    first = place.executions.describe(run_id)
    if first is None:
        raise _missing(place, run_id)
    resumed = (first.input or {}).get(RESUME)
    if isinstance(resumed, str) and resumed and resumed != run_id:
        return _with(history_of(place, resumed), first)
    found = [first]
    while STATUSES.get(found[-1].status) in ("failed", "interrupted"):
        further = place.executions.describe(resumed_name(run_id, len(found)))
        if further is None:
            break
        found.append(further)
    return RunHistory(run_id, tuple(found))


def _with(history: RunHistory, execution: Execution) -> RunHistory:
    """The history with one more execution, unless it is known: somebody gave it a name of their own."""
    if any(one.arn == execution.arn for one in history.executions):
        return history
    found = sorted([*history.executions, execution], key=lambda one: one.started_at)
    return RunHistory(history.run_id, tuple(found))


@dataclass(frozen=True)
class RunSummary:
    """A run in a list of runs."""

    run_id: str
    status: Status
    started_at: datetime
    """In UTC."""
    stopped_at: datetime | None
    """In UTC; None while it runs."""
    resumed: int
    """How often it was resumed."""

    @classmethod
    def of(cls, run_id: str, executions: Iterable[Execution]) -> RunSummary:
        """The run that these executions, in order of time, worked on."""
        first, *rest = executions
        last = rest[-1] if rest else first
        return cls(run_id, STATUSES.get(last.status, "failed"), first.started_at, last.stopped_at, len(rest))


def recent_runs(newest_first: Iterable[Execution], count: int) -> list[RunSummary]:
    """The last `count` runs, the newest first."""
    resumes: dict[str, list[Execution]] = {}
    found: list[RunSummary] = []
    for execution in newest_first:
        named = _RESUMED.fullmatch(execution.name)
        if named:
            resumes.setdefault(named[1], []).insert(0, execution)
            continue
        stem = resumed_name(execution.name, 1).removesuffix("-resume-1")
        found.append(RunSummary.of(execution.name, [execution, *resumes.pop(stem, [])]))
        if len(found) == count:
            return found
    # Their first executions are gone, or somebody called a run like this.
    found += [RunSummary.of(one.name, [one]) for left in resumes.values() for one in left]
    return sorted(found, key=lambda run: run.started_at, reverse=True)[:count]


def _missing(place: Place, run_id: str) -> ObjectMissingError:
    flow = place.names.deployed
    return ObjectMissingError(
        f"flow '{flow}' has no run '{run_id}' in {place.clients.settings.place}.",
        url=f"{flow}/runs/{run_id}",
        operation="read",
        hint="See which there are with: lokki-cli show FLOW. AWS forgets a run 90 days after its end.",
    )
