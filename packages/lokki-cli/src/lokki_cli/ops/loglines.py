"""A line of a step's log, whoever wrote it: lokki's runtime, the author's code, Lambda.

Input: a `LogLine`. Output: `LogEntry`. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..aws.logs import LogLine

PLATFORM = ("START RequestId:", "END RequestId:", "REPORT RequestId:", "INIT_START ", "EXTENSION\t", "TELEMETRY\t")
"""How Lambda's own lines begin."""

BEGIN, END = PLATFORM[0], PLATFORM[2]

HIDDEN = frozenset("at level event flow run_id node request_id message traceback duration_s first count".split())
"""Fields of the runtime's lines that are shown in another way, or not at all."""


@dataclass(frozen=True)
class LogEntry:
    """One line and who wrote it."""

    line: LogLine
    step: str
    data: Mapping[str, Any]
    """The line's fields where the runtime wrote it; else empty."""

    @classmethod
    def of(cls, line: LogLine, step: str) -> LogEntry:
        """Read a line of `step`'s log, unless the line itself names another node."""
        data = _fields(line.text)
        return cls(line, str(data.get("node") or step), data)

    @property
    def at(self) -> datetime:
        """When it was written, in UTC."""
        return self.line.at

    @property
    def run_id(self) -> str | None:
        """The run it is about; None where it does not say."""
        found = self.data.get("run_id")
        return found if isinstance(found, str) else None

    @property
    def level(self) -> str:
        """`ERROR`, `WARNING`, …; empty where the line has none."""
        return str(self.data.get("level", ""))

    @property
    def is_platform(self) -> bool:
        """Whether Lambda wrote it of itself, and nothing went wrong."""
        return self.line.text.startswith(PLATFORM) and "Status:" not in self.line.text

    def begins(self) -> bool:
        """Whether an invocation begins with it."""
        return self.line.text.startswith(BEGIN)

    def ends(self) -> bool:
        """Whether an invocation ends with it."""
        return self.line.text.startswith(END)

    @property
    def text(self) -> str:
        """The line for people, a traceback below it."""
        if not self.data:
            return self.line.text
        data = self.data
        more = (f"{name}={_plain(value)}" for name, value in data.items() if name not in HIDDEN | _needless(data))
        parts = [str(data["event"]), _items(data), *more]
        if isinstance(data.get("duration_s"), int | float):
            parts.append(f"in {data['duration_s']:g}s")
        head = " ".join(part for part in parts if part)
        message = f": {data['message']}" if data.get("message") else ""
        trace = str(data.get("traceback") or "").rstrip()
        return f"{head}{message}" + (f"\n{trace}" if trace else "")

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        plain: dict[str, Any] = {
            "at": self.at.isoformat(timespec="milliseconds"),
            "step": self.step,
            "stream": self.line.stream,
            "message": self.line.text,
        }
        return plain | ({"data": dict(self.data)} if self.data else {})


def _fields(text: str) -> dict[str, Any]:
    """The object of a line that lokki's runtime wrote; empty for any other line."""
    if not text.startswith("{"):
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) and {"at", "level", "event"} <= found.keys() else {}


def _needless(data: Mapping[str, Any]) -> set[str]:
    """Fields that say what is said already: a first attempt, and a path that is the item's number."""
    found = {"attempt"} if data.get("attempt") == 1 else set()
    return found | ({"path"} if str(data.get("path")) == str(data.get("first", data.get("index"))) else set())


def _items(data: Mapping[str, Any]) -> str:
    first, count = data.get("first"), data.get("count")
    if not isinstance(first, int) or not isinstance(count, int):
        return ""
    return f"item {first}" if count == 1 else f"items {first}-{first + count - 1}"


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
