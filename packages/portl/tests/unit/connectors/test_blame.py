"""The search for a row to blame, with faults that a server gives only now and then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portl.connectors.blame import to_blame
from portl.connectors.operations import Column
from portl.errors import ConnectorError, DatabaseError, RetryClass, RowError

COLUMNS = (Column("n", "int"),)
DEADLOCK = DatabaseError("deadlock detected.", retry_class=RetryClass.TRANSACTION_GONE, token="deadlock")


class Table:
    """A session whose table refuses some numbers, and gives an error of its own when it is asked too often."""

    def __init__(self, refused: set[int], patience: int = 99, impatience: ConnectorError = DEADLOCK) -> None:
        self.rows: list[int] = []
        self._refused = refused
        self._patience = patience
        self._impatience = impatience

    def undo(self) -> None:
        """Nothing of the whole chunk was kept."""

    def attempt(self, action: Callable[[], Any]) -> Any:
        """The action's error, if it has one."""
        try:
            return action()
        except ConnectorError as error:
            return error

    def insert(self, numbers: list[int]) -> None:
        """All of them, or none."""
        self._patience -= 1
        if self._patience < 0:
            raise self._impatience
        for number in numbers:
            if number in self._refused:
                raise RowError(f"{number} is refused.", code="23514")
        self.rows += numbers


def blamed(table: Table, size: int, first: ConnectorError) -> ConnectorError:
    numbers = list(range(size))
    chunk = ([(number,) for number in numbers], [100 + number for number in numbers], COLUMNS)
    return to_blame(
        table,
        first,
        lambda low, high: table.insert(numbers[low:high]),
        chunk,
        lambda error: isinstance(error, RowError),
    )


@given(st.integers(1, 40).flatmap(lambda size: st.tuples(st.just(size), st.sets(st.integers(0, size - 1), min_size=1))))
def test_the_first_row_that_is_refused_is_named(world: tuple[int, set[int]]) -> None:
    size, refused = world
    table = Table(refused)
    found = blamed(table, size, RowError("some row.", code="23514"))
    assert isinstance(found, RowError)
    assert found.rows == (100 + min(refused),)
    assert found.message == f"{min(refused)} is refused."
    assert table.rows == list(range(min(refused)))


@pytest.mark.parametrize("patience", range(5))
def test_an_error_on_the_way_is_no_rows_fault(patience: int) -> None:
    """A deadlock during the search is worth another run of the transaction, as one before it."""
    assert blamed(Table({9}, patience), 16, RowError("some row.")) is DEADLOCK


def test_what_no_row_is_to_blame_for_stays_as_it_is() -> None:
    table = Table({0})
    assert blamed(table, 4, DEADLOCK) is DEADLOCK
    named = RowError("row 3.")
    named.rows = (3,)
    assert blamed(table, 4, named) is named
    assert table.rows == []


def test_a_row_that_is_taken_the_second_time_leaves_the_first_error() -> None:
    first = RowError("it was refused before.")
    assert blamed(Table(set()), 4, first) is first
