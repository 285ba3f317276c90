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
        self._steps: dict[str, StepReport] = {}

    def __call__(self, event: Event) -> None:
        if event.event == "step_started" and event.step_id:
            self._starts[event.step_id] = self._clock.monotonic()
        elif event.event == "step_completed" and event.step_id:
            event = self._timed(event, event.step_id)
        self._observer(event)

    def steps(self) -> tuple[StepReport, ...]:
        """What each step did, in the order they ended."""
        return tuple(self._steps.values())

    def seconds(self) -> float:
        """Since the run began."""
        return self._clock.monotonic() - self._start

    def _timed(self, event: Event, step_id: str) -> Event:
        seconds = self._clock.monotonic() - self._starts.get(step_id, self._start)
        details = {key: value for key, value in event.details.items() if key != "type"}
        self._steps[step_id] = StepReport(step_id, str(event.details.get("type", "")), details, seconds)
        return replace(event, details={**event.details, "seconds": round(seconds, 3)})
