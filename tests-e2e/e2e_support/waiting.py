"""Waiting for what has to come: asked again and again, with a limit that only a defect reaches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from lokki.clock import SYSTEM_CLOCK

PATIENCE_S = 600

AnswerT = TypeVar("AnswerT")


def until(ask: Callable[[], AnswerT], what: str, *, pause_s: float = 0.1) -> AnswerT:
    """The first answer of `ask` that counts as true. Raises AssertionError that says `what` did not come."""
    deadline = SYSTEM_CLOCK.monotonic() + PATIENCE_S
    while not (answer := ask()):
        assert SYSTEM_CLOCK.monotonic() < deadline, f"{what}: not within {PATIENCE_S} s"
        SYSTEM_CLOCK.sleep(pause_s)
    return answer
