"""Compares a graph and its definition with the limits of Step Functions, and of Batch where a step runs there. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from lokki.graph import Chain, FlowGraph, MapLink, TaskEntry
from lokki.store.keys import OUTPUT

from ..limits import LIMITS, Finding, check, check_text
from .functions import node_timeout_s
from .model import FunctionRef, MachineOptions, MapPlan
from .names import Names
from .payload import Place
from .retries import CONTINUE_ATTEMPTS, Regime, check_policy
from .sites import Site, walk, walk_maps

LONGEST_SUBSTITUTION = 180
"""More characters than any ARN, bucket or flow name that takes the place of a `${Name}`."""

EVENTS_PER_STATE = 2
EVENTS_PER_TRY = 3
EVENTS_PER_MAP = 4
EVENTS_OF_AWS_RETRIES = 20 * EVENTS_PER_TRY
"""What a state adds to a history: entering and leaving it; scheduling, starting and ending one try of a task; a run
of a map; the tries that AWS's own errors may cost."""


def check_graph(
    graph: FlowGraph,
    names: Names,
    functions: Mapping[str, FunctionRef],
    maps: Mapping[str, MapPlan],
    options: MachineOptions,
) -> list[Finding]:
    """Every limit that can be checked before there is a definition."""
    return [
        *_names(names),
        *_maps(graph, maps, options),
        *_timeouts(functions),
        *(finding for site in walk(graph.chain) for finding in _task(graph, site)),
        *_histories(graph),
    ]


def check_definition(text: str) -> list[Finding]:
    """The size of a definition after its substitutions."""
    filled = re.sub(r"\$\{\w+\}", "x" * LONGEST_SUBSTITUTION, text)
    return check_text("definition", filled, "the state machine", "Split the flow.")


def _names(names: Names) -> Iterator[Finding]:
    for state, owner in names.owners.items():
        yield from check_text("state_name", state or "?", f"{owner}, state '{state}'", "Give the step a shorter name.")
    for name, label in names.labels.items():
        yield from check_text("map_label", label, f"the map over '{name}'")


def _maps(graph: FlowGraph, maps: Mapping[str, MapPlan], options: MachineOptions) -> Iterator[Finding]:
    for link, _ in walk_maps(graph.chain):
        subject = f"the map over '{link.name}'"
        yield from check("map_concurrency", maps[link.name].concurrency, subject)
        if link.options.express:
            yield from check("express_time", _body_time_s(link, options), f"{subject} with express=True", _EXPRESS_HINT)


_EXPRESS_HINT = "The timeouts of its steps add up to this: give them a smaller timeout_seconds, or leave express out."


def _body_time_s(link: MapLink, options: MachineOptions) -> int:
    return sum(node_timeout_s(site, options) for site in walk(link.body, within=link))


def _timeouts(functions: Mapping[str, FunctionRef]) -> Iterator[Finding]:
    for node in dict.fromkeys(ref["node"] for ref in functions.values()):
        ref = functions[node]
        limit = "batch_timeout" if ref["kind"] == "batch" else "lambda_timeout"
        yield from check(limit, ref["timeout_s"], f"step '{node}'", "Set timeout_seconds of the step.")


def _task(graph: FlowGraph, site: Site) -> Iterator[Finding]:
    task = site.task
    subject = f"step '{task.node}'"
    if task.options.job_type == "batch":
        yield from check("batch_overrides", _event_size(graph, site), f"{subject}, event", "Give it a shorter name.")
    else:
        yield from check_policy(task.options.retry, subject)


def _event_size(graph: FlowGraph, site: Site) -> int:
    """Characters of the longest event of a Batch step, with the largest parameters lokki allows."""
    node, longest_name, longest_bucket = site.task.node, 80, 63
    longest_path = "/9999999999" * site.place.depth
    upstream = max(len(other.node) for other in graph.tasks())
    url = len(f"s3:///{longest_path}/runs///{OUTPUT}") + longest_bucket + 2 * longest_name + upstream
    frame = '{"v":1,"flow":{"run_id":"","params":},"node":"","path":"","input":"","attempt":0}'
    fixed = len(frame) + len(node) + len(longest_path) + longest_name
    return int(LIMITS["params_batch"].value) + fixed + max(url, _ROW_SIZE)


_ROW_SIZE = 120
"""Characters of a manifest row with numbers of 13 digits."""


def _histories(graph: FlowGraph) -> Iterator[Finding]:
    """The longest history of the flow's own execution, and of a child of each map."""
    hint = "A smaller `retries` helps."
    yield from check("history", _events(graph.chain, None), f"an execution of '{graph.name}'", hint)
    for link, _ in walk_maps(graph.chain):
        if not link.options.express:
            yield from check("history", _events(link.body, link), f"a child of the map over '{link.name}'", hint)


def _events(chain: Chain, within: MapLink | None) -> int:
    tasks: list[TaskEntry] = []
    total = 8
    for link in chain:
        if isinstance(link, TaskEntry):
            tasks.append(link)
            continue
        total += EVENTS_PER_STATE + EVENTS_PER_MAP
        tasks += [link.agg] if link.agg else []
    return total + sum(_task_events(task, within) for task in tasks)


def _task_events(task: TaskEntry, within: MapLink | None) -> int:
    batches = Site(task, Place(), within).regime is Regime.BATCHES
    again = (0 if task.options.job_type == "batch" else task.options.retry.retries) + batches * CONTINUE_ATTEMPTS
    return EVENTS_PER_STATE + EVENTS_OF_AWS_RETRIES + EVENTS_PER_TRY * (1 + again)
