"""Shows the events of an operation while it is at work, and hands on its result.

Input: a generator of events. Output: on stderr a live line where that is a terminal, else plain lines; with JSON
wanted, a JSON object per line on stdout. rich is imported only for a terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from lokki.boundary import write_out

from . import ui
from .ops.events import Begun, Done, Event, Noted, Progress, ResourceMoved, Said, T

GOES_ON = "CloudFormation goes on with it; the same command shows what came of it."
"""What is said to those who do not wait for a stack."""

if TYPE_CHECKING:
    from rich.status import Status


class Display(Protocol):
    """What shows events."""

    def __call__(self, event: Event, /) -> None:
        """Show one."""


def shown(progress: Progress[T], *, as_json: bool = False, interrupted: str = "") -> T:
    """Carry `progress` to its end, showing what happens; its result.

    `interrupted` is what the user should know who does not wait for the end.
    """
    try:
        with _display(as_json) as display:
            while True:
                try:
                    event = next(progress)
                except StopIteration as end:
                    result: T = end.value
                    return result
                display(event)
    except KeyboardInterrupt:
        if interrupted:
            ui.note(interrupted)
        raise


@contextmanager
def _display(as_json: bool) -> Iterator[Display]:
    if as_json:
        yield _json_line
    elif sys.stderr.isatty():
        with _live() as live:
            yield live
    else:
        yield _plain_line


def _json_line(event: Event) -> None:
    write_out(json.dumps(event.to_dict(), ensure_ascii=False) + "\n")


def _plain_line(event: Event) -> None:
    text = sentence(event)
    if text:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def sentence(event: Event) -> str:
    """An event in a line; empty for one that only a live display shows."""
    if isinstance(event, Begun):
        return f"{event.text} ..."
    if isinstance(event, Done):
        return event.text
    if isinstance(event, Noted):
        return f"warning: {event.text}"
    if isinstance(event, Said):
        return f"  {event.program}: {event.line}" if event.line.strip() else ""
    if isinstance(event, ResourceMoved):
        reason = f": {event.reason}" if event.reason else ""
        return f"  {event.status:<28} {event.resource} ({event.type.removeprefix('AWS::')}){reason}"
    return ""


class _Live:
    """A terminal: what is done scrolls by, what is at work stays on the last line."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._work = ""

    def __call__(self, event: Event) -> None:
        """Show one."""
        if isinstance(event, Begun):
            self._work = event.text
            self._update("")
        elif isinstance(event, Said):
            self._update(event.line)
        elif isinstance(event, ResourceMoved):
            self._moved(event)
        elif isinstance(event, Noted):
            self._print(sentence(event), "yellow")
        else:
            self._work = ""
            self._update("")
            self._print(f"✓ {sentence(event)}", "green")

    def _moved(self, event: ResourceMoved) -> None:
        if event.status.endswith("_IN_PROGRESS") and not event.reason:
            self._update(f"{event.resource} {event.status}")
        else:
            bad = "FAILED" in event.status or "ROLLBACK" in event.status
            self._print(sentence(event), "red" if bad else "dim")

    def _print(self, text: str, style: str) -> None:
        self._status.console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    def _update(self, detail: str) -> None:
        from rich.text import Text  # noqa: PLC0415  # as the console

        text = Text(f"{self._work} ", no_wrap=True, overflow="ellipsis")
        text.append(detail.strip(), "dim")
        self._status.update(text)


@contextmanager
def _live() -> Iterator[_Live]:
    from rich.console import Console  # noqa: PLC0415  # 50 ms that only a terminal needs

    with Console(file=sys.stderr).status("") as status:
        yield _Live(status)
