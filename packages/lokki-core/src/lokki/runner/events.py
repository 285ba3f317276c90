"""What a run tells while it goes on: plain data, so that any front end can show it.

The runner calls a `Listener` with each event, from whatever thread it happens in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from ..record import Record

if TYPE_CHECKING:
    from datetime import datetime

Kind = Literal[
    "run_start",
    "run_success",
    "run_failure",
    "run_interrupted",
    "step_start",
    "step_success",
    "step_failure",
    "step_skipped",
    "step_retry",
    "map_start",
    "map_progress",
    "map_success",
    "map_failure",
    "warning",
]


class Event(Record, eq=False):
    """Something that happened."""

    kind: Kind
    at: datetime
    """When, in UTC."""
    flow: str
    run_id: str
    step: str | None = None
    """The node; for a map, the first node of its body. None for the run as a whole."""
    path: tuple[int, ...] = ()
    """The item of each enclosing map, outermost first."""
    duration_s: float | None = None
    """How long it took, where it ended."""
    message: str | None = None
    """What a failure, retry or warning says."""
    index: int | None = None
    """The item a failure or retry is about."""
    attempt: int | None = None
    """The attempt that failed, from 1."""
    done: int = 0
    """Items of the map that succeeded so far."""
    failed: int = 0
    """Items of the map that failed for good so far."""
    total: int = 0
    """Items of the map."""


Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The listener for whom nothing matters."""
