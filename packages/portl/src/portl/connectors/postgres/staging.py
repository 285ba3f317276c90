"""A writer's chunk on its way into the stage, and the search for the row that a statement refused.

Stage: between a writer and its statements. Touches only temporary tables of its own transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import psycopg

from portl.connectors.blame import to_blame
from portl.connectors.operations import Column, Row, Rows, Table
from portl.connectors.staged import Numbers, grouped
from portl.errors import ConnectorError

from .copytext import block_of
from .failures import from_copy, is_row_fault
from .session import Session
from .statements import Stage

SLICE_ROWS = 2_000
"""So many rows are turned into text at a time."""


class Loader:
    """Fills one stage, chunk after chunk."""

    def __init__(self, session: Session, table: Table, stage: Stage, columns: Sequence[Column]) -> None:
        self._session = session
        self._table = table
        self._columns = columns
        self.stage = stage
        self.rows: Rows = ()
        self.indexes: Sequence[int] = ()

    def create(self, required: Sequence[str]) -> None:
        """Make the temporary table; the columns named in `required` refuse NULL."""
        self._session.run(self.stage.create(self._table, required))

    def empty(self, *before: str) -> None:
        """Make room for the next chunk, after the statements `before`."""
        self._session.run(*before, f"TRUNCATE {self.stage.name}")

    def fill(self, rows: Rows, indexes: Sequence[int], key: Sequence[str] = ()) -> None:
        """Send a chunk. Raises RowError and NullKeyError for values the columns' types do not take."""
        self.rows, self.indexes = rows, indexes
        try:
            with self._session.connection.cursor() as cursor, cursor.copy(self.stage.copy().encode()) as copy:
                for first in range(0, len(rows), SLICE_ROWS):
                    part = slice(first, first + SLICE_ROWS)
                    copy.write(block_of(rows[part], self._columns, indexes[part]))
        except psycopg.Error as error:
            raise from_copy(error, self.stage.name, rows, self._columns, indexes, key) from error

    def groups(self, key: Sequence[str]) -> list[list[int]] | None:
        """The indexes of this chunk, divided in their order so that no group has a key twice; None: one group does."""
        places = {row[0]: row[1] for row in self._session.run(self.stage.ranks(key))}
        if not places:
            return None
        return grouped(self.indexes, places)

    def row_at(self, index: int) -> Row:
        """The row of this chunk with the index `index`."""
        return self.rows[self.indexes.index(index)]

    def explain(self, error: ConnectorError, apply: Callable[[Numbers], object]) -> ConnectorError:
        """`error`, which `apply` gave for the whole chunk, with the row that is to blame, where one is."""
        return to_blame(
            self._session,
            error,
            lambda low, high: apply(self.indexes[low:high]),
            (self.rows, self.indexes, self._columns),
            is_row_fault,
        )
