"""The group of commands; each is imported when it is typed."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module

import click

from ..__about__ import __version__
from ..errors import CommandLineError
from ..secrets import Masker
from .app import COMMANDS, COMPLETION

LEVELS = ("offline", "check", "rollback")


def done(words: list[str], masker: Masker) -> int:
    """Do what `words` say. Raises CommandLineError, and the errors of commands."""
    try:
        code = commands.main(with_level(words), "portl", standalone_mode=False, obj=masker, complete_var=COMPLETION)
    except click.Abort as aborted:
        raise KeyboardInterrupt(*getattr(aborted.__cause__, "args", ())) from None
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f"See: {context.command_path} --help" if context is not None else None
        text = error.format_message()
        raise CommandLineError(f"{text[:1].lower()}{text[1:].rstrip('.')}.", hint=hint) from error
    return code if isinstance(code, int) else 0


def with_level(words: list[str]) -> list[str]:
    """`--dry-run` without a level means offline, also where the job follows: `portl run --dry-run job.yaml`."""
    after = [*words, ""][1:]
    return [
        "--dry-run=offline" if word == "--dry-run" and following not in LEVELS else word
        for word, following in zip(words, after, strict=True)
    ]


class Commands(click.Group):
    """Every command, imported when it is typed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, in the order the help shows them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported; None for one that is not there."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"portl.cli.{cmd_name}"), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names. Raises CommandLineError where none does."""
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            close = get_close_matches(args[0], list(COMMANDS), n=1)
            hint = f"Did you mean '{close[0]}'?" if close else "See: portl --help"
            raise CommandLineError(f"there is no command '{args[0]}'.", hint=hint)
        return super().resolve_command(ctx, args)


def _print_version(ctx: click.Context, option: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"portl {__version__}")
        ctx.exit()


commands = Commands(
    "portl",
    params=[
        click.Option(
            ["--version", "-V"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_version,
            help="Show the version.",
        ),
        click.Option(["--debug"], is_flag=True, expose_value=False, help="Show tracebacks."),
    ],
)
