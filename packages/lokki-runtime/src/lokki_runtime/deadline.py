"""How much time an invocation has left, and whether that is enough for another item.

Input: a function that tells the remaining seconds. Pure but for asking it.
"""

from __future__ import annotations

from collections.abc import Callable

RESERVE_S = 5.0
"""Seconds kept for saving what is done, where the invocation is long enough."""

RESERVE_SHARE = 0.1
"""The most of an invocation's time that is kept for saving."""

MARGIN = 1.2
"""An item may take this many times what the slowest one took so far."""


class Deadline:
    """Watches the time of one invocation. `remaining_s` is None where nothing ends it: then there is always time."""

    def __init__(self, remaining_s: Callable[[], float] | None) -> None:
        self._remaining_s = remaining_s
        self._slowest_s = 0.0
        self._reserve_s = min(RESERVE_S, RESERVE_SHARE * remaining_s()) if remaining_s else 0.0

    def note(self, seconds: float) -> None:
        """An item, or an attempt at one, has taken `seconds`."""
        self._slowest_s = max(self._slowest_s, seconds)

    def allows(self, wait_s: float = 0.0) -> bool:
        """Whether there is time to wait `wait_s`, work on another item and save."""
        return wait_s <= self.spare_s()

    def spare_s(self) -> float:
        """Seconds beyond what another item and saving are expected to take."""
        if self._remaining_s is None:
            return float("inf")
        return self._remaining_s() - self._slowest_s * MARGIN - self._reserve_s
