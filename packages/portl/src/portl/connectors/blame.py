"""The search for the row that a statement over many refused. Touches what the statement touches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from portl.errors import ConnectorError, RowError

from .operations import Column, Row, Rows


class Undoing(Protocol):
    """A session that can take back what it did last."""

    def undo(self) -> None:
        """Back to where the statement that failed began."""

    def attempt(self, action: Callable[[], Any]) -> Any:
        """What `action` gives, or its ConnectorError with its effects undone."""


def to_blame(
    session: Undoing,
    error: ConnectorError,
    apply: Callable[[int, int], object],
    chunk: tuple[Rows, Sequence[int], Sequence[Column]],
    is_row_fault: Callable[[ConnectorError], bool],
) -> ConnectorError:
    """`error`, which all rows of `chunk` (rows, indexes, columns) gave at once, with the row that is to blame.

    Rows are applied again up to the first that is refused, each time half of what is left. Another error that turns up
    on the way, such as a deadlock, is given as it is: it blames no row, and may be worth another run.
    """
    rows, indexes, columns = chunk
    if not is_row_fault(error) or (isinstance(error, RowError) and error.rows):
        return error
    session.undo()
    low, high = 0, len(rows)
    while high - low > 1:
        middle = (low + high) // 2
        failure = session.attempt(lambda: apply(low, middle))  # noqa: B023  # called at once
        if not isinstance(failure, ConnectorError):
            low = middle
        elif is_row_fault(failure):
            high, error = middle, failure
        else:
            return failure
    last = session.attempt(lambda: apply(low, high))
    if not isinstance(last, ConnectorError):
        return error
    return with_row(last, indexes[low], rows[low], columns) if is_row_fault(last) else last


def with_row(error: ConnectorError, index: int, row: Row, columns: Sequence[Column]) -> RowError:
    """`error` as the error of one row."""
    result = RowError(error.message, hint=error.hint, code=error.code)
    result.rows = (index,)
    result.sql = getattr(error, "sql", "")
    result.column = getattr(error, "column", "")
    values = {column.name: value for column, value in zip(columns, row, strict=True)}
    result.value = values.get(result.column)
    return result
