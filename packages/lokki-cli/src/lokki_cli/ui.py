"""The only module that prints. Results go to stdout, everything about them to stderr; colours only on a terminal.

rich is imported only for a terminal: nothing that a script reads depends on it.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, redirect_stdout
from typing import TYPE_CHECKING, TextIO

from lokki.boundary import write_out

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 80
"""Columns where there is no terminal."""

_STEP_COLOURS = ("cyan", "magenta", "green", "bright_blue", "yellow", "bright_magenta", "bright_cyan")
STEP_COLOURS = len(_STEP_COLOURS)
"""How many steps have a colour of their own, as the roles `step0`, `step1`, …"""

STYLES = {
    "title": "bold",
    "name": "bold cyan",
    "detail": "dim",
    "frame": "dim",
    "good": "green",
    "bad": "red",
    "busy": "yellow",
    **{f"step{place}": colour for place, colour in enumerate(_STEP_COLOURS)},
}
"""{what a piece of a line is: how rich shows it}: the terminal's own colours, so that light and dark ones both work."""


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


def text(content: str) -> None:
    """Text on stdout as it is."""
    write_out(content)


def styled(rows: Iterable[Sequence[tuple[str, str]]]) -> None:
    """Lines on stdout, each as pieces (role, text); a terminal shows what a piece is, by STYLES."""
    console = _console(sys.stdout)
    if console is None:
        write_out("".join("".join(piece for _, piece in row).rstrip() + "\n" for row in rows))
        return
    from rich.text import Text  # noqa: PLC0415  # as the console

    for row in rows:
        line = Text()
        for role, piece in row:
            line.append(piece, STYLES.get(role, ""))
        line.rstrip()
        console.print(line, soft_wrap=True)


def table(headings: Sequence[str], rows: Iterable[Sequence[tuple[str, str]]]) -> None:
    """Cells (role, text) on stdout, below headings, aligned on the left; columns without any text are left out."""
    cells = [[("detail", heading) for heading in headings], *map(list, rows)]
    widths = [max(len(row[place][1]) for row in cells[1:]) for place in range(len(headings))]
    shown = [place for place, width in enumerate(widths) if width]
    widths = [max(width, len(headings[place])) for place, width in enumerate(widths)]
    styled([(cell[0], f"{cell[1]:<{widths[at]}}  ") for at in shown for cell in [row[at]]] for row in cells)


def stream(rows: Iterable[Sequence[tuple[str, str]]]) -> None:
    """As `styled`, each line as soon as it comes."""
    for row in rows:
        styled([row])


def json_line(data: object) -> None:
    """One JSON object on a line of stdout."""
    write_out(json.dumps(data, ensure_ascii=False) + "\n")


def note(text: str) -> None:
    """What is said beside the result, on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def columns() -> int:
    """How many columns stdout has; 80 where it is no terminal."""
    console = _console(sys.stdout)
    return WIDTH if console is None else console.width


def knows_unicode() -> bool:
    """Whether stdout can show more than ASCII."""
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")


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
