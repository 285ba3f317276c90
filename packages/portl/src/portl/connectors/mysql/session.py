"""One PyMySQL connection inside one open transaction: statements in, rows out, errors translated.

Stage: below the writers. Statements are complete texts; values stand in them as literals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import pymysql
from pymysql.cursors import SSCursor

from portl.connectors.operations import Row
from portl.errors import ConnectorError, DatabaseError

from .failures import translated
from .wire import Wire

ResultT = TypeVar("ResultT")

SAVEPOINT = "portl_chunk"


@dataclass(frozen=True)
class Server:
    """Which server it is, and what it can do."""

    is_mariadb: bool
    version: tuple[int, ...]
    """As (10, 11, 6)."""
    packet_bytes: int
    """No statement may be longer."""
    returning: bool
    """Whether INSERT … RETURNING is understood."""


@dataclass(frozen=True)
class Done:
    """What a statement did."""

    rows: list[Row]
    columns: tuple[str, ...]
    count: int
    """Rows it wrote or found."""
    last_id: int
    """The first number that the server gave to a row of an INSERT; 0 for none."""


class Session:
    """Statements on one connection."""

    def __init__(self, connection: Wire, server: Server) -> None:
        self.connection = connection
        self.server = server
        self.wrote = False
        """Whether anything may have been written."""
        self._names = 0
        self._temporary: list[str] = []
        self._stream: Stream | None = None

    def new_name(self, what: str) -> str:
        """A name for a temporary table that this transaction has not used."""
        self._names += 1
        return f"portl_{what}_{self._names}"

    def run(self, sql: str) -> Done:
        """Run one statement. Raises DatabaseError, ConnectionFailedError."""
        if self._stream is not None:
            self._stream.set_aside()
            self._stream = None
        with translated(sql), self.connection.cursor() as cursor:
            cursor.execute(sql)
            rows = list(cursor.fetchall())
            columns = tuple(column[0] for column in cursor.description or ())
            done = Done(rows, columns, cursor.rowcount, cursor.lastrowid or 0)
        self._require_known(sql)
        return done

    def _require_known(self, sql: str) -> None:
        """Raises DatabaseError where the server gave dates that Python does not know."""
        if self.connection.unknown:
            text = self.connection.unknown[0]
            self.connection.unknown.clear()
            error = DatabaseError(
                f"'{text}' is a date that Python does not know.", hint=f"NULLIF(column, '{text}') gives NULL for it."
            )
            error.sql = sql
            raise error

    def fetch(self, sql: str) -> list[Row]:
        """The rows of one query. Raises as `run`."""
        return self.run(sql).rows

    def write(self, sql: str) -> Done:
        """As `run`, for a statement that writes."""
        self.wrote = True
        return self.run(sql)

    def stream(self, sql: str) -> Stream:
        """Start a query whose rows stay on the server until they are asked for."""
        if self._stream is not None:
            self._stream.set_aside()
        with translated(sql):
            cursor = self.connection.cursor(SSCursor)
            cursor.execute(sql)
        self._stream = Stream(cursor, sql, self._require_known)
        return self._stream

    def create(self, name: str, columns: str) -> None:
        """Make a temporary table, which `clear` drops."""
        self._temporary.append(name)
        self.run(f"CREATE TEMPORARY TABLE {name} ({columns}) ENGINE=InnoDB")

    def clear(self) -> None:
        """Drop the temporary tables: they would outlive the transaction."""
        if self._temporary:
            self.run(f"DROP TEMPORARY TABLE IF EXISTS {', '.join(self._temporary)}")
            self._temporary.clear()

    def savepoint(self) -> None:
        """A place that `undo` goes back to."""
        self.run(f"SAVEPOINT {SAVEPOINT}")

    def undo(self) -> None:
        """Back to the savepoint, which stays."""
        self.run(f"ROLLBACK TO SAVEPOINT {SAVEPOINT}")

    def attempt(self, action: Callable[[], ResultT]) -> ResultT | ConnectorError:
        """What `action` gives, or its error with its effects undone."""
        self.run("SAVEPOINT portl_attempt")
        try:
            return action()
        except ConnectorError as error:
            if self.connection.in_transaction:
                self.run("ROLLBACK TO SAVEPOINT portl_attempt")
            return error

    @property
    def is_streaming(self) -> bool:
        """Whether rows of a query are still on their way."""
        return self._stream is not None and self._stream.is_under_way

    def require_open(self, sql: str) -> None:
        """Raises DatabaseError when the statement `sql` has ended the transaction."""
        if self.connection.open and not self.connection.in_transaction:
            error = DatabaseError(
                "the statement has ended the transaction: what was written before it is committed.",
                hint="Statements that make, change or drop tables do that in MySQL; they cannot be part of a job.",
            )
            error.sql = sql
            raise error


class Stream:
    """Rows of a query under way. The connection can do nothing else until they are all fetched or set aside."""

    def __init__(self, cursor: Any, sql: str, require_known: Callable[[str], None]) -> None:
        self._cursor = cursor
        self._sql = sql
        self._require_known = require_known
        self._aside: list[Row] | None = None
        self._wanted = True
        self.is_under_way = True
        """Whether the connection is kept busy."""
        self.columns = tuple(column[0] for column in cursor.description or ())

    def chunks(self, size: int) -> Iterator[list[Row]]:
        """All rows, `size` at a time."""
        try:
            while rows := self._next(size):
                yield rows
        finally:
            self._wanted = False

    def set_aside(self) -> None:
        """Free the connection: keep the rows that are still wanted in memory."""
        with translated(self._sql):
            rest = list(self._cursor.fetchall()) if self._wanted else []
            with suppress(pymysql.MySQLError):  # of rows that nobody wants
                self._cursor.close()
        self._aside, self.is_under_way = rest, False

    def _next(self, size: int) -> list[Row]:
        if self._aside is not None:
            rows, self._aside = self._aside[:size], self._aside[size:]
            return rows
        with translated(self._sql):
            rows = list(self._cursor.fetchmany(size))
        self._require_known(self._sql)
        self.is_under_way = len(rows) == size
        return rows
