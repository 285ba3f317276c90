"""One open transaction of SQLite, the only one that writes. See `portl.connectors.base.Transaction`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from portl.connectors.operations import (
    Change,
    Insert,
    QueryResult,
    Reading,
    Row,
    Rows,
    Sql,
    Table,
    Upsert,
    Witness,
)
from portl.connectors.refusals import require_distinct, several_rows

from .catalogue import read_table, read_tables
from .session import Session, at_row, bound, numbered, translated
from .writers import ChangeWriter, InsertWriter, UpsertWriter


class SqliteTransaction:
    """Begun by its connector."""

    dialect = "sqlite"

    def __init__(self, session: Session) -> None:
        self.session = session
        self._tables: dict[str, Table] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.rollback()

    def table(self, name: str) -> Table:
        if name not in self._tables:
            self._tables[name] = read_table(self.session, name)
        return self._tables[name]

    def tables(self) -> tuple[str, ...]:
        return read_tables(self.session)

    def upsert(self, operation: Upsert) -> UpsertWriter:
        return UpsertWriter(self.session, operation, self.table(operation.table))

    def insert(self, operation: Insert) -> InsertWriter:
        return InsertWriter(self.session, operation, self.table(operation.table))

    def update(self, operation: Change) -> ChangeWriter:
        return ChangeWriter(self.session, operation, self.table(operation.table))

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
