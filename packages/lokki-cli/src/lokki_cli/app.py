"""The doors: `lokki-cli` and `lokki`, and the front end that `lokki.main(flow)` hands its words to.

All lead to the same commands; the only difference is where the flow comes from.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib.metadata import version
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem
from lokki.boundary import end_process, open_closed_streams, write_out
from lokki.decorators import Flow

from . import registry
from .boundary import run
from .context import FlowContext
from .errors import CommandLineError
from .flowcommand import DEBUG_HELP, PlainHelp


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """`lokki-cli WORDS`: do what they say, then end the process with the right exit code.

    `argv` is the command line without the program; None takes that of this process.
    """
    open_closed_streams()
    words = list(sys.argv[1:] if argv is None else argv)
    end_process(invoke(words, _program(), None))


def frontend(flow: Flow[Any], words: Sequence[str]) -> int:
    """`python flow.py WORDS`: the entry point of group `lokki.frontends`. Returns the exit code."""
    script = os.path.basename(sys.argv[0]) or "flow.py"
    return invoke(list(words), f"python {script}", FlowContext(flow))


def invoke(words: list[str], program: str, context: FlowContext | None) -> int:
    """Do what `words` say, on the flow of `context` or on one they name, and return the exit code."""
    words = [f"--{words[0]}", *words[1:]] if words[:1] in (["help"], ["version"]) else words or ["--help"]
    before = sys.argv
    try:
        return run(lambda: _done(words, program, context), debug="--debug" in words)
    finally:
        sys.argv = before


def _done(words: list[str], program: str, context: FlowContext | None) -> int:
    code = commands.main(words, program, standalone_mode=False, obj=context)
    return code if isinstance(code, int) else 0


class Commands(PlainHelp, click.Group):
    """Every registered command, imported when it is typed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, in the order `--help` shows them."""
        return registry.names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported; None for one that is not there."""
        return registry.load(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names. Raises CommandLineError where none does."""
        command = self.get_command(ctx, args[0])
        if command is not None:
            return args[0], command, args[1:]
        if ctx.resilient_parsing:
            return None, None, []
        raise CommandLineError(_unknown(args, ctx.command_path), hint=f"See: {ctx.command_path} --help")

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands with their lines, without importing them, and options."""
        found = click.Command.shell_complete(self, ctx, incomplete)
        names = [name for name in registry.names() if name.startswith(incomplete)]
        return found + [CompletionItem(name, help=registry.summary(name)) for name in names]

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What this is about: the flow, where there is one."""
        found = ctx.find_object(FlowContext)
        self.help = GENERAL_HELP if found is None else f"Flow '{found.flow.name}'. {found.flow.__doc__ or ''}".strip()
        super().format_help_text(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Each command with its line, without importing it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, registry.summary(name)) for name in self.list_commands(ctx)])


GENERAL_HELP = """Run, build and deploy lokki flows.

Commands take a FLOW: a Python file, or FILE:NAME where there are several flows in it. Inside a flow file,
lokki.main(my_flow) gives it the same commands: python flow.py COMMAND."""


def _print_version(ctx: click.Context, option: click.Parameter, value: bool) -> None:
    if value:
        others = ", ".join(f"{name} {version(name)}" for name in ("lokki-core", "lokki-builder"))
        write_out(f"lokki-cli {version('lokki-cli')} ({others})\n")
        ctx.exit()


commands = Commands(
    "lokki-cli",
    params=[
        click.Option(
            ["--version", "-V"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_version,
            help="Show the version.",
        ),
        click.Option(["--debug"], is_flag=True, expose_value=False, help=DEBUG_HELP),
    ],
)


def _unknown(words: list[str], program: str) -> str:
    word = words[0]
    if word.endswith(".py"):
        rest = " ".join([*words[1:2], word, *words[2:]]) if words[1:] else f"COMMAND {word}"
        return f"the command comes before the flow: {program} {rest}."
    close = get_close_matches(word, registry.names(), n=1)
    return f"there is no command '{word}'." + (f" Did you mean '{close[0]}'?" if close else "")


def _program() -> str:
    """How this process was started, as messages show it."""
    name = os.path.basename(sys.argv[0])
    return "python -m lokki_cli" if name == "__main__.py" else name or "lokki-cli"
