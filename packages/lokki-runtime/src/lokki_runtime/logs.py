"""Log lines: one JSON object each, on standard output, where Lambda and Batch collect them.

Python's `logging` is left to the flow's code. Lines are written whole, so that threads do not mix them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from lokki.clock import SYSTEM_CLOCK, Clock

LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}


def to_stdout(line: str) -> None:
    """Write a line to what standard output is now; Lambda's client replaces it."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Log:
    """Writes lines of at least one level, with some fields in each of them."""

    def __init__(
        self,
        level: str = "INFO",
        *,
        clock: Clock = SYSTEM_CLOCK,
        write: Callable[[str], None] = to_stdout,
        fields: dict[str, Any] | None = None,
    ) -> None:
        self._least = LEVELS.get(level.upper(), LEVELS["INFO"])
        self._level = level
        self._clock = clock
        self._write = write
        self._fields = fields or {}

    def bind(self, **fields: Any) -> Log:
        """The same log with more fields in each line."""
        return Log(self._level, clock=self._clock, write=self._write, fields={**self._fields, **fields})

    def info(self, event: str, **fields: Any) -> None:
        """Say that something went as it should."""
        self._line("INFO", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Say that something went wrong that was expected to, now and then."""
        self._line("WARNING", event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """Say that something failed."""
        self._line("ERROR", event, fields)

    def _line(self, level: str, event: str, fields: dict[str, Any]) -> None:
        if LEVELS[level] < self._least:
            return
        at = self._clock.now().isoformat(timespec="milliseconds")
        known = {name: value for name, value in {**self._fields, **fields}.items() if value is not None}
        self._write(json.dumps({"at": at, "level": level, "event": event, **known}, default=str))
