"""How a user types a further command on the same flow in the same place, for hints.

Input: the command under way, as click knows it. Output: a line for a shell.
"""

from __future__ import annotations

import shlex

import click

from ..context import FlowContext
from ..flowcommand import TARGET

PLACE = ("env", "stack_name", "region", "profile", "endpoint")
"""Options that say where a flow is, which a further command needs too."""


def again(command: str, *words: str) -> str:
    """`lokki-cli COMMAND flow.py WORDS`, or `python flow.py COMMAND WORDS`, with the options of place given now."""
    context = click.get_current_context()
    program = context.parent.command_path if context.parent else "lokki-cli"
    by_script = context.parent is not None and context.parent.find_object(FlowContext) is not None
    flow = [] if by_script else [shlex.quote(str(context.meta.get(TARGET, "FLOW")))]
    return " ".join([program, command, *flow, *map(shlex.quote, [*words, *_place(context)])])


def _place(context: click.Context) -> list[str]:
    given = {name: context.params.get(name) for name in PLACE}
    return [word for name, value in given.items() if value for word in (f"--{name.replace('_', '-')}", str(value))]
