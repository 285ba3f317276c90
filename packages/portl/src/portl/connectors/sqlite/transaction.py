"""One open transaction of SQLite, the only one that writes. See `portl.connectors.base.Transaction`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from portl.connectors.opened import OpenTransaction
from portl.connectors.operations import (
    QueryResult,
    Reading,
    Row,
    Rows,
    Sql,
    Table,
    Witness,
)
from portl.connectors.refusals import require_distinct, several_rows

from .catalogue import read_table, read_tables
from .session import Session, at_row, bound, numbered, translated
from .writers import ChangeWriter, InsertWriter, UpsertWriter


class SqliteTransaction(OpenTransaction[Session]):
    """Begun by its connector."""

    dialect = "sqlite"
    upserts = UpsertWriter
    inserts = InsertWriter
    changes = ChangeWriter

    def _read_table(self, name: str) -> Table:
        return read_table(self.session, name)

    def tables(self) -> tuple[str, ...]:
        return read_tables(self.session)

    def query(self, sql: Sql, rows: Rows, indexes: Sequence[int]) -> QueryResult:
        statement = numbered(sql)
        columns: tuple[str, ...] = ()
        found = []
        for row, index in zip(rows, indexes, strict=True):
            names, answer = self._one(statement, bound(sql, row, index), index)
            if not columns:
                require_distinct(names, statement)
                columns = names
            found.append(answer)
        return QueryResult(columns, found)

    def _one(self, statement: str, values: Row, index: int) -> tuple[tuple[str, ...], Row | None]:
        """The names of the result's columns, and its only row."""
        with at_row(index), translated(statement):
            cursor = self.session.connection.execute(statement, values)
            found = cursor.fetchmany(2)
        if len(found) > 1:
            raise several_rows(index, statement)
        return tuple(column[0] for column in cursor.description or ()), found[0] if found else None

    def execute(self, sql: Sql, values: Row = ()) -> int:
        return self.session.execute(numbered(sql), bound(sql, values, 0)).rowcount

    def fetch(self, sql: Sql, values: Row = ()) -> list[Row]:
        return self.session.fetch(numbered(sql), bound(sql, values, 0))

    def read(self, sql: Sql, values: Row = (), *, chunk_rows: int = 10_000) -> Reading:
        cursor = self.session.execute(numbered(sql), bound(sql, values, 0))
        columns = tuple(column[0] for column in cursor.description or ())
        return Reading(columns, _chunks(cursor, chunk_rows, numbered(sql)))

    def check(self, sql: Sql) -> None:
        self.session.fetch(f"EXPLAIN {numbered(sql)}", (None,) * sql.size)

    def commit(self, witness: Witness | None = None) -> None:
        try:
            self.session.execute("COMMIT")
        finally:
            self.rollback()

    def rollback(self) -> None:
        if self.session.connection.in_transaction:
            self.session.connection.rollback()


def _chunks(cursor: sqlite3.Cursor, size: int, statement: str) -> Iterator[list[Row]]:
    while True:
        with translated(statement):
            rows = cursor.fetchmany(size)
        if not rows:
            return
        yield rows
