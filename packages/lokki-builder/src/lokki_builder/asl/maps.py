"""How each map fans out, and why. Pure."""

from __future__ import annotations

from lokki.graph import FlowGraph, MapLink

from .model import MachineOptions, MapPlan
from .names import Names
from .sites import in_batches, walk_maps


def plan_maps(graph: FlowGraph, names: Names, options: MachineOptions) -> dict[str, MapPlan]:
    """{map name: its plan}, in the flow's order."""
    return {link.name: _plan(link, depth, names, options) for link, depth in walk_maps(graph.chain)}


def _plan(link: MapLink, depth: int, names: Names, options: MachineOptions) -> MapPlan:
    concurrency, reason = _concurrency(link, depth, options)
    return MapPlan(
        name=link.name,
        state=names.maps[link.name],
        label=names.labels[link.name],
        source=link.source,
        depth=depth,
        concurrency=concurrency,
        reason=reason,
        batch_size=link.options.batch_size if in_batches(link) else 1,
        express=link.options.express,
        tolerated_failure_percentage=link.options.tolerated_failure_percentage,
    )


def _concurrency(link: MapLink, depth: int, options: MachineOptions) -> tuple[int, str]:
    if link.options.concurrency_limit is not None:
        return link.options.concurrency_limit, "concurrency_limit of the map"
    if depth:
        return options.nested_concurrency, "default of a nested map, for each child of the outer one"
    return options.map_concurrency, "default, well below the 1,000 concurrent invocations an account starts with"
