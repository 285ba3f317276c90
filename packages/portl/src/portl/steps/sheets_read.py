"""`sheets.read`: the rows of a spreadsheet, page by page, as typed rows that need not fit into memory.

Stage: values of cells → rows. The sheet is read once, when the step runs.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from difflib import get_close_matches
from operator import itemgetter
from typing import Any

from ..batch.rows import Spool
from ..clients.sheets import Area, Values
from ..clients.sheets.a1 import letters
from ..context import RunContext
from ..convert import ConversionError
from ..errors import SourceError
from ..logging import Event
from ..plan import PlannedStep
from .sheet_cells import reader
from .sheet_place import Place, place_of


class SheetRows(Spool):
    """Rows that know from which row of which sheet they came."""

    columns: tuple[str, ...]

    def __init__(self, columns: tuple[str, ...], sheet: str, first_column: int) -> None:
        super().__init__(columns)
        self._sheet = sheet
        self._first_column = first_column
        self._places: list[tuple[int, int]] = []
        """`(index, row)` wherever rows were left out before the row."""

    def add(self, rows: list[tuple[Any, ...]], numbers: list[int]) -> None:
        """Add rows with their numbers in the sheet."""
        for index, number in enumerate(numbers, start=len(self)):
            if not self._places or number - index != self._places[-1][1] - self._places[-1][0]:
                self._places.append((index, number))
        self.append(rows)

    def locate(self, index: int, column: str | None = None) -> str:
        """`Sheet!B7`, or `Sheet!7` for a whole row."""
        if not self._places:
            return self._sheet
        first, number = self._places[bisect_right(self._places, index, key=itemgetter(0)) - 1]
        row = number + index - first
        if column is None or column not in self.columns:
            return f"{self._sheet}!{row}"
        return f"{self._sheet}!{letters(self._first_column + self.columns.index(column))}{row}"


def read_sheet(planned: PlannedStep, context: RunContext) -> SheetRows:
    """All rows of a `sheets.read`. Raises SourceError for a value that is wrong, RequestError."""
    place = place_of(planned, context)
    reading = _Reading(planned, place)
    pages = _pages(place, context.limit)
    rows = reading.opened(next(pages, (place.area.first_row, [])))
    requests = 1
    while context.limit is None or len(rows) < context.limit:
        page = next(pages, None)
        if page is None:
            break
        reading.add(rows, *page)
        requests += 1
        progress = {"type": planned.step.type, "items": len(rows), "seen": len(rows)}
        context.observer(Event("step_progress", planned.id, level="debug", details=progress))
    if requests > 1:
        again = place_of(planned, context)
        if again.sheet != place.sheet:
            raise reading.error("the sheet has changed while it was read.", hint="Run the job again.")
    return rows


def look(planned: PlannedStep, context: RunContext) -> None:
    """Read the header only. Raises as `read_sheet`."""
    place = place_of(planned, context)
    area = place.area
    first = Area(area.first_row, area.first_column, area.first_row, place.last_column)
    values = place.client.values(place.sheet, first, place.policy) if area.first_row <= place.last_row else []
    _Reading(planned, place).opened((area.first_row, values))


def _pages(place: Place, limit: int | None) -> Iterator[tuple[int, Values]]:
    """The area's values, some rows at once, each with the number of its first row."""
    area = place.area
    if area.first_column > place.last_column:
        return
    size = place.rows_at_once(place.last_column - area.first_column + 1)
    size = size if limit is None else min(size, limit + 1)
    for first in range(area.first_row, place.last_row + 1, size):
        part = Area(first, area.first_column, min(first + size - 1, place.last_row), place.last_column)
        yield first, place.client.values(place.sheet, part, place.policy)


class _Reading:
    """Makes rows of values."""

    def __init__(self, planned: PlannedStep, place: Place) -> None:
        self._step = planned.step
        self._title = place.sheet.title
        self._first_column = place.area.first_column

    def opened(self, page: tuple[int, Values]) -> SheetRows:
        """The rows of the first page; its header says what the columns are called."""
        first, values = page
        names = tuple(self._step.columns)
        if self._step.has_header:
            names = self._names(first, values[0] if values else [])
            first, values = first + 1, values[1:]
        nulls = tuple(self._step.null_values)
        self._readers = [reader(self._step.columns.get(name), nulls) for name in names]
        rows = SheetRows(names, self._title, self._first_column)
        self.add(rows, first, values)
        return rows

    def add(self, rows: SheetRows, first: int, values: Values) -> None:
        """Add the rows of a page; empty ones are none."""
        made, numbers = [], []
        for number, cells in enumerate(values, start=first):
            if any(cell is not None and cell != "" for cell in cells):
                made.append(self._row(rows.columns, number, cells))
                numbers.append(number)
        rows.add(made, numbers)

    def _row(self, names: tuple[str, ...], number: int, cells: list[Any]) -> tuple[Any, ...]:
        padded = [*cells, *[None] * (len(names) - len(cells))]
        for column, cell in enumerate(padded[len(names) :], start=len(names)):
            if cell is not None and cell != "":
                hint = "Name it in the first row, or leave it out with range."
                raise self.error("the value stands in a column without a name.", number, column, hint=hint)
        row = []
        for column, (name, cell, read) in enumerate(zip(names, padded, self._readers, strict=False)):
            if isinstance(cell, dict | list):
                raise self.error("the answer holds something that is no value of a cell.", number, column)
            try:
                row.append(read(cell))
            except ConversionError as error:
                raise self.error(f"column '{name}': {error}.", number, column, name=name) from error
        return tuple(row)

    def _names(self, number: int, cells: list[Any]) -> tuple[str, ...]:
        names = [str(cell).strip() if cell is not None else "" for cell in cells]
        while names and not names[-1]:
            names.pop()
        if not names:
            raise self.error("the sheet is empty there; it has no header.", number)
        for column, name in enumerate(names):
            if not name:
                hint = "Name it, or say with range which columns are meant."
                raise self.error("the header has a column without a name.", number, column, hint=hint)
            if names.index(name) != column:
                raise self.error(f"the header names '{name}' twice.", number, column)
        for name in self._step.columns:
            if name not in names:
                close = get_close_matches(name, names, n=1)
                also = f" Did you mean '{close[0]}'?" if close else f" It has: {', '.join(names)}."
                raise self.error(f"the sheet has no column '{name}'.{also}", number, name=name)
        return tuple(names)

    def error(
        self, what: str, row: int | None = None, column: int | None = None, *, name: str = "", hint: str | None = None
    ) -> SourceError:
        """A mistake in the sheet; `column` counts from the area's first, from 0."""
        where = self._title
        if row is not None:
            where += f"!{'' if column is None else letters(self._first_column + column)}{row}"
        error = SourceError(what, where=where, hint=hint)
        error.step_id, error.column = self._step.id, name
        return error
