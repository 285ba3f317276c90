"""The only place that reads the time or waits.

Everything that needs the time takes a `Clock`; tests pass one of their own.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """The system's clock."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds from an arbitrary point; only differences mean something."""
        return time.perf_counter()

    def sleep(self, seconds: float) -> None:
        """Wait `seconds`; zero and less return at once."""
        if seconds > 0:
            time.sleep(seconds)


SYSTEM_CLOCK = Clock()
