"""Stand-ins for tests of flows and of lokki itself: a clock that does not wait, and a run for `lokki.run()`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock

from .clock import Clock
from .context import Frame, current

EPOCH = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
"""When a FakeClock starts."""


class FakeClock(Clock):
    """A clock that moves only when somebody sleeps. Threads may share it."""

    def __init__(self, start: datetime = EPOCH) -> None:
        self._now = start
        self._elapsed_s = 0.0
        self._lock = Lock()
        self.sleeps: list[float] = []
        """Every wait asked for, in seconds, in order."""

    def now(self) -> datetime:
        """The present moment of this clock."""
        return self._now + timedelta(seconds=self._elapsed_s)

    def monotonic(self) -> float:
        """Seconds slept so far."""
        return self._elapsed_s

    def thread_cpu_s(self) -> float:
        """Always 0: no work is done in fake time."""
        return 0.0

    def sleep(self, seconds: float) -> None:
        """Move on by `seconds` at once."""
        with self._lock:
            self.sleeps.append(seconds)
            self._elapsed_s += max(seconds, 0.0)

    def advance(self, seconds: float) -> None:
        """Let time pass without anybody waiting."""
        with self._lock:
            self._elapsed_s += seconds


@contextmanager
def run_info(
    *,
    run_id: str = "test-run",
    flow: str = "test-flow",
    node: str = "step",
    item_index: int | None = None,
    attempt: int = 1,
    started_at: datetime = EPOCH,
) -> Iterator[None]:
    """While the context lasts, `lokki.run()` answers with these values: for unit tests of `step.fn`."""
    frame = Frame(run_id, flow, node, started_at)
    frame.index = item_index
    frame.attempt = attempt
    token = current.set(frame)
    try:
        yield
    finally:
        current.reset(token)
