"""Asks before something is changed.

Input: a question; whether the command line has answered it. Raises CommandLineError where nobody can be asked.
"""

from __future__ import annotations

import sys

import click

from .errors import CommandLineError


def given(question: str, *, confirmed: bool, as_json: bool = False) -> bool:
    """Whether the answer is yes; `confirmed` says that `--confirm` stands on the command line."""
    if confirmed:
        return True
    if as_json or not sys.stdin.isatty():
        raise CommandLineError(
            f"this wants a yes ({question}), and there is nobody to ask.", hint="Say it with: --confirm"
        )
    return click.confirm(question, default=False, err=True)
