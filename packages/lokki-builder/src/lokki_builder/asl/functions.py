"""Which function or job definition each node runs on, and how long that may take. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping

from lokki.graph import FlowGraph

from .model import COMMON_SUBSTITUTIONS, FunctionRef, MachineOptions, State
from .names import Names
from .retries import Regime
from .sites import Site, collect_node, walk, walk_maps

COLLECT_FUNCTION = "LokkiCollectFunction"

LONGEST_JOB_S = 31_536_000
"""No job is given more than a year."""


def assign_functions(graph: FlowGraph, names: Names, options: MachineOptions) -> dict[str, FunctionRef]:
    """{node or `<map name>.collect`: its function}: tasks in the flow's order, then judges.

    Nodes of one step share a function that is named after the first of them and may run as long as the slowest needs.
    """
    steps: dict[tuple[str, str], list[Site]] = {}
    for site in walk(graph.chain):
        steps.setdefault((site.task.module, site.task.step), []).append(site)
    made = {key: _function(uses, names, options) for key, uses in steps.items()}
    functions = {site.task.node: made[site.task.module, site.task.step] for site in walk(graph.chain)}
    judges = [node for link, _ in walk_maps(graph.chain) if (node := collect_node(link))]
    return functions | {node: _collect(judges[0], options) for node in judges}


def substitutions(functions: Mapping[str, FunctionRef], definition: State) -> dict[str, str]:
    """{name in `${...}`: meaning} of what `definition` uses, sorted by name."""
    known = {ref["substitution"]: _meaning(ref) for ref in functions.values()} | COMMON_SUBSTITUTIONS
    used = set(re.findall(r"\$\{(\w+)\}", json.dumps(definition)))
    return {name: known[name] for name in sorted(used & set(known))}


def node_timeout_s(site: Site, options: MachineOptions) -> int:
    """How long one invocation or job of this node may take.

    A Lambda that works through a batch gets the configured timeout where the step asks for less, because that is
    meant per item; EXPRESS children keep to what the step asks for. A job holds its own retries and all its items.
    """
    asked = site.task.options.timeout_seconds
    if site.task.options.job_type == "batch":
        return _job_timeout_s(site, asked or options.batch_timeout_s)
    per_item = site.regime is Regime.BATCHES and site.within is not None and not site.within.options.express
    configured = options.lambda_timeout_s
    return max(asked or 0, configured) if per_item else asked or configured


def _function(uses: list[Site], names: Names, options: MachineOptions) -> FunctionRef:
    first = uses[0].task
    batch = first.options.job_type == "batch"
    name = names.tasks[first.node] + ("JobDefinition" if batch else "Function")
    return {
        "logical": name,
        "substitution": name,
        "kind": "batch" if batch else "lambda",
        "node": first.node,
        "timeout_s": max(node_timeout_s(site, options) for site in uses),
    }


def _collect(node: str, options: MachineOptions) -> FunctionRef:
    return {
        "logical": COLLECT_FUNCTION,
        "substitution": COLLECT_FUNCTION,
        "kind": "collect",
        "node": node,
        "timeout_s": options.lambda_timeout_s,
    }


def _job_timeout_s(site: Site, attempt_s: int) -> int:
    policy = site.task.options.retry
    one = (policy.retries + 1) * attempt_s + policy.retries * math.ceil(policy.max_delay)
    size = site.within.options.batch_size if site.within is not None and site.regime is Regime.BATCHES else 1
    return min(one * (1 if size == "auto" else size), LONGEST_JOB_S)


def _meaning(ref: FunctionRef) -> str:
    if ref["kind"] == "collect":
        return "the ARN of the version of the function that judges tolerant maps"
    what = "job definition" if ref["kind"] == "batch" else "function's version"
    return f"the ARN of the {what} of step '{ref['node']}'"
