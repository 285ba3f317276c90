"""The only module that prints. Results go to stdout, everything about them to stderr; colours only on a terminal.

rich is imported only for a terminal: nothing that a script reads depends on it.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Iterable
from contextlib import AbstractContextManager, redirect_stdout
from typing import TYPE_CHECKING, TextIO

from lokki.boundary import write_out

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 80
"""Columns where there is no terminal."""


def lines(text: Iterable[str]) -> None:
    """Lines for people on stdout: the first is a heading, columns of the others stay aligned where they wrap."""
    console = _console(sys.stdout)
    heading, *rest = text
    if console is None:
        write_out("".join(f"{line}\n" for line in wrapped([heading, *rest], WIDTH)))
        return
    console.print(heading, style="bold", markup=False, highlight=False)
    for line in wrapped(rest, console.width):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def document(data: object) -> None:
    """One JSON object on stdout."""
    write_out(json.dumps(data, indent=2) + "\n")


def warnings(texts: Iterable[str]) -> None:
    """What the user should know though it is no mistake, on stderr."""
    console = _console(sys.stderr)
    for text in texts:
        if console is None:
            sys.stderr.write(f"warning: {text}\n")
        else:
            console.print(f"warning: {text}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    sys.stderr.flush()


def results_only() -> AbstractContextManager[object]:
    """Until it ends, what authors' code prints goes to stderr, so that only results are on stdout."""
    return redirect_stdout(sys.stderr)


def wrapped(text: Iterable[str], width: int) -> list[str]:
    """Lines of at most `width` columns, as far as words allow."""
    found: list[str] = []
    for line in text:
        found += textwrap.wrap(
            line,
            max(width, 40),
            subsequent_indent=" " * _hang(line),
            break_long_words=False,
            break_on_hyphens=False,
            drop_whitespace=True,
        ) or [""]
    return found


def _hang(line: str) -> int:
    """Where what belongs to a line goes on: below its second column, else two columns further in."""
    column = re.match(r"\s+\S+(?: \S+)*\s{2,}(?=\S)", line)
    return column.end() if column else len(line) - len(line.lstrip()) + 2


def _console(stream: TextIO) -> Console | None:
    """rich's console where `stream` is a terminal."""
    if not stream.isatty():
        return None
    from rich.console import Console  # noqa: PLC0415  # 50 ms that only a terminal needs

    return Console(file=stream)
