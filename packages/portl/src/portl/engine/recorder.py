"""Keeps what a run's report needs, and hands events on."""

from __future__ import annotations

from dataclasses import replace

from ..clock import Clock
from ..logging import Event, Observer
from .base import StepReport


class Recorder:
    """An observer in front of the user's."""

    def __init__(self, observer: Observer, clock: Clock) -> None:
        self._observer = observer
        self._clock = clock
        self._start = clock.monotonic()
        self._starts: dict[str, float] = {}
        self._types: dict[str, str] = {}
        self._steps: dict[str, StepReport] = {}

    def __call__(self, event: Event) -> None:
        if event.event == "step_started" and event.step_id:
            self._starts[event.step_id] = self._clock.monotonic()
            self._types[event.step_id] = event.details.get("type", "")
        elif event.event == "step_failed" and event.step_id:
            known = {"type": self._types.get(event.step_id, ""), "seconds": self._since(event.step_id)}
            event = replace(event, details={**known, **event.details})
        elif event.event == "step_completed" and event.step_id:
            event = self._timed(event, event.step_id)
        self._observer(event)

    def steps(self) -> tuple[StepReport, ...]:
        """What each step did, in the order they ended."""
        return tuple(self._steps.values())

    def rows_written(self) -> int:
        """Rows that the steps so far have inserted and updated."""
        counts = (step.details.get(name, 0) for step in self._steps.values() for name in ("inserted", "updated"))
        return sum(count for count in counts if isinstance(count, int))

    def seconds(self) -> float:
        """Since the run began."""
        return self._clock.monotonic() - self._start

    def _since(self, step_id: str) -> float:
        return round(self._clock.monotonic() - self._starts.get(step_id, self._start), 3)

    def _timed(self, event: Event, step_id: str) -> Event:
        seconds = self._clock.monotonic() - self._starts.get(step_id, self._start)
        details = {key: value for key, value in event.details.items() if key != "type"}
        self._steps[step_id] = StepReport(step_id, str(event.details.get("type", "")), details, seconds)
        return replace(event, details={**event.details, "seconds": round(seconds, 3)})
