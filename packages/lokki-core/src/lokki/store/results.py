"""What has been logged of a step's results, all parts together, in item order.

An item that was recorded twice counts once: the first record of the first part wins, parts ordered as `2`, `10`.
An item that failed and succeeded has succeeded; of several failures the last one recorded counts.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import StoreFormatError
from . import codec
from .journal import DATA_SUFFIX, load_records
from .pack import decoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ..failure import ItemFailure
    from .journal import Record
    from .protocol import JournalBlobs, Reader


class JournalRow(NamedTuple):
    """Consecutive items that succeeded, and the member that holds them."""

    first: int
    """The index of the first of them in the map's source."""
    count: int  # type: ignore[assignment]  # hides tuple.count on purpose
    """How many they are."""
    part: str
    """The key of the file that holds the member."""
    offset: int
    """Where the member begins, in bytes."""
    length: int
    """How long the member is, in bytes."""
    skip: int
    """How many items of the member come before the first of these."""
    held: int
    """How many items the member holds."""

    @property
    def end(self) -> int:
        """The index after the last of them."""
        return self.first + self.count


class Journal:
    """The results of a step that have been logged so far. `Journal.load` reads the indices, the rest the data."""

    def __init__(self, blobs: JournalBlobs, rows: Sequence[JournalRow], failures: dict[int, ItemFailure]) -> None:
        self._blobs = blobs
        self.rows = rows
        """What succeeded, in item order, without overlaps."""
        self.failures = failures
        """{index: failure} of the items that failed and did not succeed, in item order."""
        self.count = sum(row.count for row in rows)
        """How many items succeeded."""
        self._firsts = [row.first for row in rows]

    @classmethod
    def load(cls, blobs: JournalBlobs, prefix: str, parts: Iterable[str]) -> Journal:
        """Read the indices of `parts`. Raises `StoreFormatError` for another format version."""
        found: list[JournalRow] = []
        failed: list[tuple[str, Record]] = []
        for part in parts:
            key = f"{prefix}/{part}{DATA_SUFFIX}"
            for record in load_records(blobs, prefix, part):
                if record.is_failure:
                    failed.append((key, record))
                else:
                    found.append(_row(key, record))
        journal = cls(blobs, resolve(found), {})
        journal.failures.update(sorted(journal._read_failures(failed)))
        return journal

    def has(self, index: int) -> bool:
        """Whether item `index` succeeded."""
        return self._row_of(index) is not None

    def missing(self, total: int) -> list[tuple[int, int]]:
        """(first, count) of the runs of items below `total` that did not succeed, in item order."""
        gaps = []
        position = 0
        for row in self.rows:
            if row.first > position:
                gaps.append((position, min(row.first, total) - position))
            position = row.end
            if position >= total:
                break
        if position < total:
            gaps.append((position, total - position))
        return [(first, count) for first, count in gaps if count > 0]

    def values(self) -> Iterator[Any]:
        """The results in item order, one member in memory at a time. Raises `StoreFormatError` for a damaged one."""
        for _, items in self._members(self.rows, codec.decode_items):
            yield from items

    def items(self) -> Iterator[tuple[int, Any]]:
        """`values` with their indices."""
        for row, items in self._members(self.rows, codec.decode_items):
            yield from zip(range(row.first, row.end), items, strict=True)

    def payloads(self, first: int, count: int) -> list[bytes]:
        """The results of the items `first`, …, each still pickled. Raises `KeyError` if one of them is missing."""
        begin = max(bisect_right(self._firsts, first) - 1, 0)
        rows = [row for row in self.rows[begin : bisect_right(self._firsts, first + count - 1)] if row.end > first]
        found: list[bytes] = []
        for row, pieces in self._members(rows, codec.split_items):
            if row.first > first + len(found):
                break
            found += pieces[first + len(found) - row.first : first + count - row.first]
        if len(found) < count:
            raise KeyError(first + len(found))
        return found

    def get(self, index: int) -> Any:
        """The result of one item. Raises `KeyError` if it did not succeed."""
        (payload,) = self.payloads(index, 1)
        return decoded(codec.loads, payload, url=self._url_of(index), what=f"item {index}")

    def _url_of(self, index: int) -> str:
        row = self._row_of(index)
        return self._blobs.url(row.part) if row else ""

    def _row_of(self, index: int) -> JournalRow | None:
        position = bisect_right(self._firsts, index) - 1
        row = self.rows[position] if position >= 0 else None
        return row if row and index < row.end else None

    def _members(
        self, rows: Iterable[JournalRow], decode: Callable[[bytes, int], list[Any]]
    ) -> Iterator[tuple[JournalRow, list[Any]]]:
        """Each row with its items, decoded by `decode`."""
        readers: dict[str, Reader] = {}
        try:
            for row in rows:
                reader = readers.get(row.part)
                if reader is None:
                    reader = readers[row.part] = self._blobs.open_reader(row.part)
                items = self._decode(row, reader.read(row.offset, row.length), decode)
                yield row, items if row.count == row.held else items[row.skip : row.skip + row.count]
        finally:
            for reader in readers.values():
                reader.close()

    def _decode(self, row: JournalRow, data: bytes, decode: Callable[[bytes, int], list[Any]]) -> list[Any]:
        url = self._blobs.url(row.part)
        what = f"the member at byte {row.offset}"
        if len(data) != row.length:
            raise StoreFormatError(f"{what} is truncated.", url=url, operation="read", hint="Start a new run.")
        items: list[Any] = decoded(decode, data, row.held, url=url, what=what)
        return items

    def _read_failures(self, failed: Iterable[tuple[str, Record]]) -> Iterator[tuple[int, ItemFailure]]:
        last = {record.first: _row(key, record) for key, record in failed if not self.has(record.first)}
        for row, (failure,) in self._members(last.values(), codec.decode_items):
            yield row.first, failure


def _row(key: str, record: Record) -> JournalRow:
    return JournalRow(record.first, record.count, key, record.offset, record.length, 0, record.count)


def resolve(found: Sequence[JournalRow]) -> list[JournalRow]:
    """`found` in item order, cut so that each item is named once; of rows that overlap the earlier in `found` wins."""
    rows = sorted(found, key=lambda row: row.first)
    if all(before.end <= after.first for before, after in pairwise(rows)):
        return rows
    return list(_without_overlaps(found))


def _without_overlaps(found: Sequence[JournalRow]) -> Iterator[JournalRow]:
    """Sweep over the items; at each place the earliest of the rows that cover it is on top of a heap."""
    from heapq import heappop, heappush  # noqa: PLC0415  # only where records overlap

    coming = sorted(range(len(found)), key=lambda rank: found[rank].first, reverse=True)
    covering: list[int] = []
    position = 0
    while coming or covering:
        if not covering:
            position = max(position, found[coming[-1]].first)
        while coming and found[coming[-1]].first <= position:
            heappush(covering, coming.pop())
        while covering and found[covering[0]].end <= position:
            heappop(covering)
        if covering:
            top = found[covering[0]]
            end = min(top.end, found[coming[-1]].first) if coming else top.end
            yield _cut(top, position, end)
            position = end


def _cut(row: JournalRow, first: int, end: int) -> JournalRow:
    return row._replace(first=first, count=end - first, skip=row.skip + first - row.first)
