"""The commands there are: those that packages, this one included, registered in the entry-point group `lokki.commands`.

A command is imported when it is typed. What `--help` says about ours therefore stands here, not in their modules.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

import click
from lokki.errors import MissingPackageError

from .errors import BrokenCommandError

COMMANDS = "lokki.commands"
"""Entry points: name → `click.Command`."""

SUMMARIES = {
    "run": "Run the flow on this machine.",
    "build": "Write what deploying the flow needs to a folder.",
    "deploy": "Bring the flow to AWS, as a CloudFormation stack.",
    "invoke": "Start a run of the deployed flow.",
    "resume": "Go on with a deployed run that did not succeed.",
    "show": "List recent runs, or show one step by step.",
    "logs": "Print what the deployed steps wrote.",
    "result": "Print what a run, a step or an item returned.",
    "destroy": "Delete the flow's stack.",
    "rollback": "Go back to an earlier deployment.",
    "graph": "Draw the flow.",
    "config": "Show every configuration value and where it came from.",
    "bootstrap": "Make the bucket and repository flows are deployed into.",
    "image": "Build the image that flows' images start from.",
    "completion": "Print what makes a shell complete commands.",
}
"""{command of this package: what it does, in a line}, as `--help` lists them."""


def names() -> list[str]:
    """All commands: ours in the order of a flow's life, then those of other packages."""
    found = _points()
    return [*(name for name in SUMMARIES if name in found), *sorted(name for name in found if name not in SUMMARIES)]


def summary(name: str) -> str:
    """What the command does, in a line."""
    if name in SUMMARIES:
        return SUMMARIES[name]
    try:
        command = load(name)
    except (BrokenCommandError, MissingPackageError) as error:
        return str(error)
    return command.get_short_help_str(limit=60) if command is not None else ""


def load(name: str) -> click.Command | None:
    """The command `name`; None where there is none.

    Raises MissingPackageError where it lacks a package, BrokenCommandError where it cannot be loaded.
    """
    point = _points().get(name)
    if point is None:
        return None
    try:
        command = point.load()
    except ModuleNotFoundError as error:
        raise MissingPackageError(f"the command '{name}'", error.name or "that it imports") from error
    except (ImportError, AttributeError) as error:
        raise BrokenCommandError(f"the command '{name}' ({point.value}) cannot be loaded: {error}.") from error
    if not isinstance(command, click.Command):
        raise BrokenCommandError(f"the command '{name}' ({point.value}) is no click.Command.")
    return command


def _points() -> dict[str, EntryPoint]:
    """{name: entry point}; nobody replaces a command of ours."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=COMMANDS):
        if point.name not in found or point.value.startswith("lokki_cli."):
            found[point.name] = point
    return found
