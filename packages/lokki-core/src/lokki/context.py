"""What a running step may know of its run: `lokki.run()`."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from .errors import LokkiError
from .record import Record

if TYPE_CHECKING:
    from datetime import datetime


class RunInfo(Record):
    """The run a step is part of, as `lokki.run()` tells it."""

    run_id: str
    flow: str
    node: str
    """The step's name in the graph."""
    item_index: int | None
    """The item's place in the innermost map; None outside maps."""
    attempt: int
    """1 for the first try."""
    started_at: datetime
    """When the run started, in UTC; the same in every step, retry and resume."""


class Frame:
    """The mutable side of `RunInfo`: set once per group of items, then only moved from item to item."""

    __slots__ = ("attempt", "flow", "index", "node", "run_id", "started_at")

    def __init__(self, run_id: str, flow: str, node: str, started_at: datetime) -> None:
        self.run_id = run_id
        self.flow = flow
        self.node = node
        self.started_at = started_at
        self.index: int | None = None
        self.attempt = 1


current: ContextVar[Frame | None] = ContextVar("lokki_run", default=None)


def run() -> RunInfo:
    """The run this step is part of. Raises LokkiError outside a running step."""
    frame = current.get()
    if frame is None:
        raise LokkiError(
            "lokki.run() was called outside a running step.",
            hint="Call it in the body of a @step function; in a unit test of step.fn, use lokki.testing.run_info().",
        )
    return RunInfo(frame.run_id, frame.flow, frame.node, frame.index, frame.attempt, frame.started_at)
