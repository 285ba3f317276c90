"""What a run costs, in the units AWS bills: transitions, S3 requests, invocations. Pure arithmetic over a graph.

Counted is a run in which nothing fails: retries, redrives, a cold container's read of the bindings and checks for
sealed outputs of a resumed run come on top.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from lokki.graph import Chain, FlowGraph, MapLink, TaskEntry

from .sites import collect_node, in_batches

ITEMS = 1_000
"""What a map's cost is said for."""


@dataclass(frozen=True)
class Cost:
    """A number of each thing AWS bills."""

    transitions: int = 0
    """State transitions of STANDARD executions."""
    s3_requests: int = 0
    """Reads and writes together."""
    invocations: int = 0
    """Of Lambda functions."""
    jobs: int = 0
    """Of Batch."""
    express_executions: int = 0
    """Children of express maps."""

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __mul__(self, times: int) -> Cost:
        return Cost(*(getattr(self, f.name) * times for f in fields(self)))


@dataclass(frozen=True)
class MapCost:
    """What 1,000 items of one map cost."""

    name: str
    items: int
    cost: Cost
    """Of the items' own states; items of a map inside come on top."""


@dataclass(frozen=True)
class Estimate:
    """The costs of a flow."""

    run: Cost
    """Of a run whose maps have no items."""
    maps: tuple[MapCost, ...]
    """In the flow's order."""

    @property
    def per_1000_items(self) -> Cost:
        """Of a run in which each map has 1,000 items in all."""
        return sum((one.cost for one in self.maps), self.run)


def estimate(graph: FlowGraph) -> Estimate:
    """The costs of a run of `graph`."""
    start = Cost(transitions=2, s3_requests=1)  # ChooseRun and InitFlow; the bindings
    first_reads_nothing = Cost(s3_requests=-1)
    run = _chain(graph.chain) + start + first_reads_nothing
    return Estimate(run, tuple(_maps(graph.chain)))


_INVOCATION = Cost(transitions=1, s3_requests=2, invocations=1)
_JOB = Cost(transitions=2, s3_requests=2, jobs=1)
_MAP = Cost(transitions=1, s3_requests=4)
"""A map's own: the source's manifest written and read, Step Functions' record and its index."""


def _chain(chain: Chain) -> Cost:
    """One passage through `chain` whose maps have no items."""
    return sum((_link(link) for link in chain), Cost())


def _link(link: TaskEntry | MapLink) -> Cost:
    if isinstance(link, TaskEntry):
        return _JOB if link.options.job_type == "batch" else _INVOCATION
    if link.agg is not None:
        return _MAP + _link(link.agg)
    return _MAP + _INVOCATION if collect_node(link) else _MAP


def _maps(chain: Chain) -> Iterator[MapCost]:
    for link in chain:
        if isinstance(link, MapLink):
            yield MapCost(link.name, ITEMS, _child(link) * _children(link))
            yield from _maps(link.body)


def _child(link: MapLink) -> Cost:
    """One child, and the read of its result by what comes after the map."""
    cost = _chain(link.body)
    if link.options.express:
        cost = replace(cost, transitions=0, express_executions=1)
    return cost + Cost(s3_requests=1) if link.agg or collect_node(link) else cost


def _children(link: MapLink) -> int:
    """How many children 1,000 items make; batch_size "auto" groups only beyond that."""
    size = link.options.batch_size
    return math.ceil(ITEMS / size) if in_batches(link) and size != "auto" else ITEMS
