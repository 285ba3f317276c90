"""One open transaction of PostgreSQL. See `portl.connectors.base.Transaction`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import psycopg

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

from .catalogue import read_table, read_tables
from .change import ChangeWriter
from .failures import translated
from .insert import InsertWriter
from .outcome import Sent, Verdict, commit
from .query import Queries
from .session import Session
from .upsert import UpsertWriter


class PostgresTransaction(OpenTransaction[Session]):
    """Begun by its connector."""

    dialect = "postgres"
    upserts = UpsertWriter
    inserts = InsertWriter
    changes = ChangeWriter

    def __init__(
        self, session: Session, judge: Callable[[Sent], Verdict], release: Callable[[psycopg.Connection[Row]], None]
    ) -> None:
        super().__init__(session)
        self._queries = Queries(session)
        self._judge = judge
        self._release = release
        self._open = True

    def _read_table(self, name: str) -> Table:
        return read_table(self.session.fetch, name)

    def tables(self) -> tuple[str, ...]:
        return read_tables(self.session.fetch)

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
