"""The first rows of a source, for trying a job on few of them. Touches nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .rows import Locator, Rows


class FirstRows(Rows):
    """The first `limit` rows of others; what comes after them is not read."""

    def __init__(self, rows: Rows, limit: int) -> None:
        self._rows = rows
        self._limit = limit
        self.columns = rows.columns
        self.nullable = rows.nullable

    def chunks(self) -> Iterator[list[Any]]:
        """The rows in order, some at once."""
        left = self._limit
        for rows in self._rows.chunks():
            self.heavy = self._rows.heavy
            yield rows[:left]
            left -= len(rows)
            if left <= 0:
                return

    def locate(self, index: int, column: str | None = None) -> str:
        """Where the row came from."""
        return self._rows.locate(index, column)

    def locator(self) -> Locator:
        """Of where they came from."""
        return self._rows.locator()

    def expected(self) -> tuple[int, bool] | None:
        """As many as there are, but no more than the limit."""
        found = self._rows.expected()
        return None if found is None else (min(found[0], self._limit), found[1] or found[0] > 2 * self._limit)


def first_rows(rows: Rows, limit: int | None) -> Rows:
    """The first `limit` of `rows`; all of them where there is no limit, or where they are limited already."""
    return rows if limit is None or isinstance(rows, FirstRows) else FirstRows(rows, limit)
