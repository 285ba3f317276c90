"""Which log groups a flow's steps write to, by what is deployed. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ..aws.names import Names
from ..errors import CommandLineError
from .machine import COLLECT, Machine

BATCH_DEFAULT = "/aws/batch/job"
"""Where jobs of a job definition write that says nothing else."""


@dataclass(frozen=True)
class Source:
    """A log group, or those streams of it that begin alike."""

    step: str
    """The step that writes there."""
    group: str
    stream_prefix: str = ""
    """Empty for all streams."""


def sources(machine: Machine, names: Names, step: str | None = None) -> list[Source]:
    """Where the steps write, each place once, in the flow's order; with `step` only that one.

    Raises CommandLineError for a step that the flow does not have.
    """
    found: dict[tuple[str, str], Source] = {}
    for node, (group, prefix) in _places(machine, names).items():
        if step is None or node == step:
            found.setdefault((group, prefix), Source(node.removesuffix(COLLECT), group, prefix))
    if step is not None and not found:
        known = ", ".join(node for node in dict.fromkeys(machine.nodes.values()) if not node.endswith(COLLECT))
        raise CommandLineError(f"--step {step}: the flow has no such step.", hint=f"It has: {known}.")
    return list(found.values())


def _places(machine: Machine, names: Names) -> dict[str, tuple[str, str]]:
    """{node: (log group, beginning of its streams)}, in the flow's order."""
    found: dict[str, tuple[str, str]] = {}
    for node in dict.fromkeys(machine.nodes.values()):
        if node in machine.functions:
            found[node] = (f"/aws/lambda/{machine.functions[node]}", "")
        elif node in machine.jobs:
            found[node] = _job_place(machine.jobs[node], names)
    return found


def _job_place(definition: str, names: Names) -> tuple[str, str]:
    own = f"{names.deployed}-"
    if definition.startswith(own):
        return names.batch_log_group, f"{definition.removeprefix(own)}/"
    return BATCH_DEFAULT, f"{definition}/"
