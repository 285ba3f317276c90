"""Counts the children of a map, and says when too many have failed. Pure, and safe for threads."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

_TOLD = (
    "pending",
    "running",
    "succeeded",
    "failed",
    "timedOut",
    "aborted",
    "resultsWritten",
    "failuresNotRedrivable",
    "pendingRedrive",
)


@dataclass
class Tally:
    """The children of one Map Run."""

    total: int
    percentage: float | None
    """ToleratedFailurePercentage; None where the definition does not say."""
    count: int | None
    """ToleratedFailureCount; likewise."""
    _counts: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._counts["pending"] = self.total

    def begin(self) -> bool:
        """One more child runs; False where the threshold is exceeded and it must not."""
        with self._lock:
            if self._exceeded():
                self._move("pending", "aborted")
                return False
            self._move("pending", "running")
            return True

    def end(self, outcome: str) -> None:
        """A child has `succeeded` or `failed`."""
        with self._lock:
            self._move("running", outcome)

    def written(self) -> None:
        """The results of all children that ended have been stored."""
        with self._lock:
            self._counts["resultsWritten"] = self._counts["succeeded"] + self._counts["failed"]

    @property
    def exceeded(self) -> bool:
        """Whether more children have failed than the definition tolerates; without a word of it, none may."""
        with self._lock:
            return self._exceeded()

    def document(self) -> dict[str, int]:
        """As DescribeMapRun tells it."""
        with self._lock:
            return {**{name: self._counts[name] for name in _TOLD}, "total": self.total}

    def _move(self, source: str, target: str) -> None:
        self._counts[source] -= 1
        self._counts[target] += 1

    def _exceeded(self) -> bool:
        failed = self._counts["failed"]
        if self.count is None and self.percentage is None:
            return failed > 0
        above_count = self.count is not None and failed > self.count
        return above_count or (self.percentage is not None and failed * 100 > self.percentage * self.total)
