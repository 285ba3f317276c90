"""A writer's chunk on its way into a table, and the search for the row that a statement refused.

Stage: between a writer and its statements. Values become literals; a chunk is as many statements as the server's
packets need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from portl.connectors.blame import to_blame, with_row
from portl.connectors.operations import Column, Row, Rows
from portl.connectors.staged import Numbers, grouped
from portl.connectors.strict import Unwritable
from portl.errors import ConnectorError, RowError

from .catalogue import MysqlTable
from .failures import is_row_fault, row_in
from .literals import literal
from .session import Done, Session
from .statements import Stage

BLOCK_BYTES = 1_000_000
"""A statement with rows is about so long at most."""


class Writable:
    """Makes literals of rows."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._literals = tuple(literal(column) for column in columns)

    def text(self, row: Row, index: int) -> str:
        """The row's literals with commas between them. Raises RowError."""
        try:
            return ",".join(
                ["NULL" if value is None else make(value) for value, make in zip(row, self._literals, strict=True)]
            )
        except Unwritable:
            raise self._refused(row, index) from None

    def _refused(self, row: Row, index: int) -> RowError:
        for value, make, column in zip(row, self._literals, self._columns, strict=True):
            try:
                make(value) if value is not None else None
            except Unwritable as problem:
                return refused(str(problem), column, index, value)
        raise AssertionError("the row was refused before")


def refused(problem: str, column: Column, index: int, value: object) -> RowError:
    """The error for a value that its column does not take."""
    error = RowError(f"column {column.name}: {problem}.", code="1366")
    error.rows, error.column, error.value = (index,), column.name, value
    return error


def blocks(texts: Sequence[str], limit: int) -> Iterator[slice]:
    """Which of `texts` go together into statements of about `limit` bytes."""
    first = size = 0
    for place, text in enumerate(texts):
        length = len(text.encode()) + 3
        if size and size + length > limit:
            yield slice(first, place)
            first, size = place, 0
        size += length
    if first < len(texts):
        yield slice(first, len(texts))


class Sender:
    """Sends rows with INSERT statements of many rows."""

    def __init__(self, session: Session, columns: Sequence[Column]) -> None:
        self._session = session
        self._columns = columns
        self._writable = Writable(columns)

    def texts(self, rows: Rows, indexes: Sequence[int]) -> list[str]:
        """Each row as literals. Raises RowError."""
        return [self._writable.text(row, index) for row, index in zip(rows, indexes, strict=True)]

    def send(
        self, head: str, texts: Sequence[str], rows: Rows, indexes: Sequence[int], tail: str = ""
    ) -> Iterator[Done]:
        """What each statement did. Raises RowError with the row where the server names one."""
        limit = min(BLOCK_BYTES, self._session.server.packet_bytes - len(head) - len(tail) - 100)
        for part in blocks(texts, limit):
            try:
                done = self._session.write(f"{head}({'),('.join(texts[part])}){tail}")
            except ConnectorError as error:
                raise self._named(error, rows[part], indexes[part], head + "…" + tail) from error
            yield done

    def _named(self, error: ConnectorError, rows: Rows, indexes: Sequence[int], shown: str) -> ConnectorError:
        if isinstance(error, RowError):
            error.sql = shown
        place = row_in(error)
        if not isinstance(error, RowError) or place is None or place >= len(rows):
            return error
        named = with_row(error, indexes[place], rows[place], self._columns)
        if named.column and not named.message.startswith("column "):
            named.message = f"column {named.column}: {named.message}"
        return named


class Loader:
    """Fills one stage, chunk after chunk."""

    def __init__(self, session: Session, table: MysqlTable, stage: Stage, columns: Sequence[Column]) -> None:
        self._session = session
        self._table = table
        self._columns = columns
        self._sender = Sender(session, columns)
        self._is_there = False
        self.stage = stage
        self.rows: Rows = ()
        self.indexes: Sequence[int] = ()

    def fill(self, rows: Rows, indexes: Sequence[int]) -> None:
        """Send a chunk into an empty stage. Raises RowError for values the columns' types do not take."""
        self.rows, self.indexes = rows, indexes
        if self._is_there:
            self._session.run(f"DELETE FROM {self.stage.name}")
        else:
            self._session.create(self.stage.name, self.stage.definition(self._table.spelt))
            self._is_there = True
        texts = self._sender.texts(rows, indexes)
        numbered = [f"{index},{text}" for index, text in zip(indexes, texts, strict=True)]
        for _ in self._sender.send(self.stage.insert(), numbered, rows, indexes):
            pass

    def groups(self, key: Sequence[str]) -> list[list[int]] | None:
        """The indexes of this chunk, divided in their order so that no group has a key twice; None: one group does."""
        if not self._session.fetch(self.stage.repeated(key)):
            return None
        places = {row[0]: row[1] for row in self._session.fetch(self.stage.ranks(key))}
        return grouped(self.indexes, places)

    def row_at(self, index: int) -> Row:
        """The row of this chunk with the index `index`."""
        return self.rows[self.indexes.index(index)]

    def explain(self, error: ConnectorError, apply: Callable[[Numbers], object]) -> ConnectorError:
        """`error`, which `apply` gave for the whole chunk since the savepoint, with the row that is to blame."""
        return to_blame(
            self._session,
            error,
            lambda low, high: apply(self.indexes[low:high]),
            (self.rows, self.indexes, self._columns),
            is_row_fault,
        )
