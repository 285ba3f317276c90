"""The command: flags, and which of both modes they mean."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from importlib import resources
from typing import Any

import click

from ... import environment
from ...errors import CommandLineError, PortlError
from ...secrets import Masker
from .. import ui
from ..options import debug
from .columns import CONFLICTS
from .output import CancelledError, Output, ask
from .questions import Answers

NOTHING_WRITTEN = "nothing was written."


@click.command()
@click.option("--source", metavar="PLACE", help="A CSV file, a SQLite file, a database's URL, or ${env:NAME}.")
@click.option("--source-table", metavar="NAME", help="The table that is read, where the source is a database.")
@click.option("--destination", metavar="PLACE", help="As --source; a CSV file is written.")
@click.option("--table", metavar="NAME", help="The table that is written.")
@click.option(
    "--map",
    "chosen",
    multiple=True,
    metavar="COLUMN=SOURCE",
    help="Where a column gets its value; nothing behind = leaves it out.",
)
@click.option(
    "--set", "fixed", multiple=True, metavar="COLUMN=VALUE", help="A fixed value, or an expression as {{ now() }}."
)
@click.option(
    "--type",
    "types",
    multiple=True,
    metavar="SOURCE=TYPE",
    help="How a column of a CSV file is read: integer, decimal:2, date:%d/%m/%Y …",
)
@click.option("--key", metavar="COLUMNS", help="Columns that tell a row from all others, with commas between them.")
@click.option("--conflict", type=click.Choice(list(CONFLICTS)), help="What happens to a row that is there already.")
@click.option("--header/--no-header", default=None, help="Whether the file's first line names its columns.")
@click.option(
    "--delimiter", metavar="CHARACTER", help="Between the fields of the source; guessed where it is not given."
)
@click.option("--encoding", metavar="NAME", help="Of the source; guessed where it is not given.")
@click.option("--name", help="Of the job; that of the destination where it is not given.")
@click.option("--out", "-o", metavar="FILE", help="The job to write; - prints it.")
@click.option("--overwrite", "existing", flag_value="overwrite", help="Replace the file if it is there.")
@click.option("--append", "existing", flag_value="append", help="Add the new steps to the job if it is there.")
@click.option("--non-interactive", is_flag=True, help="Ask nothing: take flags, and what is proposed.")
@click.option(
    "--template", is_flag=True, help="Write portl's commented example with every type of step, instead of a job."
)
@debug
@click.pass_obj
def init(
    masker: Masker, /, non_interactive: bool, template: bool, header: bool | None, existing: str | None, **flags: Any
) -> None:
    """Make a job: look at a source and a destination, propose a mapping, and write YAML.

    Asks on a terminal; what flags say is not asked. The same answers always give the same file. Passwords are used to
    look at databases and never written: the job names a variable of the environment.

    \b
    portl init
    portl init --non-interactive --source products.csv --destination shop.db --table products
    portl init --template
    """
    try:
        if template:
            _template(flags["out"], existing or "", non_interactive)
        else:
            _job(masker, non_interactive, header, existing or "", flags)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted; {NOTHING_WRITTEN}") from None
    except EOFError:
        raise KeyboardInterrupt(f"the input ended; {NOTHING_WRITTEN}") from None
    except CancelledError:
        ui.note(NOTHING_WRITTEN.capitalize())


def _job(masker: Masker, non_interactive: bool, header: bool | None, existing: str, flags: dict[str, Any]) -> None:
    from .flow import Dialogue, Flags  # noqa: PLC0415  # the template needs none of it

    single = ("source", "source_table", "destination", "table", "key", "conflict", "delimiter", "encoding", "out")
    given = {name.replace("_", "-"): flags[name] for name in single if flags[name] is not None}
    if header is not None:
        given["header"] = "yes" if header else "no"
    columns = Flags(
        name=flags["name"] or "",
        chosen=_pairs("map", flags["chosen"]),
        fixed=_pairs("set", flags["fixed"]),
        types=_pairs("type", flags["types"]),
        existing=existing,
    )
    answers, screen = _mode(masker, given, non_interactive)
    dialogue = Dialogue(answers, columns, environment.variables(), masker, screen)
    made = dialogue.make(dialogue.decide())
    if screen is None or answers.prompts is None:
        _write(made.output, made.text)
        for note in made.notes:
            ui.note(f"note: {masker.text(note)}")
        return
    screen.job(made.output.path, made.text)
    screen.plan(*dialogue.try_out(made))
    for note in made.notes:
        screen.note(note)
    if made.output.path != "-" and not answers.prompts.confirm(f"Write {made.output.path}?"):
        raise CancelledError
    _write(made.output, made.text)
    screen.say("\nThe same without questions:")
    screen.command(f"  {answers.command()}")


def _mode(masker: Masker, given: dict[str, str], non_interactive: bool) -> tuple[Answers, Any]:
    """Answers by flags alone, or by flags and a person in front of a terminal. Raises CommandLineError."""
    if non_interactive:
        return Answers(given, None, _unheard), None
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        hint = "Use --non-interactive with --source and --destination; see: portl init --help"
        raise CommandLineError("there is no terminal to ask on.", hint=hint)
    from .prompts import TerminalPrompts  # noqa: PLC0415  # only where somebody is asked
    from .screen import Screen  # noqa: PLC0415  # as above

    screen = Screen(masker)
    return Answers(given, TerminalPrompts(), screen.complain), screen


def _unheard(error: PortlError) -> None:
    raise error


def _pairs(flag: str, words: Sequence[str]) -> dict[str, str]:
    """`["a=b"]` as {"a": "b"}. Raises CommandLineError."""
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise CommandLineError(f"--{flag} {word}: this is no NAME=VALUE.")
        found[name] = value
    return found


def _template(out: str | None, existing: str, non_interactive: bool) -> None:
    text = (resources.files("portl") / "template.yaml").read_text(encoding="utf-8")
    if existing == "append":
        raise CommandLineError("the template is a whole job and cannot be appended.", hint="Say another --out.")
    given = {"out": out or "template.yaml"}
    if non_interactive or not (sys.stdin.isatty() and sys.stdout.isatty()):
        answers = Answers(given, None, _unheard)
    else:
        from .prompts import TerminalPrompts  # noqa: PLC0415  # only where somebody is asked

        answers = Answers(given, TerminalPrompts(), lambda error: ui.note(str(error)))
    _write(ask(answers, "template.yaml", existing, whole=True), text)


def _write(output: Output, text: str) -> None:
    if output.path == "-":
        ui.out(text.rstrip("\n"))
        return
    output.write(text)
    what = "Appended to" if output.mode == "append" else "Wrote"
    ui.out(f"{what} {output.path}. Try it: portl run {shlex.quote(output.path)} --dry-run=check")
