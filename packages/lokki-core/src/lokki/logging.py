"""What a run says while it goes on, on stderr: documented lines, or one JSON object per line.

Input: events. Output: text handed to `write`. The live display of a terminal is in `live`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .runner.events import Event

LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}

_LEVEL_OF = {
    "step_failure": "ERROR",
    "map_failure": "ERROR",
    "run_failure": "ERROR",
    "step_retry": "WARNING",
    "warning": "WARNING",
    "run_interrupted": "WARNING",
}

BAR_WIDTH = 25
"""Characters of a progress bar between its brackets."""

Write = Callable[[str], object]


def level_of(event: Event) -> str:
    """How loud an event is: DEBUG, INFO, WARNING or ERROR."""
    return _LEVEL_OF.get(event.kind, "INFO")


class _Log:
    """What both formats share: the level, and progress only now and then."""

    def __init__(self, write: Write, *, level: str = "INFO", progress_interval: float = 10) -> None:
        self._write = write
        self._least = LEVELS[level]
        self._interval_s = progress_interval
        self._last_progress: float | None = None
        self._lock = Lock()

    def __call__(self, event: Event) -> None:
        """Say an event, if it is loud enough. May be called from any thread."""
        if LEVELS[level_of(event)] < self._least:
            return
        with self._lock:
            if event.kind == "map_start":
                self._last_progress = event.at.timestamp()
            if event.kind == "map_progress" and not self._is_due(event):
                return
            text = self._text(event)
            if text:
                self._write(text + "\n")

    def _is_due(self, event: Event) -> bool:
        now = event.at.timestamp()
        due = self._last_progress is None or now - self._last_progress >= self._interval_s
        if due:
            self._last_progress = now
        return due

    def _text(self, event: Event) -> str:
        raise NotImplementedError


class HumanLog(_Log):
    """The documented lines, for people."""

    def __init__(
        self, write: Write, *, level: str = "INFO", progress_interval: float = 10, show_timestamps: bool = True
    ) -> None:
        super().__init__(write, level=level, progress_interval=progress_interval)
        self._timestamps = show_timestamps

    def _text(self, event: Event) -> str:
        if event.kind == "map_progress":
            return progress_bar(event.done + event.failed, event.total)
        return f"[{level_of(event)}] {sentence(event, timestamps=self._timestamps)}"


class JsonLog(_Log):
    """One JSON object per line, for machines."""

    def _text(self, event: Event) -> str:
        return json.dumps(record(event), ensure_ascii=False)


def record(event: Event) -> dict[str, Any]:
    """An event as plain JSON: `{"level", "ts", "event", "flow", "run_id", …}`, without what does not apply."""
    data: dict[str, Any] = {
        "level": level_of(event),
        "ts": event.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "event": event.kind,
        "flow": event.flow,
        "run_id": event.run_id,
        "step": event.step,
        "index": event.index,
        "attempt": event.attempt,
        "duration": None if event.duration_s is None else round(event.duration_s, 6),
        "status": _STATUS.get(event.kind),
        "message": event.message,
    }
    if event.kind.startswith("map_"):
        data |= {"done": event.done, "failed": event.failed, "total": event.total}
    return {key: value for key, value in data.items() if value is not None}


_STATUS = {
    "step_success": "success",
    "map_success": "success",
    "run_success": "success",
    "step_failure": "failed",
    "map_failure": "failed",
    "run_failure": "failed",
    "run_interrupted": "interrupted",
    "step_skipped": "skipped",
}


def sentence(event: Event, *, timestamps: bool = True) -> str:
    """An event in words."""
    what = f"Run '{event.run_id}' of flow '{event.flow}'" if event.step is None else f"Step '{event.step}'"
    took = f"{event.duration_s:.3f}s" if event.duration_s is not None else ""
    if event.kind in ("run_start", "step_start", "map_start"):
        at = f" at {event.at.astimezone():%Y-%m-%dT%H:%M:%S}" if timestamps else ""
        items = f" ({items_of(event.total)})" if event.kind == "map_start" else ""
        return f"{what} started{at}{items}"
    if event.kind in ("run_success", "step_success", "map_success"):
        return f"{what} completed in {took} (status=success){_failed_items(event)}"
    if event.kind == "step_retry":
        item = "" if event.index is None else f", item {event.index}"
        wait = f"in {event.duration_s:g}s" if event.duration_s else "now"
        return f"{what}{item}: attempt {event.attempt} failed: {first_line(event.message)}; trying again {wait}"
    if event.kind == "step_skipped":
        return f"{what} skipped (status=skipped): it succeeded before"
    if event.kind == "run_interrupted":
        return f"{what} interrupted after {took}"
    if event.kind == "warning":
        return event.message or ""
    return f"{what} failed after {took}: {first_line(event.message)}"


def progress_bar(done: int, total: int) -> str:
    """`[=====>                    ] 30/100 (30%) completed`."""
    share = done / total if total else 1.0
    filled = int(share * BAR_WIDTH)
    bar = "=" * filled + (">" if filled < BAR_WIDTH else "")
    return f"[{bar:<{BAR_WIDTH}}] {done}/{total} ({int(share * 100)}%) completed"


def items_of(count: int) -> str:
    """`1 item`, `1,000 items`."""
    return "1 item" if count == 1 else f"{count:,} items"


def first_line(text: str | None) -> str:
    """The first line of a message."""
    return (text or "").split("\n", 1)[0]


def _failed_items(event: Event) -> str:
    return f" with {items_of(event.failed)} of {event.total:,} failed" if event.failed else ""


def terminal_width() -> int:
    """Columns of the terminal behind stderr; 80 where there is none."""
    try:
        return os.get_terminal_size(2).columns
    except OSError:
        return 80
