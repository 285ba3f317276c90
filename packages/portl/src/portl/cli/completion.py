"""`portl completion`: what makes a shell complete portl's words."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from . import ui
from .app import COMPLETION
from .options import debug

EXAMPLES = """\b
Examples:
  portl completion bash >> ~/.bashrc
  portl completion zsh >> ~/.zshrc
  portl completion fish > ~/.config/fish/completions/portl.fish
"""


@click.command(epilog=EXAMPLES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@debug
def completion(shell: str) -> None:
    """Print what lets a SHELL complete commands, options and files, once its start-up file has the lines."""
    made = get_completion_class(shell)
    assert made is not None  # noqa: S101  # click knows these three
    whole = made(click.Command("portl"), {}, "portl", COMPLETION)
    ui.out(whole.source_template % whole.source_vars())
