"""The items a batched step works on, chunk by chunk, with the earlier results that belong to them.

Stage: between a batch's source and a step's work. Touches nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, count, islice
from typing import Any

from ..template.rows import Chunk
from ..template.scope import Key, Variable
from .rows import Aligned, Rows


@dataclass(frozen=True)
class Items:
    """All items of a source, or those of a mask, and the results for them."""

    source: Rows
    alias: str
    mask: bytearray | None = None
    """A 1 for each item that is worked on; None: all."""
    results: Mapping[str, Aligned] = field(default_factory=dict)
    """`{name: results}`: what `item.<name>` means."""

    def variables(self) -> dict[Key, Variable]:
        """What expressions can look up for each item."""
        known: dict[Key, Variable] = {("idx",): Variable(), (self.alias,): Variable(self.source.columns)}
        for name, results in self.results.items():
            nullable = results.nullable and not (results.mask is self.mask and not results.rows.nullable)
            known["item", name] = Variable(results.columns, nullable)
        return known

    def expected(self) -> tuple[int, bool] | None:
        """How many items are worked on, and whether that is certain; None where it is not known."""
        return self.source.expected() if self.mask is None else (self.mask.count(1), True)

    def chunks(self, keys: Iterable[Key], size: int) -> Iterator[Chunk]:
        """The items in order, at most `size` at once, with the values of `keys`; fewer where they are large."""
        own = (self.alias,)
        streams = {key: self.results[key[1]].within(self.mask) for key in keys if key not in (("idx",), own)}
        places = count() if self.mask is None else compress(count(), self.mask)
        first = 0
        for batch in self._batches(size):
            length = len(batch)
            values: dict[Key, Sequence[Any]] = {key: list(islice(stream, length)) for key, stream in streams.items()}
            indexes = range(first, first + length) if self.mask is None else list(islice(places, length))
            first += length
            yield Chunk(indexes, {**values, own: batch})

    def _batches(self, size: int) -> Iterator[list[Any]]:
        """The source's rows that are worked on, at most `size` at once; no batch goes beyond a heavy chunk."""
        batch: list[Any] = []
        first = 0
        for chunk in self.source.chunks():
            rows = chunk if self.mask is None else list(compress(chunk, self.mask[first : first + len(chunk)]))
            first += len(chunk)
            start = 0
            while start < len(rows):
                end = start + size - len(batch)
                batch = batch + rows[start:end] if batch else rows[start:end]
                start = end
                if len(batch) == size:
                    yield batch
                    batch = []
            del chunk, rows  # while the next chunk is made, nothing of this one stays but what is in the batch
            if batch and self.source.heavy:
                yield batch
                batch = []
        if batch:
            yield batch


class Selection:
    """Collects which items of a source were chosen."""

    def __init__(self, within: bytearray | None) -> None:
        self._within = within
        self.mask = bytearray() if within is None else bytearray(len(within))
        self.everything = True
        """Whether no item was left out."""

    def add(self, indexes: Sequence[int], flags: Sequence[bool]) -> None:
        """Note for each of the items at `indexes` whether it was chosen."""
        if not all(flags):
            self.everything = False
        if self._within is None:
            self.mask.extend(flags)
            return
        for index in compress(indexes, flags):
            self.mask[index] = 1


def selected(chunk: Chunk, flags: Sequence[bool]) -> Chunk:
    """The items of `chunk` that were chosen."""
    if all(flags):
        return chunk
    values = {key: list(compress(values, flags)) for key, values in chunk.values.items()}
    return Chunk(list(compress(chunk.indexes, flags)), values)
