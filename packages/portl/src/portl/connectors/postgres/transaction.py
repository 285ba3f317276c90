"""One open transaction of PostgreSQL. See `portl.connectors.base.Transaction`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

import psycopg

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

from .catalogue import read_table, read_tables
from .change import ChangeWriter
from .failures import translated
from .insert import InsertWriter
from .outcome import Sent, Verdict, commit
from .query import Queries
from .session import Session
from .upsert import UpsertWriter


class PostgresTransaction:
    """Begun by its connector."""

    dialect = "postgres"

    def __init__(
        self, session: Session, judge: Callable[[Sent], Verdict], release: Callable[[psycopg.Connection[Row]], None]
    ) -> None:
        self.session = session
        self._queries = Queries(session)
        self._judge = judge
        self._release = release
        self._tables: dict[str, Table] = {}
        self._open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.rollback()

    def table(self, name: str) -> Table:
        if name not in self._tables:
            self._tables[name] = read_table(self.session.fetch, name)
        return self._tables[name]

    def tables(self) -> tuple[str, ...]:
        return read_tables(self.session.fetch)

    def upsert(self, operation: Upsert) -> UpsertWriter:
        return UpsertWriter(self.session, operation, self.table(operation.table))

    def insert(self, operation: Insert) -> InsertWriter:
        return InsertWriter(self.session, operation, self.table(operation.table))

    def update(self, operation: Change) -> ChangeWriter:
        return ChangeWriter(self.session, operation, self.table(operation.table))

    def query(self, sql: Sql, rows: Rows, indexes: Sequence[int]) -> QueryResult:
        return self._queries.many(sql, rows, indexes)

    def execute(self, sql: Sql, values: Row = ()) -> int:
        return self._queries.run(sql, values).rowcount

    def fetch(self, sql: Sql, values: Row = ()) -> list[Row]:
        cursor = self._queries.run(sql, values)
        with translated(sql.text()):
            return cursor.fetchall()

    def read(self, sql: Sql, values: Row = (), *, chunk_rows: int = 10_000) -> Reading:
        return self._queries.read(sql, values, chunk_rows)

    def check(self, sql: Sql) -> None:
        self._queries.describe(sql)

    def commit(self, witness: Witness | None = None) -> None:
        self._open = False
        try:
            commit(self.session, witness, self._judge)
        finally:
            self._release(self.session.connection)

    def rollback(self) -> None:
        if not self._open:
            return
        self._open = False
        try:
            self.session.connection.execute("ROLLBACK")
        except psycopg.Error:
            self.session.connection.close()
        self._release(self.session.connection)
