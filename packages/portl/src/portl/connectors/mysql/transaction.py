"""One open transaction of MySQL. See `portl.connectors.base.Transaction`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pymysql

from portl.connectors.opened import OpenTransaction
from portl.connectors.operations import QueryResult, Reading, Row, Rows, Sql, Table, Witness
from portl.errors import ConnectorError

from .catalogue import read_table, read_tables
from .change import ChangeWriter
from .insert import InsertWriter
from .outcome import Sent, Verdict, commit
from .query import Queries
from .session import Session
from .upsert import UpsertWriter
from .wire import Wire


class MysqlTransaction(OpenTransaction[Session]):
    """Begun by its connector."""

    dialect = "mysql"
    upserts = UpsertWriter
    inserts = InsertWriter
    changes = ChangeWriter

    def __init__(
        self, session: Session, judge: Callable[[Sent], Verdict], release: Callable[[Wire], None], *, may_define: bool
    ) -> None:
        super().__init__(session)
        self._queries = Queries(session, may_define=may_define)
        self._judge = judge
        self._release = release
        self._open = True

    def _read_table(self, name: str) -> Table:
        return read_table(self.session.fetch, name, is_mariadb=self.session.server.is_mariadb)

    def tables(self) -> tuple[str, ...]:
        return read_tables(self.session.fetch)

    def query(self, sql: Sql, rows: Rows, indexes: Sequence[int]) -> QueryResult:
        return self._queries.many(sql, rows, indexes)

    def execute(self, sql: Sql, values: Row = ()) -> int:
        return self._queries.run(sql, values).count

    def fetch(self, sql: Sql, values: Row = ()) -> list[Row]:
        return self._queries.run(sql, values).rows

    def read(self, sql: Sql, values: Row = (), *, chunk_rows: int = 10_000) -> Reading:
        return self._queries.read(sql, values, chunk_rows)

    def check(self, sql: Sql) -> None:
        self._queries.check(sql)

    def commit(self, witness: Witness | None = None) -> None:
        self._open = False
        try:
            commit(self.session, witness, self._judge)
        finally:
            self._give_back()

    def rollback(self) -> None:
        if not self._open:
            return
        self._open = False
        if self.session.is_streaming:
            self.session.connection.drop()  # the rest of the rows would have to be fetched
        self._give_back()

    def _give_back(self) -> None:
        """Roll back what is not committed, and leave a connection as the next transaction needs it."""
        try:
            if self.session.connection.open:
                self.session.run("ROLLBACK")
                self.session.clear()
        except (ConnectorError, pymysql.MySQLError):
            self.session.connection.drop()
        self._release(self.session.connection)
