"""What a run tells while it goes on: events, and their form as JSON lines.

Stage: from the engine to a terminal or a log. Texts are masked while they are formatted;
nothing is written by this module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from . import jsontext
from .secrets import Masker

Level = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True)
class Event:
    """Something that happened in a run."""

    event: str
    """`run_started`, `step_started`, `step_progress`, `step_completed`, `step_failed`, `committed`, …"""
    step_id: str | None = None
    idx: int | None = None
    """The item, from 0; None where no single one is meant."""
    level: Level = "info"
    details: Mapping[str, Any] = field(default_factory=dict)


Observer = Callable[[Event], None]


def ignore(event: Event) -> None:
    """An observer that does nothing."""


def line(event: Event, moment: datetime, masker: Masker) -> str:
    """The event as one line of JSON: `ts`, `level`, `step_id`, `idx` where there is one, `event`, `details`."""
    record: dict[str, Any] = {"ts": moment.isoformat(timespec="milliseconds"), "level": event.level}
    record["step_id"] = event.step_id
    if event.idx is not None:
        record["idx"] = event.idx
    record["event"] = event.event
    record["details"] = plain(masker.value(dict(event.details)))
    return masker.text(jsontext.dumps(record))


def plain(value: Any) -> Any:
    """`value` in types that JSON has a form for; others as their text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    try:
        return jsontext.loads(jsontext.dumps(value))
    except ValueError:
        return str(value)
