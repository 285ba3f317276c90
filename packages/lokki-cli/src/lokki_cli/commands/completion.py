"""`completion`: what makes a shell complete the words of `lokki-cli` and `lokki`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from .. import ui
from ..errors import CommandLineError
from ..flowcommand import PlainHelp
from ..ops.completion import SHELLS

PROGRAMS = ("lokki-cli", "lokki")

EXAMPLES = """\b
Examples:
  lokki-cli completion bash >> ~/.bashrc
  lokki-cli completion zsh >> ~/.zshrc
  lokki-cli completion fish > ~/.config/fish/completions/lokki-cli.fish
"""


@click.command(cls=PlainHelp, epilog=EXAMPLES)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> int:
    """Print what lets a SHELL complete commands, options, flow files, flows and their parameters.

    A new shell knows them once its start-up file has the lines. Flow files are read for it, never imported.
    """
    made = get_completion_class(shell)
    if made is None:
        raise CommandLineError(f"there is no completion for {shell}.")
    for program in PROGRAMS:
        variable = f"_{program.replace('-', '_').upper()}_COMPLETE"
        whole = made(click.Command(program), {}, program, variable)
        ui.text(whole.source_template % whole.source_vars())
    return 0
