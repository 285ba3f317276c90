"""Inserts, in the order of the source: ids rise with the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portl.connectors.blame import to_blame
from portl.connectors.identifiers import require_writable, resolve_returning
from portl.connectors.operations import Insert, Row, Rows, Table, WriteResult
from portl.errors import ConnectorError, DatabaseError, SchemaError

from .answers import Reader
from .failures import is_row_fault
from .session import Done, Session
from .staging import Sender
from .statements import InsertSql
from .tables import require_transactional


def statements(operation: Insert, table: Table) -> InsertSql:
    """The statement of `operation`. Raises SchemaError where the table does not have what it names."""
    require_writable(table, operation.columns)
    return InsertSql(table, operation.columns, resolve_returning(table, operation.returning))


class InsertWriter:
    """One insert step."""

    def __init__(self, session: Session, operation: Insert, table: Table) -> None:
        self._session = session
        self._table = require_transactional(table, operation)
        self._sql = statements(operation, table)
        self._columns = [table.columns[name] for name in operation.columns]
        self._sender = Sender(session, self._columns)
        self._reader = Reader(table, self._sql.returning)
        self._step = 1
        if self._sql.returning and not session.server.returning:
            self._require_number()
        self.columns = (*self._sql.returning, "was_inserted", "changed")

    def _require_number(self) -> None:
        """MySQL gives nothing back but the first of the numbers it gave to a statement's rows; they are consecutive."""
        if self._sql.returning != (self._table.numbered,) or self._table.numbered in self._sql.columns:
            raise SchemaError(
                f"{self._table.shown}: MySQL gives back no column of inserted rows but the one that numbers them.",
                hint=f"returning: [{self._table.numbered}] or an upsert by a unique key." if self._table.numbered else
                "Use an upsert by a unique key.",
            )  # fmt: skip
        self._step = int(self._session.fetch("SELECT @@auto_increment_increment")[0][0])

    def write(self, rows: Rows, indexes: Sequence[int]) -> WriteResult:
        """See `Writer.write`."""
        texts = self._sender.texts(rows, indexes)
        self._session.savepoint()

        def apply(low: int, high: int) -> list[Row]:
            part = slice(low, high)
            tail = self._sql.tail() if self._session.server.returning else ""
            written: list[Row] = []
            for done in self._sender.send(self._sql.head(), texts[part], rows[part], indexes[part], tail):
                written += self._returned(done)
            return written

        try:
            written = apply(0, len(rows))
        except ConnectorError as error:
            raise to_blame(self._session, error, apply, (rows, indexes, self._columns), is_row_fault) from error
        return self._result(written, len(rows))

    def finish(self) -> None:
        """See `Writer.finish`; nothing is left to do."""

    def _returned(self, done: Done) -> list[Row]:
        if not self._sql.returning:
            return [()] * done.count
        if self._session.server.returning:
            return done.rows
        return [(done.last_id + place * self._step,) for place in range(done.count)]

    def _result(self, written: list[Row], expected: int) -> WriteResult:
        if len(written) != expected:
            raise DatabaseError(f"{self._table.shown}: {len(written)} of {expected} rows were inserted.")
        columns: dict[str, list[Any]] = self._reader.columns(written)
        columns |= {"was_inserted": [True] * expected, "changed": [True] * expected}
        return WriteResult(columns, inserted=expected)
