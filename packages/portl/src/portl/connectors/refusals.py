"""What is refused in the same words by every database: errors of rows, keys and results. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portl.errors import DatabaseError, DuplicateKeyError, NullKeyError, RowError

from .operations import Rows, Table


def null_key(column: str, index: int) -> NullKeyError:
    """The error for a row without a value in a column of its key."""
    error = NullKeyError(f"column {column} of the key is NULL.", hint="Rows are matched by their key; give it a value.")
    return _at(error, column, index)


def null_where(column: str, index: int) -> NullKeyError:
    """The error for an update that looks for rows whose `column` is NULL."""
    return _at(NullKeyError(f"where: {column} is NULL, which no row is equal to."), column, index)


def missing_value(column: str, index: int, demanded: str) -> RowError:
    """The error for a row without a value in a column that has to have one; `demanded` says by whom."""
    error = RowError(f"column {column}: null, but {demanded}.", code="23502")
    error.rows, error.column = (index,), column
    return error


def require_where(where: Sequence[str], first: int, rows: Rows, indexes: Sequence[int]) -> None:
    """Raises NullKeyError for a NULL among the values of `where`, which begin at the place `first` of each row."""
    for place, name in enumerate(where, first):
        for index, row in zip(indexes, rows, strict=True):
            if row[place] is None:
                raise null_where(name, index)


def _at(error: NullKeyError, column: str, index: int) -> NullKeyError:
    error.rows, error.column, error.code = (index,), column, "23502"
    return error


def duplicate_key(key: Sequence[str], values: Sequence[Any], rows: tuple[int, int]) -> DuplicateKeyError:
    """The error for two rows of a source with the same key."""
    error = DuplicateKeyError(
        f"two rows have the key {_named(key, values)}.", hint="on_duplicate: first or last says which of them counts."
    )
    error.rows, error.column = rows, key[0]
    return error


def unexpected_count(
    table: Table, where: Sequence[str], values: Sequence[Any], index: int, *, count: int, expected: int
) -> RowError:
    """The error for an update that means more or fewer rows than it should."""
    error = RowError(f"{count} rows of {table.shown} have {_named(where, values)}; {expected} expected.")
    error.rows, error.column, error.value = (index,), where[0], values[0]
    return error


def several_rows(index: int, sql: str) -> RowError:
    """The error for a query that gives more than one row for an item."""
    error = RowError(
        "the query gives more than one row.",
        hint="The query has to give at most one row for each item; ORDER BY and LIMIT 1 choose it.",
    )
    error.rows, error.sql = (index,), sql
    return error


def require_distinct(columns: Sequence[str], sql: str) -> None:
    """Raises DatabaseError when two columns of a query's result have one name."""
    for place, name in enumerate(columns):
        if name in columns[:place]:
            error = DatabaseError(f"the query gives two columns called {name}.", hint="Rename one with AS.")
            error.sql = sql
            raise error


def _named(columns: Sequence[str], values: Sequence[Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in zip(columns, values, strict=True))
