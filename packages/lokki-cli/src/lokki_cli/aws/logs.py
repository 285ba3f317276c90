"""CloudWatch Logs: the lines of several log groups.

Input: clients, log groups, moments. Output: `LogLine`. A group that is not there has no lines: a step that never ran
has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..errors import MissingResourceError
from .clients import Clients

PAGE = 10_000
"""Lines that one request brings at most."""


@dataclass(frozen=True)
class LogLine:
    """One line."""

    id: str
    """CloudWatch's own; no other line of the group has it."""
    group: str
    stream: str
    at_ms: int
    """When it was written, in milliseconds since the epoch."""
    text: str
    """Without the newline at its end."""

    @property
    def at(self) -> datetime:
        """When it was written, in UTC."""
        return datetime.fromtimestamp(self.at_ms / 1000, UTC)


def read_lines(
    clients: Clients,
    group: str,
    start: datetime,
    end: datetime | None = None,
    stream_prefix: str = "",
    *,
    page: int = PAGE,
) -> Iterator[LogLine]:
    """The lines of a group from `start` to `end` (None: all there are), in order of time.

    With `stream_prefix` only those of streams that begin so; `page` is how many one request brings at most.
    Raises OperationError.
    """
    wanted: dict[str, Any] = {"logGroupName": group, "startTime": _ms(start), "limit": page}
    if end is not None:
        wanted["endTime"] = _ms(end)
    if stream_prefix:
        wanted["logStreamNamePrefix"] = stream_prefix
    while True:
        try:
            with clients.about(f"log group '{group}'"):
                answer = clients.logs.filter_log_events(**wanted)
        except MissingResourceError:
            return
        for event in answer.get("events", ()):
            yield _line(group, event)
        token = answer.get("nextToken")
        if not token:
            return
        wanted["nextToken"] = token


def _line(group: str, event: Any) -> LogLine:
    stream, at, text = str(event.get("logStreamName", "")), int(event["timestamp"]), str(event["message"])
    known = event.get("eventId") or f"{stream} {at} {text}"
    return LogLine(str(known), group, stream, at, text.rstrip("\n"))


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
