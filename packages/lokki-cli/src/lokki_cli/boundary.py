"""Where errors of the command line become text and exit codes: click's become lokki's, `lokki.boundary` does the rest.

`LokkiError` may be raised anywhere below; no error of ours subclasses one of click's.
"""

from __future__ import annotations

from collections.abc import Callable

import click
from lokki.boundary import guarded

from .errors import CommandLineError


def run(action: Callable[[], int], *, debug: bool) -> int:
    """Run `action` and return its exit code; what it raises is told on stderr."""
    return guarded(lambda: _translated(action), debug=debug)


def _translated(action: Callable[[], int]) -> int:
    try:
        return action()
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as error:
        raise CommandLineError(_sentence(error.format_message()), hint=_hint(error)) from error


def _sentence(text: str) -> str:
    """click's message as the other messages of lokki are written."""
    text = text[:1].lower() + text[1:]
    return text if text.endswith((".", "?", ")")) else f"{text}."


def _hint(error: click.ClickException) -> str | None:
    context = getattr(error, "ctx", None)
    return f"See: {context.command_path} --help" if context is not None else None
