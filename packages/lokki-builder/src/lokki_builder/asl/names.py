"""The names a node has in a state machine: its state, its map's state and label, its Batch job.

Input: a FlowGraph. Output: `Names`, with a finding for every name that AWS or a reader could not tell from another.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from lokki.graph import FlowGraph, MapLink, TaskEntry

from .sites import collect_node, walk_maps

CHOOSE_RUN = "ChooseRun"
INIT_FLOW = "InitFlow"
RESUME_FLOW = "ResumeFlow"
RESUME_WITH_PARAMS = "ResumeFlowWithParams"

OWN_STATES = (CHOOSE_RUN, INIT_FLOW, RESUME_FLOW, RESUME_WITH_PARAMS)
"""The states every machine begins with."""

MAX_LABEL = 40
MAX_JOB_NODE = 47
"""What a Batch job's name (128) leaves for the node beside a flow name of 80 characters and a hyphen."""


@dataclass
class Names:
    """Every state name of a flow, and who bears it."""

    tasks: dict[str, str] = field(default_factory=dict)
    """{node or `<map name>.collect`: its state}."""
    events: dict[str, str] = field(default_factory=dict)
    """{node on Batch: the state that makes its event}."""
    maps: dict[str, str] = field(default_factory=dict)
    """{map name: its state}."""
    labels: dict[str, str] = field(default_factory=dict)
    """{map name: its label}."""
    owners: dict[str, str] = field(default_factory=lambda: dict.fromkeys(OWN_STATES, "a state of lokki's own"))
    """{state: who bears it, as a message says it}."""
    findings: list[str] = field(default_factory=list)
    """One line for each name that cannot be used."""

    def claim(self, state: str, owner: str) -> str:
        """Give `state` to `owner`, with a finding where another has it."""
        other = self.owners.setdefault(state, owner)
        if other != owner:
            self.findings.append(f"{owner} and {other} both become the state '{state}': rename one of the steps.")
        return state


def assign_names(graph: FlowGraph) -> Names:
    """Name every state of `graph`."""
    names = Names()
    for task in graph.tasks():
        _name_task(names, task)
    for link, _ in walk_maps(graph.chain):
        _name_map(names, link)
    return names


def pascal(name: str) -> str:
    """`get_birds` as `GetBirds`; capitals within a word stay."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def label_of(name: str) -> str:
    """A map's label: its name, shortened with a hash where it is longer than 40 characters."""
    return shortened(name, MAX_LABEL)


def job_name_part(node: str) -> str:
    """What the name of a node's Batch jobs ends in."""
    return shortened(node, MAX_JOB_NODE)


def shortened(name: str, most: int) -> str:
    """`name`, or its beginning and 8 hex digits of its hash, in at most `most` characters."""
    if len(name) <= most:
        return name
    return f"{name[: most - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _name_task(names: Names, task: TaskEntry) -> None:
    owner = _owner(task)
    if not re.fullmatch(r"[A-Za-z0-9_]+", task.node):
        names.findings.append(f"{owner}: AWS needs names of ASCII letters, digits and underscores; rename the step.")
    state = pascal(task.node)
    if not state:
        names.findings.append(f"{owner}: a deployed step's name needs a letter or a digit; rename the step.")
    names.tasks[task.node] = names.claim(state, owner)
    if task.options.job_type == "batch":
        names.events[task.node] = names.claim(f"{state}Event", f"the event of {owner}")


def _name_map(names: Names, link: MapLink) -> None:
    state = pascal(link.name)
    names.maps[link.name] = names.claim(f"Map{state}", f"the map over '{link.name}'")
    names.labels[link.name] = label_of(link.name)
    if node := collect_node(link):
        names.tasks[node] = names.claim(f"Collect{state}", f"the judge of the map over '{link.name}'")


def _owner(task: TaskEntry) -> str:
    if task.node == task.step:
        return f"step '{task.step}'"
    return f"node '{task.node}' (another use of step '{task.step}')"
