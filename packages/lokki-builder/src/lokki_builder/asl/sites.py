"""Where the tasks of a graph stand: around which maps, and under whose retries. Pure walks over a chain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lokki.graph import Chain, MapLink, TaskEntry

from .payload import Place
from .retries import Regime


@dataclass(frozen=True)
class Site:
    """A task at its place."""

    task: TaskEntry
    place: Place
    within: MapLink | None = None
    """The innermost map whose body holds the task; None at the top. An aggregation stands outside its map."""

    @property
    def regime(self) -> Regime:
        """Who applies the policy where the task is a Lambda."""
        return Regime.BATCHES if self.within is not None and in_batches(self.within) else Regime.SINGLE


def in_batches(link: MapLink) -> bool:
    """Whether a child of this map may work through several items. A map around another never does."""
    return not link.nested and link.options.batch_size != 1


def walk(chain: Chain, place: Place | None = None, within: MapLink | None = None) -> Iterator[Site]:
    """Every task of `chain` in order, aggregations after the bodies of their maps."""
    place = place or Place()
    for link in chain:
        if isinstance(link, TaskEntry):
            yield Site(link, place, within)
            continue
        yield from walk(link.body, place.inside(), link)
        if link.agg is not None:
            yield Site(link.agg, place, within)


def walk_maps(chain: Chain, depth: int = 0) -> Iterator[tuple[MapLink, int]]:
    """Every map of `chain` and how many maps it stands in, outer before inner, in order."""
    for link in chain:
        if isinstance(link, MapLink):
            yield link, depth
            yield from walk_maps(link.body, depth + 1)


def collect_node(link: MapLink) -> str | None:
    """The pseudo node that judges `link`; None where an aggregation does, or where nothing is tolerated."""
    tolerant = link.options.tolerated_failure_percentage > 0
    return f"{link.name}.collect" if tolerant and link.agg is None else None
