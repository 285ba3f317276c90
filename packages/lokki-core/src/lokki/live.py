"""The live display of a run on a terminal: finished steps scroll by, what is at work stays on the last line.

Input: events. Output: text and cursor codes on stderr. What steps print goes above the line.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from .clock import SYSTEM_CLOCK, Clock
from .logging import LEVELS, first_line, items_of, level_of, sentence, terminal_width

if TYPE_CHECKING:
    from .runner.events import Event

REFRESH_S = 0.1
"""Seconds between two pictures."""

_CLEAR = "\r\x1b[2K"
_DIM, _RED, _GREEN, _YELLOW, _PLAIN = "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Terminal(Protocol):
    """Where the display is drawn."""

    def write(self, text: str, /) -> object:
        """Draw `text`."""

    def flush(self) -> object:
        """Show what was drawn."""


class LiveDisplay:
    """A listener that draws. `close` leaves the terminal as it should be."""

    def __init__(
        self,
        terminal: Terminal,
        *,
        level: str = "INFO",
        color: bool = True,
        width: Callable[[], int] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._terminal = terminal
        self._least = LEVELS[level]
        self._color = color
        self._width = width or terminal_width
        self._clock = clock
        self._lock = threading.RLock()
        self._at_work: Event | None = None
        self._began_s = 0.0
        self._turn = 0
        self._drawn = False
        self._column_open = False
        self._ticker: threading.Thread | None = None
        self._closed = threading.Event()

    def __call__(self, event: Event) -> None:
        """Take in an event. May be called from any thread."""
        with self._lock:
            if event.kind in ("step_start", "map_start"):
                self._at_work, self._began_s = event, self._clock.monotonic()
                self._start_ticker()
            elif event.kind == "map_progress":
                self._at_work = event
            else:
                self._say(event)
            self._draw()

    def print_above(self, text: str) -> None:
        """Let text that a step prints stand above the line."""
        if not text:
            return
        with self._lock:
            self._erase()
            self._terminal.write(text)
            self._column_open = not text.endswith("\n")
            self._terminal.flush()

    def close(self) -> None:
        """Take the line away and stop drawing."""
        self._closed.set()
        with self._lock:
            self._at_work = None
            self._erase()
            self._end_line()
            self._terminal.flush()

    def _say(self, event: Event) -> None:
        if event.kind.endswith(("_success", "_failure")):
            self._at_work = None
        if LEVELS[level_of(event)] >= self._least and event.kind != "run_start":
            self._erase()
            self._end_line()
            self._terminal.write(self._line(event) + "\n")

    def _line(self, event: Event) -> str:
        """A finished step, in one line."""
        mark, color = _MARKS.get(event.kind, ("·", _DIM))
        took = f" {event.duration_s:.3f}s" if event.duration_s is not None else ""
        if event.kind in ("step_success", "step_skipped"):
            text = f"{event.step}" + (" (done before)" if event.kind == "step_skipped" else "")
        elif event.kind == "map_success":
            failed = f", {event.failed:,} failed" if event.failed else ""
            text = f"{event.step} × {items_of(event.total)}{failed}"
        elif event.kind == "run_success":
            text = f"{event.flow} {event.run_id}"
        elif event.kind.endswith("_failure"):
            text = f"{event.step or event.flow} failed: {first_line(event.message)}"
        else:
            text, took = sentence(event, timestamps=False), ""
        return f"{self._paint(color, mark)} {text}{self._paint(_DIM, took)}"

    def _draw(self) -> None:
        """The line of what is at work."""
        event = self._at_work
        if event is None or self._column_open or self._closed.is_set():
            self._terminal.flush()
            return
        elapsed = self._clock.monotonic() - self._began_s
        left = f"{_SPINNER[self._turn % len(_SPINNER)]} {event.step}"
        right = f" {elapsed:.1f}s"
        if event.kind != "step_start":
            right = self._progress(event) + right
        room = max(self._width() - 1 - len(right), 4)
        self._terminal.write(_CLEAR + (left[:room] + right)[: max(self._width() - 1, 0)])
        self._drawn = True
        self._terminal.flush()

    def _progress(self, event: Event) -> str:
        done = event.done + event.failed
        share = done / event.total if event.total else 1.0
        size = max(min(self._width() // 3, 30), 5)
        filled = int(share * size)
        failed = f" {event.failed:,} failed" if event.failed else ""
        return f" [{'█' * filled}{'░' * (size - filled)}] {done:,}/{event.total:,} ({int(share * 100)}%){failed}"

    def _erase(self) -> None:
        if self._drawn:
            self._terminal.write(_CLEAR)
            self._drawn = False

    def _end_line(self) -> None:
        """Leave the line that a step has begun to print."""
        if self._column_open:
            self._terminal.write("\n")
            self._column_open = False

    def _paint(self, color: str, text: str) -> str:
        return f"{color}{text}{_PLAIN}" if self._color and text else text

    def _start_ticker(self) -> None:
        """Redraw while a step says nothing. Started with the first step, after worker processes were forked."""
        if self._ticker is None:
            self._ticker = threading.Thread(target=self._tick, name="lokki-display", daemon=True)
            self._ticker.start()

    def _tick(self) -> None:
        while not self._closed.wait(REFRESH_S):
            with self._lock:
                self._turn += 1
                self._draw()


_MARKS = {
    "step_success": ("✓", _GREEN),
    "map_success": ("✓", _GREEN),
    "run_success": ("✓", _GREEN),
    "step_failure": ("✗", _RED),
    "map_failure": ("✗", _RED),
    "run_failure": ("✗", _RED),
    "step_skipped": ("✓", _DIM),
    "step_retry": ("↻", _YELLOW),
    "warning": ("!", _YELLOW),
    "run_interrupted": ("!", _YELLOW),
}


class PrintAbove(io.TextIOBase):
    """Stands in for `sys.stdout` and `sys.stderr` while the display is on, also in forked worker processes."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, display: LiveDisplay, fd: int) -> None:
        self._display = display
        self._fd = fd
        self._pid = os.getpid()
        self._begun: dict[tuple[int, int], str] = {}
        """{(process, thread): the line it has begun}; a line is shown whole, so that no other cuts into it."""

    def write(self, text: str) -> int:
        """Print the lines of `text` above the display's own."""
        lines, newline, rest = (self._take() + text).rpartition("\n")
        if rest:
            self._begun[os.getpid(), threading.get_ident()] = rest
        if newline:
            self._show(f"{lines}\n")
        return len(text)

    def flush(self) -> None:
        """Show the line that this thread has begun."""
        begun = self._take()
        if begun:
            self._show(begun)

    def finish(self) -> None:
        """Show what all threads of this process have begun."""
        for key in list(self._begun):
            self._show(self._begun.pop(key, "") if key[0] == os.getpid() else "")

    def _take(self) -> str:
        return self._begun.pop((os.getpid(), threading.get_ident()), "")

    def _show(self, text: str) -> None:
        if os.getpid() == self._pid:
            self._display.print_above(text)
        else:  # a forked worker process has no hold on the display
            os.write(self._fd, f"{_CLEAR}{text}".encode(errors="replace"))

    @property
    def buffer(self) -> BinaryIO:
        """For those who print bytes."""
        return cast("BinaryIO", _BytesAbove(self))

    def writable(self) -> bool:
        """It can be printed to."""
        return True

    def isatty(self) -> bool:
        """The display is only used on a terminal."""
        return True

    def fileno(self) -> int:
        """The terminal's own descriptor."""
        return self._fd


class _BytesAbove(io.RawIOBase):
    """`PrintAbove` for bytes."""

    def __init__(self, above: PrintAbove) -> None:
        self._above = above

    def write(self, data: Any) -> int:
        return self._above.write(bytes(data).decode(errors="replace"))

    def writable(self) -> bool:
        return True
