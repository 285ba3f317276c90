"""The only place that writes to the terminal: results to stdout, everything else to stderr."""

from __future__ import annotations

import os
import sys
import textwrap
import traceback
from typing import TextIO

from .. import environment
from ..secrets import Masker


def out(text: str) -> None:
    """A line of a result."""
    print(text)


def note(text: str) -> None:
    """A line about what goes on."""
    print(text, file=sys.stderr, flush=True)


def error(text: str) -> None:
    """An error."""
    folded = fold(f"portl: {text}", width(sys.stderr))
    print(folded.replace("portl:", _red("portl:"), 1), file=sys.stderr, flush=True)


def trace(masker: Masker) -> None:
    """The traceback of the error that is being handled, masked."""
    print(masker.text(traceback.format_exc()), file=sys.stderr, flush=True)


def is_terminal() -> bool:
    """Whether a person watches."""
    return sys.stderr.isatty()


def width(stream: TextIO) -> int | None:
    """Characters in a line of the terminal that `stream` is written to; None where it is none."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return None


def fold(text: str, columns: int | None) -> str:
    """`text` with its lines broken between words, where it is wider; longer words stay whole."""
    if not columns:
        return text
    lines = [
        textwrap.wrap(line, columns, break_long_words=False, break_on_hyphens=False, drop_whitespace=True) or [""]
        for line in text.splitlines()
    ]
    return "\n".join(piece for pieces in lines for piece in pieces)


def _red(text: str) -> str:
    variables = environment.variables()
    plain = not is_terminal() or variables.get("NO_COLOR") or variables.get("TERM", "dumb") == "dumb"
    return text if plain else f"\x1b[1;31m{text}\x1b[0m"
