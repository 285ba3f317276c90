"""The only place that writes to the terminal: results to stdout, everything else to stderr."""

from __future__ import annotations

import sys
import traceback

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
    print(f"{_red('portl:')} {text}", file=sys.stderr, flush=True)


def trace(masker: Masker) -> None:
    """The traceback of the error that is being handled, masked."""
    print(masker.text(traceback.format_exc()), file=sys.stderr, flush=True)


def is_terminal() -> bool:
    """Whether a person watches."""
    return sys.stderr.isatty()


def _red(text: str) -> str:
    variables = environment.variables()
    plain = not is_terminal() or variables.get("NO_COLOR") or variables.get("TERM", "dumb") == "dumb"
    return text if plain else f"\x1b[1;31m{text}\x1b[0m"
