"""Lists of rows that need not fit into memory: what steps give and what batches go through.

Stage: between steps. A row is a tuple where `columns` names its values, else any value. Touches one unnamed temporary
file per list that outgrows `IN_MEMORY` bytes.
"""

from __future__ import annotations

import pickle
import tempfile
import weakref
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import chain, compress
from typing import Any

IN_MEMORY = 1_000_000
"""Bytes of pickled rows that one list keeps in memory; more of them are kept in a file."""
HEAVY = 8_000_000
"""Bytes of pickled rows that are a heavy chunk."""
CHUNK = 5_000
"""Rows that are read, pickled and loaded at once."""


class Locator:
    """Says where rows came from; asked in ascending order it goes through the source once."""

    def at(self, index: int, column: str | None = None) -> str:
        """`file:line:column` of a row, or of its value in `column`; "" where it did not come from a file."""
        return ""


class Rows:
    """A list of rows; to expressions, a list of mappings or of values."""

    columns: tuple[str, ...] | None = None
    """Names, where rows are tuples; None where they are any values."""
    nullable = False
    """Whether None may stand where a row would."""
    heavy = False
    """Whether rows came that are so large that a chunk of them is all that should be in memory."""

    def chunks(self) -> Iterator[list[Any]]:
        """The rows in order, some at once."""
        raise NotImplementedError

    def items(self) -> Iterator[Any]:
        """The rows in order."""
        return chain.from_iterable(self.chunks())

    def locate(self, index: int, column: str | None = None) -> str:
        """`file:line:column` of a row, or of its value in `column`; "" where it did not come from a file."""
        return ""

    def locator(self) -> Locator:
        """For many rows in ascending order."""
        return Locator()

    def expected(self) -> tuple[int, bool] | None:
        """How many rows there are, without reading them, and whether that is certain; None where it is not known."""
        return None

    def shown(self, row: Any) -> Any:
        """A row as expressions see it."""
        return row if self.columns is None or row is None else dict(zip(self.columns, row, strict=True))

    def __iter__(self) -> Iterator[Any]:
        return map(self.shown, self.items())

    def __len__(self) -> int:
        return sum(map(len, self.chunks()))

    def __getitem__(self, index: int) -> Any:
        count = len(self)
        place = index + count if index < 0 else index
        if not 0 <= place < count:
            raise IndexError(index)
        for rows in self.chunks():
            if place < len(rows):
                return self.shown(rows[place])
            place -= len(rows)
        raise IndexError(index)


class ListRows(Rows):
    """Rows that are in memory anyway."""

    def __init__(self, rows: Sequence[Any], columns: tuple[str, ...] | None = None) -> None:
        self._rows = rows
        self.columns = columns
        self.origin: Rows | None = None
        """Where they came from."""

    def locate(self, index: int, column: str | None = None) -> str:
        """Where the row came from."""
        return self.origin.locate(index, column) if self.origin is not None else ""

    def locator(self) -> Locator:
        """Of where they came from."""
        return self.origin.locator() if self.origin is not None else Locator()

    def chunks(self) -> Iterator[list[Any]]:
        """All of them, at most `CHUNK` at once."""
        for first in range(0, len(self._rows), CHUNK):
            yield list(self._rows[first : first + CHUNK])

    def expected(self) -> tuple[int, bool]:
        """All of them."""
        return len(self._rows), True

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Any:
        return self.shown(self._rows[index])


class Spool(Rows):
    """Rows that were written one chunk after another; beyond `IN_MEMORY` bytes they lie in a file."""

    def __init__(
        self, columns: tuple[str, ...] | None = None, *, nullable: bool = False, origin: Rows | None = None
    ) -> None:
        self.columns = columns
        self.nullable = nullable
        self._origin = origin
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  # lives as long as the rows
        weakref.finalize(self, self._file.close)
        self._offsets: list[int] = []
        self._firsts: list[int] = []
        self._count = 0
        self._last: tuple[int, list[Any]] | None = None

    def append(self, rows: Sequence[Any]) -> None:
        """Add rows at the end."""
        if rows:
            self._file.seek(0, 2)
            self._offsets.append(self._file.tell())
            self._firsts.append(self._count)
            pickle.dump(rows, self._file, protocol=5)
            self._count += len(rows)
            self.heavy = self.heavy or self._file.tell() - self._offsets[-1] > HEAVY

    def chunks(self) -> Iterator[list[Any]]:
        """The rows as they were added."""
        for place in range(len(self._offsets)):
            yield self._load(place)

    def locate(self, index: int, column: str | None = None) -> str:
        """Where the row came from."""
        return self._origin.locate(index, column) if self._origin is not None else ""

    def locator(self) -> Locator:
        """Of where they came from."""
        return self._origin.locator() if self._origin is not None else Locator()

    def expected(self) -> tuple[int, bool]:
        """Those that were added."""
        return self._count, True

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Any:
        place = index + self._count if index < 0 else index
        if not 0 <= place < self._count:
            raise IndexError(index)
        number = bisect_right(self._firsts, place) - 1
        if self._last is None or self._last[0] != number:
            self._last = (number, self._load(number))
        return self.shown(self._last[1][place - self._firsts[number]])

    def _load(self, place: int) -> list[Any]:
        self._file.seek(self._offsets[place])
        rows: list[Any] = pickle.load(self._file)  # noqa: S301  # written above, to a file nobody else can open
        return rows


class Kept(Rows):
    """Rows that are expensive to get: the first one who goes through all of them keeps them for the others."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._spool: Spool | None = None
        self.columns = rows.columns
        self.nullable = rows.nullable

    def chunks(self) -> Iterator[list[Any]]:
        """The rows, from where they were kept or from where they come."""
        self.heavy = self._rows.heavy
        return self._first() if self._spool is None else self._spool.chunks()

    def locate(self, index: int, column: str | None = None) -> str:
        """Where the row came from."""
        return self._rows.locate(index, column)

    def locator(self) -> Locator:
        """Of where they came from."""
        return self._rows.locator()

    def expected(self) -> tuple[int, bool] | None:
        """As many as are kept; before that, as many as their source says."""
        return self._rows.expected() if self._spool is None else self._spool.expected()

    def _first(self) -> Iterator[list[Any]]:
        spool = Spool(self.columns, nullable=self.nullable, origin=self._rows)
        for rows in self._rows.chunks():
            spool.append(rows)
            self.heavy = self._rows.heavy
            yield rows
        self._spool = spool

    def __len__(self) -> int:
        return super().__len__() if self._spool is None else len(self._spool)

    def __getitem__(self, index: int) -> Any:
        return super().__getitem__(index) if self._spool is None else self._spool[index]


class Aligned(Rows):
    """Results of a batched step: one for each item of its source, None for items it skipped."""

    def __init__(self, rows: Rows, mask: bytearray | None) -> None:
        self.rows = rows
        self.mask = mask
        """A 1 for each item of the source that `rows` has a result for; None: for all."""
        self.columns = rows.columns
        self.nullable = rows.nullable or mask is not None

    def chunks(self) -> Iterator[list[Any]]:
        """One row or None per item of the source."""
        if self.mask is None:
            yield from self.rows.chunks()
            return
        results = self.rows.items()
        for first in range(0, len(self.mask), CHUNK):
            yield [next(results) if done else None for done in self.mask[first : first + CHUNK]]

    def within(self, mask: bytearray | None) -> Iterator[Any]:
        """The results for the items of `mask`."""
        if mask is None or mask is self.mask:
            return self.rows.items() if mask is self.mask else self.items()
        return compress(self.items(), mask)

    def __len__(self) -> int:
        return len(self.rows) if self.mask is None else len(self.mask)

    def __getitem__(self, index: int) -> Any:
        if self.mask is None:
            return self.rows[index]
        place = index + len(self.mask) if index < 0 else index
        if not 0 <= place < len(self.mask):
            raise IndexError(index)
        return self.rows[self.mask.count(1, 0, place)] if self.mask[place] else None
