"""Queries with parameters: one row of them, many at once, or a stream of results.

The server says which types the parameters have; values are sent as text and read by the server as those types, the same
way whether there is one row of parameters or a million.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.generators import execute
from psycopg.pq.abc import PGresult

from portl.connectors.operations import Column, QueryResult, Reading, Row, Rows, Sql, Table
from portl.connectors.refusals import require_distinct, several_rows
from portl.errors import ConnectorError, DatabaseError, RowError

from .catalogue import read_types
from .copytext import Unwritable, refused, text_of
from .failures import translated
from .session import Session
from .staging import Loader
from .statements import Stage

FEW = 3
"""So many rows of parameters are not worth a temporary table."""


@dataclass(frozen=True)
class Described:
    """What the server says about a statement."""

    parameters: tuple[Column, ...]
    """One for each position of the Sql."""
    columns: tuple[str, ...]
    """Of its result; () where it gives none."""


class Queries:
    """The queries of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._described: dict[Sql, Described] = {}
        self._batches: dict[Sql, _Batch | None] = {}

    def describe(self, sql: Sql) -> Described:
        """Let the server parse a statement without running it. Raises DatabaseError, SchemaError."""
        if sql not in self._described:
            types, columns = self._parse(_numbered(sql), sql.text())
            names = [sql.name(position) for position in range(sql.size)]
            self._described[sql] = Described(tuple(read_types(self._session.fetch, types, names)), columns)
        return self._described[sql]

    def _parse(self, text: str, shown: str) -> tuple[list[int], tuple[str, ...]]:
        server = self._session.connection.pgconn
        with translated(shown):
            server.send_prepare(b"", text.encode())
            self._answer()
            server.send_describe_prepared(b"")
            result = self._answer()
        types = [result.param_type(place) for place in range(result.nparams)]
        columns = tuple((result.fname(place) or b"").decode() for place in range(result.nfields))
        return types, columns

    def _answer(self) -> PGresult:
        """The server's next answer. libpq's own waiting would stop other threads, and hear no signal."""
        connection = self._session.connection
        result: PGresult
        (result,) = connection.wait(execute(connection.pgconn))
        if result.status not in (psycopg.pq.ExecStatus.COMMAND_OK, psycopg.pq.ExecStatus.TUPLES_OK):
            raise psycopg.errors.error_from_result(result, encoding="utf-8")
        return result

    def texts(self, sql: Sql, row: Row, index: int = 0) -> list[str | None]:
        """A row of parameters as the server reads them. Raises RowError for a value that has no such text."""
        texts = []
        for value, column in zip(row, self.describe(sql).parameters, strict=True):
            try:
                texts.append(None if value is None else text_of(value, column))
            except Unwritable as error:
                raise refused(str(error), column, index, value) from None
        return texts

    def run(self, sql: Sql, row: Row, index: int = 0) -> psycopg.Cursor[Row]:
        """Run a statement once. Raises RowError, DatabaseError."""
        texts = self.texts(sql, row, index)
        cursor = self._session.connection.cursor()
        with translated(sql.text()):
            return cursor.execute(*_bound(sql, texts))

    def read(self, sql: Sql, row: Row, chunk_rows: int) -> Reading:
        """See `Transaction.read`."""
        described = self.describe(sql)
        texts = self.texts(sql, row)
        cursor = self._session.connection.cursor(name=self._session.new_name("cursor"))
        with translated(sql.text()):
            cursor.execute(*_bound(sql, texts))
        return Reading(described.columns, _chunks(cursor, chunk_rows, sql.text()))

    def many(self, sql: Sql, rows: Rows, indexes: Sequence[int]) -> QueryResult:
        """See `Transaction.query`."""
        columns = self.describe(sql).columns
        require_distinct(columns, sql.text())
        batch = self._batch(sql) if len(rows) > FEW and sql.size else None
        if batch is None:
            return QueryResult(columns, [self._one(sql, row, index) for row, index in zip(rows, indexes, strict=True)])
        return QueryResult(columns, batch.run(rows, indexes))

    def _one(self, sql: Sql, row: Row, index: int) -> Row | None:
        try:
            cursor = self.run(sql, row, index)
        except RowError as error:
            error.rows = (index,)
            raise
        with translated(sql.text()):
            found = cursor.fetchmany(2) if cursor.description else []
        if len(found) > 1:
            raise several_rows(index, sql.text())
        return found[0] if found else None

    def _batch(self, sql: Sql) -> _Batch | None:
        """How `sql` is asked for many rows of parameters at once; None where its form does not allow that."""
        if sql not in self._batches:
            batch = _Batch(self._session, sql, self.describe(sql).parameters)
            failed = isinstance(self._session.attempt(batch.create), ConnectorError)
            allowed = not failed and not isinstance(
                self._session.attempt(lambda: self._parse(batch.text, sql.text())), ConnectorError
            )
            self._batches[sql] = batch if allowed else None
        return self._batches[sql]


class _Batch:
    """One query joined with a stage that holds the parameters."""

    def __init__(self, session: Session, sql: Sql, parameters: Sequence[Column]) -> None:
        self._session = session
        self._sql = sql
        self._parameters = parameters
        stage = Stage.of(session.new_name("items"), [(f"p{place}", f"p{place}") for place in range(sql.size)])
        self._loader = Loader(session, Table("", {}), stage, parameters)
        self.text = self._joined(stage)

    def create(self) -> None:
        columns = ", ".join(f"p{place} {column.type}" for place, column in enumerate(self._parameters))
        stage = self._loader.stage
        self._session.run(f"CREATE TEMPORARY TABLE {stage.name} ({stage.number} int8, {columns}) ON COMMIT DROP")

    def _joined(self, stage: Stage) -> str:
        slot = "portl_item.p{}"
        inner = "".join(part if isinstance(part, str) else slot.format(part) for part in self._sql.parts)
        inner = inner.strip().rstrip(";")
        return (
            f"SELECT portl_item.{stage.number}, portl_found.* FROM {stage.name} AS portl_item\n"
            f"CROSS JOIN LATERAL (SELECT * FROM (\n{inner}\n) AS portl_query LIMIT 2) AS portl_found\n"
            f"ORDER BY 1"
        )

    def run(self, rows: Rows, indexes: Sequence[int]) -> list[Row | None]:
        self._loader.empty()
        self._loader.fill(rows, indexes)
        try:
            answers = self._session.run(self.text)
        except DatabaseError as error:
            error.sql = self._sql.text()
            raise
        found: dict[int, Row] = {}
        for number, *row in answers:
            if number in found:
                raise several_rows(number, self._sql.text())
            found[number] = tuple(row)
        return [found.get(index) for index in indexes]


def _numbered(sql: Sql) -> str:
    """The statement with `$1`, `$2`, … at its places."""
    return "".join(part if isinstance(part, str) else f"${part + 1}" for part in sql.parts)


def _bound(sql: Sql, texts: Sequence[str | None]) -> tuple[bytes, list[str | None] | None]:
    """Statement and parameters as psycopg takes them; a value comes once for each of its places."""
    if not sql.size:
        return "".join(map(str, sql.parts)).encode(), None
    pieces = [part.replace("%", "%%") if isinstance(part, str) else "%s" for part in sql.parts]
    return "".join(pieces).encode(), [texts[part] for part in sql.parts if isinstance(part, int)]


def _chunks(cursor: psycopg.ServerCursor[Any], size: int, shown: str) -> Iterator[list[Row]]:
    """The cursor's rows; it is closed when they are at their end or nobody wants more."""
    try:
        while rows := _fetched(cursor, size, shown):
            yield rows
    finally:
        with suppress(psycopg.Error):  # of a connection that is lost, or a transaction that failed
            cursor.close()


def _fetched(cursor: psycopg.ServerCursor[Any], size: int, shown: str) -> list[Row]:
    with translated(shown):
        return cursor.fetchmany(size)
