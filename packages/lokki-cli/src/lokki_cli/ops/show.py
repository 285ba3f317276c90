"""How a run stands, step by step: what `show` shows.

Input: a Place and a run id. Output: `RunView`. Reads the histories of the run's executions, and for a failed run why
it failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from lokki.clock import SYSTEM_CLOCK, Clock
from lokki.graph import FlowGraph
from lokki.places import depth
from lokki.runner.events import Event

from .failures import Failure, run_failure
from .machine import Machine, read_machine
from .place import Place
from .runhistory import RunHistory, RunSummary, history_of
from .watch import so_far

WAITING = "waiting"
"""A step that has not begun."""

INSIDE = "each item"
"""A step inside a map: the map tells how far it is."""


@dataclass(frozen=True)
class StepView:
    """One step of a run."""

    step: str
    """The node; for a map, the first node of its body."""
    status: str
    """`waiting`, `running`, `succeeded`, `failed`, `skipped` (done before) or, inside a map, `each item`."""
    depth: int = 0
    """How many maps it stands in."""
    duration_s: float | None = None
    """How long it took, or has taken so far; None where nobody knows."""
    attempts: int = 1
    """How often it was tried."""
    items: str = ""
    """`items` where this is a whole map, else empty."""
    done: int = 0
    """Items of the map that succeeded."""
    failed: int = 0
    """Items of the map that failed."""
    total: int = 0
    """Items of the map."""


@dataclass(frozen=True)
class RunView:
    """A whole run."""

    summary: RunSummary
    flow: str
    params: Mapping[str, Any]
    steps: tuple[StepView, ...]
    """In the flow's order; a map comes before the steps of its body."""
    failure: Failure | None
    """Why it failed; None where it did not."""

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            **summary_dict(self.summary),
            "flow": self.flow,
            "params": dict(self.params),
            "steps": [_step_dict(step) for step in self.steps],
            "failure": None if self.failure is None else self.failure.to_dict(),
        }


def summary_dict(run: RunSummary) -> dict[str, Any]:
    """A run in a list, as plain JSON; moments in ISO 8601, UTC."""
    took = (run.stopped_at - run.started_at).total_seconds() if run.stopped_at else None
    return {
        "run_id": run.run_id,
        "status": run.status,
        "started_at": run.started_at.isoformat(),
        "finished_at": run.stopped_at.isoformat() if run.stopped_at else None,
        "duration_s": took,
        "resumed": run.resumed,
    }


def view(place: Place, run_id: str, clock: Clock = SYSTEM_CLOCK) -> RunView:
    """How the run stands now. Raises ObjectMissingError where there is no such run."""
    history = history_of(place, run_id)
    machine = read_machine(place.executions.definition(history.last.arn))
    steps = {step.step + step.items: step for step in waiting(machine.graph)}
    for execution in history.executions:
        fold(steps, so_far(place, history.run_id, execution, clock), clock.now())
    failure = _failure(place, machine, history)
    if history.status != "running":
        steps = {key: _settled(step, history.status) for key, step in steps.items()}
    summary = RunSummary.of(history.run_id, history.executions)
    return RunView(summary, machine.graph.name, history.params, tuple(steps.values()), failure)


def waiting(graph: FlowGraph) -> Iterable[StepView]:
    """Every step of a flow, and every map, before anything has happened."""
    opened: set[str] = set()
    for entry in graph.entries:
        name = getattr(entry, "name", None)
        if name is not None and name not in opened:
            opened.add(name)
            inside = depth(graph.chain, name) - 1
            yield StepView(name, INSIDE if inside else WAITING, inside, items="items")
        task = getattr(entry, "agg", entry)
        if hasattr(task, "node"):
            inside = depth(graph.chain, task.node)
            yield StepView(task.node, INSIDE if inside else WAITING, inside)


def fold(steps: dict[str, StepView], events: Iterable[Event], now: datetime) -> None:
    """Bring `steps` {step, or map's name and `items`: view} to where `events` leave them."""
    begun: dict[str, datetime] = {}
    before: dict[str, StepView] = {}
    for event in events:
        is_map = event.kind.startswith("map_")
        key = f"{event.step}items" if is_map else event.step or ""
        if key not in steps:
            continue
        if event.kind.endswith("_start"):
            begun[key], before[key] = event.at, steps[key]
            steps[key] = replace(steps[key], status="running", attempts=1, failed=0, done=0)
        if event.kind == "step_skipped" and before[key].status == "succeeded":
            steps[key] = before[key]  # it was an earlier execution that did it
            continue
        changed = _after(steps[key], event)
        steps[key] = replace(changed, done=event.done, failed=event.failed, total=event.total) if is_map else changed
    for key, at in begun.items():
        if steps[key].status == "running":
            steps[key] = replace(steps[key], duration_s=(now - at).total_seconds())


_AFTER = {"success": "succeeded", "failure": "failed", "skipped": "skipped"}


def _after(step: StepView, event: Event) -> StepView:
    what = event.kind.partition("_")[2]
    if what == "retry":
        return replace(step, attempts=(event.attempt or 1) + 1)
    if what not in _AFTER:
        return step
    return replace(step, status=_AFTER[what], duration_s=event.duration_s)


def _settled(step: StepView, status: str) -> StepView:
    """A step of a run that goes on no more."""
    if step.status == "running":
        return replace(step, status="interrupted" if status == "interrupted" else "failed")
    return replace(step, status="not reached") if step.status == WAITING else step


def _failure(place: Place, machine: Machine, history: RunHistory) -> Failure | None:
    return run_failure(place, machine, history) if history.status in ("failed", "interrupted") else None


def _step_dict(step: StepView) -> dict[str, Any]:
    plain = {"step": step.step, "status": step.status, "depth": step.depth, "duration_s": step.duration_s}
    if step.items:
        return plain | {"map": {"done": step.done, "failed": step.failed, "total": step.total}}
    return plain | {"attempts": step.attempts}
