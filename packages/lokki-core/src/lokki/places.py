"""Where a node stands in a graph: what comes before it, which maps it is in, and what a map's items gave.

Input: a chain, and whatever can tell a node's result. Output: places and results. Touches nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Any, Protocol

from .errors import ObjectMissingError
from .graph import Chain, MapLink, TaskEntry

Path = tuple[int, ...]


class Results(Protocol):
    """What can tell results."""

    def output(self, node: str, path: Path) -> Any:
        """The result of a node; of a map's body, the item at the end of `path`. Raises ObjectMissingError."""

    def outputs(self, node: str, path: Path) -> list[Any]:
        """The results of a node in a map without maps inside, for all items that succeeded, in item order."""

    def failed(self, node: str, path: Path) -> Set[int]:
        """The items that failed for good of the map whose body `node` begins, where it holds other maps."""

    def count(self, node: str, path: Path) -> int | None:
        """Items of the map whose body `node` is in; None outside maps."""


class Place:
    """A node's place in a graph."""

    def __init__(self, task: TaskEntry) -> None:
        self.task = task
        self.before: str | None = None
        """The node before it in its chain."""
        self.feeds_map = False
        """Whether its result is fanned out."""
        self.aggregates: MapLink | None = None
        """The map whose results it receives."""
        self.inside: MapLink | None = None
        """The innermost map around it."""

    @property
    def in_leaf_map(self) -> bool:
        """Whether it runs once per item of a map without maps inside."""
        return self.inside is not None and not self.inside.nested


def places(chain: Chain, inside: MapLink | None) -> Iterator[Place]:
    """The places of all nodes of a chain, in order; `inside` is the map it is the body of."""
    before: str | None = None
    for place, link in enumerate(chain):
        feeds = place + 1 < len(chain) and isinstance(chain[place + 1], MapLink)
        task = link if isinstance(link, TaskEntry) else link.agg
        if isinstance(link, MapLink):
            yield from places(link.body, link)
        if task is None:
            continue
        where = Place(task)
        where.feeds_map, where.inside = feeds, inside
        if isinstance(link, MapLink):
            where.aggregates = link
        else:
            where.before = before
        before = task.node
        yield where


def find(chain: Chain, node: str) -> Place:
    """The place of a node that is in the chain."""
    return next(where for where in places(chain, None) if where.task.node == node)


def enclosing(chain: Chain, node: str) -> list[MapLink]:
    """The maps around a node, outermost first."""
    for link in chain:
        if isinstance(link, MapLink) and any(where.task.node == node for where in places(link.body, link)):
            return [link, *enclosing(link.body, node)]
    return []


def depth(chain: Chain, node: str) -> int:
    """How many maps are around a node."""
    return len(enclosing(chain, node))


def results_of_map(backend: Results, link: MapLink, path: Path) -> list[Any]:
    """The item results of a map, in item order, without those that failed."""
    if not link.nested:
        last = link.body[-1]
        assert isinstance(last, TaskEntry)  # noqa: S101  # a body without a map inside ends with a task
        return backend.outputs(last.node, path)
    results = []
    failed = backend.failed(link.name, path)
    for index in range(backend.count(link.name, path) or 0):
        if index in failed:
            continue
        try:
            results.append(result_of_chain(backend, link.body, (*path, index)))
        except ObjectMissingError:
            continue
    return results


def result_of_chain(backend: Results, chain: Chain, path: Path) -> Any:
    """What a chain gave at `path`. Raises ObjectMissingError where it did not succeed."""
    last = chain[-1]
    if isinstance(last, MapLink) and last.agg is None:
        return results_of_map(backend, last, path)
    task = last.agg if isinstance(last, MapLink) else last
    assert task is not None  # noqa: S101  # an open map was dealt with above
    return backend.output(task.node, path)
