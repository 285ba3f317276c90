"""What each node of a graph has to do: where its input comes from and what its result is for. Pure."""

from __future__ import annotations

from typing import NamedTuple

from lokki.errors import WireError
from lokki.graph import Chain, FlowGraph, MapLink, TaskEntry
from lokki.wire import WIRE_VERSION

COLLECT = ".collect"
"""What the pseudo node is called that judges a map, after the map's name."""


class Role(NamedTuple):
    """What one node has to do."""

    node: str
    """Its name in the graph, or `<map name>.collect`."""
    task: TaskEntry | None
    """Its task; None for a node that only judges a map."""
    depth: int
    """How many maps are around it, which is how many indices its path has."""
    body: MapLink | None = None
    """The innermost map around it."""
    begins_body: bool = False
    """Whether it is the first step of that map's body, so that its input is a manifest row."""
    is_first: bool = False
    """Whether the flow begins with it, so that it has no input."""
    aggregates: MapLink | None = None
    """The map whose results are its input."""
    feeds: MapLink | None = None
    """The map that runs over its result."""

    @property
    def in_leaf(self) -> bool:
        """Whether it stands in a map without a map inside, so that its results are batches."""
        return self.body is not None and not self.body.nested

    @property
    def in_batches(self) -> bool:
        """Whether one invocation may hold several items; decided by the graph, never by a row."""
        return self.in_leaf and self.body is not None and self.body.options.batch_size != 1

    @property
    def tolerant(self) -> bool:
        """Whether the map around it tolerates failed items."""
        return self.body is not None and self.body.options.tolerated_failure_percentage > 0

    def check_path(self, path: tuple[int, ...]) -> None:
        """Raise WireError where a path has not one index for each map around."""
        if len(path) != self.depth:
            raise WireError(
                f"node '{self.node}' stands in {self.depth} maps, but the event's path has {len(path)} indices.",
                expected=WIRE_VERSION,
                found=path,
            )


def roles_of(graph: FlowGraph) -> dict[str, Role]:
    """{node: role} of every task, and of a judge for each map that no step aggregates."""
    found: dict[str, Role] = {}
    _walk(graph.chain, None, 0, found)
    first = next(iter(found))
    found[first] = found[first]._replace(is_first=True)
    return found


def _walk(chain: Chain, body: MapLink | None, depth: int, found: dict[str, Role]) -> None:
    for place, link in enumerate(chain):
        following = chain[place + 1] if place + 1 < len(chain) else None
        feeds = following if isinstance(following, MapLink) else None
        if isinstance(link, TaskEntry):
            begins = body is not None and place == 0
            found[link.node] = Role(link.node, link, depth, body, begins_body=begins, feeds=feeds)
            continue
        _walk(link.body, link, depth + 1, found)
        if link.agg is None:
            node = f"{link.name}{COLLECT}"
            found[node] = Role(node, None, depth, body, aggregates=link)
        else:
            found[link.agg.node] = Role(link.agg.node, link.agg, depth, body, aggregates=link, feeds=feeds)
