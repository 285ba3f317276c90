"""Ctrl-C and SIGTERM: both end a run in the same way, and neither ends it between COMMIT and its answer.

Touches the signal handlers of this process, from its main thread only; in other threads nothing is held back.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def raise_interrupt(number: int, frame: FrameType | None) -> None:
    """A signal handler that raises KeyboardInterrupt."""
    raise KeyboardInterrupt


def treat_alike() -> None:
    """Let SIGTERM do what Ctrl-C does, unless this process was told to ignore it."""
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, raise_interrupt)


@contextmanager
def held_back() -> Iterator[None]:
    """Let signals that would end the process wait until the block is left. A second one does not wait."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if arrived:
            raise KeyboardInterrupt
        arrived.append(number)

    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    caught = [number for number, handler in handlers.items() if handler not in (signal.SIG_IGN, None)]
    for number in caught:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, handlers[number])
        if arrived:
            signal.raise_signal(arrived[0])
