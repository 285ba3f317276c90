"""One sqlite3 connection inside one open transaction: statements in, rows out, errors translated."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from portl.connectors.operations import Column, Row, Sql
from portl.connectors.strict import Unwritable
from portl.errors import DatabaseError, RetryClass, RowError, SchemaError

from .coerce import coercion, plain

_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
_ABSENT = ("no such table", "no such column", "has no column named")


@contextmanager
def translated(sql: str = "") -> Iterator[None]:
    """Errors of sqlite3 inside the block leave it as errors of portl."""
    try:
        yield
    except sqlite3.Error as error:
        raise from_sqlite(error, sql) from error
    except (UnicodeEncodeError, OverflowError) as error:
        raise RowError(f"a value cannot be written: {error}.", code="22000") from error


def from_sqlite(error: sqlite3.Error, sql: str = "") -> DatabaseError:
    """`error`, which a statement gave."""
    code = getattr(error, "sqlite_errorname", None) or ""
    text = f"{error}."
    if code.startswith(_BUSY):
        result = DatabaseError(text, retry_class=RetryClass.TRANSACTION_GONE, token="serialization", code=code)
    elif isinstance(error, sqlite3.IntegrityError | sqlite3.DataError):
        result = RowError(text, code=code)
    elif any(words in str(error) for words in _ABSENT):
        result = SchemaError(text, code=code)
    else:
        result = DatabaseError(text, code=code)
    result.sql = sql
    return result


class Session:
    """Statements on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._names = 0

    def new_name(self, what: str) -> str:
        """A name for a temporary table that this transaction has not used."""
        self._names += 1
        return f"portl_{what}_{self._names}"

    def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """All rows of a statement with `?` for its values. Raises DatabaseError."""
        with translated(sql):
            return self.connection.execute(sql, values).fetchall()

    def execute(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """A statement's cursor. Raises DatabaseError."""
        with translated(sql):
            return self.connection.execute(sql, values)


def numbered(sql: Sql) -> str:
    """The statement with `?1`, `?2`, … at its places."""
    return "".join(part if isinstance(part, str) else f"?{part + 1}" for part in sql.parts)


def bound(sql: Sql, row: Row, index: int) -> tuple[Any, ...]:
    """A row of parameters as sqlite3 takes them. Raises RowError."""
    if len(row) != sql.size:
        raise ValueError(f"{len(row)} values for {sql.size} places")
    return tuple(_value(plain, value, Column(sql.name(place), ""), index) for place, value in enumerate(row))


class Coercer:
    """Makes rows fit their columns."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = tuple((coercion(column), column) for column in columns)

    def row(self, row: Row, index: int) -> tuple[Any, ...]:
        """The row with values as the columns' types want them. Raises RowError."""
        return tuple(
            None if value is None else _value(coerce, value, column, index)
            for value, (coerce, column) in zip(row, self._columns, strict=True)
        )


def _value(coerce: Callable[[Any], Any], value: Any, column: Column, index: int) -> Any:
    try:
        return coerce(value)
    except Unwritable as problem:
        error = RowError(f"column {column.name}: {problem}.", code="22000")
        error.rows, error.column, error.value = (index,), column.name, value
        raise error from None


@contextmanager
def at_row(index: int) -> Iterator[None]:
    """Errors of a row's statements name the row."""
    try:
        yield
    except RowError as error:
        error.rows = error.rows or (index,)
        raise
