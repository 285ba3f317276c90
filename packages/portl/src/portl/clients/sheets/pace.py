"""Keeps calls below a number per minute. Waits by a clock; touches nothing else."""

from __future__ import annotations

from collections import deque

from portl.clock import Clock

MINUTE_S = 60.0


class Pace:
    """Lets at most `per_minute` calls begin within any minute."""

    def __init__(self, per_minute: int, clock: Clock) -> None:
        self._clock = clock
        self._begun: deque[float] = deque(maxlen=per_minute)

    def wait(self) -> None:
        """Wait until another call may begin, and count it."""
        if len(self._begun) == self._begun.maxlen:
            self._clock.sleep(self._begun[0] + MINUTE_S - self._clock.monotonic())
        self._begun.append(self._clock.monotonic())
