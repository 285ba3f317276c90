"""What feeds a map: a step's result written as a pack, and its items handed out to the workers."""

from __future__ import annotations

from bisect import bisect_right
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..store.pack import Row
    from .execution import Execution, Path

_KEPT_MEMBERS = 4


class SourceReader:
    """Hands out a map's items, decoding each member once where it can. Threads may share it."""

    def __init__(self, execution: Execution, node: str, path: Path) -> None:
        self.rows: Sequence[Row] = execution.rows(node, path)
        self.total = self.rows[-1].first + self.rows[-1].count if self.rows else 0
        self._store = execution.store
        self._url = execution.output_url(node, path)
        self._firsts = [row.first for row in self.rows]
        self._decoded: dict[int, tuple[list[Any], bytearray]] = {}
        self._lock = Lock()

    def take(self, first: int, count: int) -> list[Any]:
        """The items `first`, …, as nobody has seen them before. Raises StoreError."""
        values: list[Any] = []
        with self._lock:
            while len(values) < count:
                values += self._take_from_row(first + len(values), count - len(values))
        return values

    def fresh(self, index: int) -> tuple[Any]:
        """Another copy of one item, for a further attempt."""
        row = self.rows[self._place(index)]
        return (self._read(row)[index - row.first],)

    def _take_from_row(self, first: int, most: int) -> list[Any]:
        place = self._place(first)
        row = self.rows[place]
        begin, end = first - row.first, min(first - row.first + most, row.count)
        known = self._decoded.pop(place, None)
        items, given = known if known is not None else (self._read(row), bytearray(row.count))
        if any(given[begin:end]):
            items, given = self._read(row), bytearray(row.count)
        taken = items[begin:end]
        items[begin:end] = [None] * len(taken)
        given[begin:end] = b"\1" * len(taken)
        if not all(given):
            self._keep(place, items, given)
        return taken

    def _keep(self, place: int, items: list[Any], given: bytearray) -> None:
        self._decoded[place] = (items, given)
        while len(self._decoded) > _KEPT_MEMBERS:
            del self._decoded[next(iter(self._decoded))]

    def _read(self, row: Row) -> list[Any]:
        return self._store.read_batch(self._url, row)

    def _place(self, index: int) -> int:
        return bisect_right(self._firsts, index) - 1
