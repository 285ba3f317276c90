"""What `portl run --json` prints: one object about a run, however it ended.

Stage: the run's events, then its report or error → `Summary`. Touches nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..errors import (
    ConnectorError,
    DeliveriesPendingError,
    InterruptedRunError,
    JobSpecError,
    OutcomeUnknownError,
    PortlError,
    StepError,
)
from ..logging import Event, plain
from ..secrets import Masker
from .boundary import BUG

Outcome = Literal[
    "committed",
    "rolled_back",
    "done_before",
    "no_transaction",
    "failed",
    "refused",
    "unknown",
    "pending",
    "interrupted",
    "bug",
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class StepSummary(_Part):
    """A step that was begun or skipped."""

    step_id: str
    type: str
    state: Literal["done", "skipped", "failed"]
    seconds: float = Field(default=0.0, description="0 for a step that was skipped.")
    counts: dict[str, int] = Field(
        default_factory=dict,
        description="items, inserted, updated, found, calls, attempts, rejected, … as far as the step's type has them.",
    )
    details: dict[str, Any] = Field(default_factory=dict, description="What else the step tells.")


class DeliverySummary(_Part):
    """Deliveries after COMMIT."""

    delivered: int
    pending: int = Field(description="Left to `portl outbox drain`.")
    dead: int = Field(description="Given up by this run; `portl outbox requeue` gives them another chance.")


class FindingSummary(_Part):
    """One mistake in a job file."""

    file: str
    line: int
    column: int
    what: str
    hint: str = ""


class ErrorSummary(_Part):
    """Why a run failed."""

    kind: str = Field(description="The error's class, such as StepError; see portl.errors.")
    message: str
    hint: str | None = None
    where: str | None = Field(default=None, description="`file:line:column` in the job.")
    step_id: str | None = None
    idx: int | None = Field(default=None, description="The item's place in the batch's source, from 0.")
    code: str | None = Field(default=None, description="The other side's own code: SQLSTATE, HTTP status, error type.")
    rendered: str | None = Field(default=None, description="The statement or URL, without values and credentials.")
    findings: list[FindingSummary] = Field(default_factory=list, description="Of a job with mistakes: all of them.")


class Summary(_Part):
    """A run."""

    file: str = Field(description="The job file, as it was given.")
    job: str | None = Field(default=None, description="The job's name; null where the file was not understood.")
    run_id: str | None = Field(default=None, description="null where the run did not begin.")
    run_key: str | None = None
    outcome: Outcome = Field(
        description="committed; rolled_back (as --dry-run=rollback asks); done_before (the run key is known); "
        "no_transaction (done; the job has no database steps); failed (and rolled back); refused (the job is wrong, "
        "nothing was done); unknown (whether COMMIT took effect); pending (committed, but not all after it is done); "
        "interrupted; bug (of portl's)."
    )
    committed: bool | None = Field(
        description="Whether the job's rows are in the database because of this run; null where that is not known, or "
        "partly so, as a failed job with `scope: none`."
    )
    exit_code: int
    started_at: datetime | None = None
    seconds: float = 0.0
    limit: int | None = Field(default=None, description="Rows of each source, as --limit asks; null for all.")
    replays: int = Field(default=0, description="How often the transaction was run again after the database undid it.")
    steps: list[StepSummary] = Field(default_factory=list, description="In the order they ended.")
    deliveries: DeliverySummary | None = Field(default=None, description="null where this run had none to make.")
    rejected: int = Field(default=0, description="Rows that were left out because of mistakes in them, over all steps.")
    error: ErrorSummary | None = Field(default=None, description="null for a run that did what it should.")


@dataclass
class Watch:
    """An observer that keeps what a summary needs. Not frozen: events are added."""

    file: str
    limit: int | None = None
    began: float = 0.0
    """On the clock that `ended` is read from."""
    started_at: datetime | None = None
    job: str | None = None
    run_id: str | None = None
    run_key: str | None = None
    replays: int = 0
    steps: dict[str, StepSummary] = field(default_factory=dict)
    deliveries: DeliverySummary | None = None
    outcome: Outcome | None = None
    state: Literal["before", "inside", "committing", "committed", "partly", "undone"] = "before"
    """Of the transaction."""
    inside: set[str] = field(default_factory=set)
    """Steps of the present attempt of the transaction."""

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        details = dict(event.details)
        if event.step_id is not None:
            self._step(event, event.step_id, details)
        elif event.event == "run_started":
            self.job, self.run_id = details["job"], details["run_id"]
        elif event.event == "run_key":
            self.run_key = details["run_key"]
        elif event.event == "drained":
            self.deliveries = DeliverySummary(**{name: details[name] for name in DeliverySummary.model_fields})
        elif event.event == "run_completed":
            self.outcome = details["outcome"]
        elif event.event == "run_failed":
            self._failed(details)
        else:
            self._transaction(event.event)

    def _step(self, event: Event, step_id: str, details: dict[str, Any]) -> None:
        if event.event in ("step_completed", "step_skipped"):
            self.inside.add(step_id)
            state: Literal["done", "skipped"] = "done" if event.event == "step_completed" else "skipped"
            self._add(step_id, str(details.pop("type", "")), state, details)
        elif event.event == "step_failed":
            self._failed(details)
            self._add(step_id, str(details.get("type", "")), "failed", {"seconds": details.get("seconds", 0.0)})
        elif event.event == "rows_rejected" and step_id in self.steps:
            self._rejected(step_id, details)

    def _add(
        self, step_id: str, kind: str, state: Literal["done", "skipped", "failed"], details: dict[str, Any]
    ) -> None:
        seconds = float(details.pop("seconds", 0.0))
        counts = {name: value for name, value in details.items() if type(value) is int}
        other = {name: plain(value) for name, value in details.items() if name not in counts}
        self.steps.pop(step_id, None)
        self.steps[step_id] = StepSummary(
            step_id=step_id, type=kind, state=state, seconds=seconds, counts=counts, details=other
        )

    def _rejected(self, step_id: str, details: dict[str, Any]) -> None:
        known = self.steps[step_id]
        counts = {**known.counts, "rejected": details["rejected"]}
        file = {name: details[name] for name in ("rejected_file",) if name in details}
        self.steps[step_id] = known.model_copy(update={"counts": counts, "details": {**known.details, **file}})

    def _transaction(self, event: str) -> None:
        if event == "transaction_started":
            self.state = "inside"
            self.inside.clear()
        elif event == "transaction_replayed":
            self.replays += 1
            self.steps = {name: step for name, step in self.steps.items() if name not in self.inside}
        elif event == "committing":
            self.state = "committing"
        elif event == "steps_separate":
            self.state = "partly"
        elif event in ("committed", "steps_committed"):
            self.state = "committed"
        elif event == "rolled_back":
            self.state = "undone"

    def _failed(self, details: dict[str, Any]) -> None:
        states: dict[Any, Any] = {"partly_committed": "partly", "rolled_back": "undone"}
        self.state = states.get(details.get("outcome"), self.state)

    def committed(self) -> bool | None:
        """Whether the job's rows are in the database; None where that is not known, or partly so."""
        if self.state in ("committing", "partly"):
            return None
        return self.state == "committed" or self.outcome == "committed"


def summary(watch: Watch, ended: float, error: Exception | None = None) -> Summary:
    """The summary of a run that ended, with `error` or as it should."""
    outcome: Outcome | None = watch.outcome if error is None else _outcome(error)
    return Summary(
        file=watch.file,
        job=watch.job,
        run_id=watch.run_id,
        run_key=watch.run_key,
        outcome=outcome or "bug",
        committed=None if isinstance(error, OutcomeUnknownError) else watch.committed(),
        exit_code=0 if error is None else getattr(error, "exit_code", BUG),
        started_at=watch.started_at,
        seconds=round(ended - watch.began, 3),
        limit=watch.limit,
        replays=watch.replays,
        steps=list(watch.steps.values()),
        deliveries=watch.deliveries,
        rejected=sum(
            step.counts.get(name, 0) for step in watch.steps.values() for name in ("rejected", "dead_letters")
        ),
        error=None if error is None else _told(error),
    )


def as_json(run: Summary, masker: Masker) -> str:
    """The summary as JSON, without secrets."""
    return json.dumps(masker.value(run.model_dump(mode="json")), indent=2, ensure_ascii=False)


def schema() -> dict[str, Any]:
    """The JSON Schema of what `portl run --json` prints."""
    return Summary.model_json_schema(mode="serialization")


def _outcome(error: Exception) -> Outcome:
    if isinstance(error, InterruptedRunError):
        return "interrupted"
    if isinstance(error, OutcomeUnknownError):
        return "unknown"
    if isinstance(error, DeliveriesPendingError):
        return "pending"
    if isinstance(error, PortlError):
        return "refused" if error.exit_code == 2 else "failed"
    return "bug"


def _told(error: Exception) -> ErrorSummary:
    if not isinstance(error, PortlError):
        return ErrorSummary(kind=type(error).__name__, message=str(error))
    step = next((cause for cause in _causes(error) if isinstance(cause, StepError)), None)
    codes = (cause.code for cause in _causes(error) if isinstance(cause, ConnectorError))
    findings = error.findings if isinstance(error, JobSpecError) else ()
    return ErrorSummary(
        kind=type(error).__name__,
        message=error.message,
        hint=error.hint,
        where=step.where or None if step else None,
        step_id=step.step_id if step else None,
        idx=step.idx if step else None,
        code=next(filter(None, codes), None),
        rendered=" ".join(str(step.rendered).split()) or None if step else None,
        findings=[
            FindingSummary(file=one.file, line=one.line, column=one.column, what=one.what, hint=one.hint)
            for one in findings
        ],
    )


def _causes(error: BaseException | None) -> list[BaseException]:
    """The error and what led to it, the last first."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__
    return found
