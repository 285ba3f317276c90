"""`sheets.write`: rows that are made with the other steps, and written into a spreadsheet when the job has succeeded.

Stage: items → cells, kept in memory up to a size and beyond that in a file; at the end of the run → requests.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..batch.rows import Spool
from ..clients.sheets import Area, Values
from ..clients.sheets.a1 import letters
from ..context import RunContext
from ..errors import SourceError, TemplateError
from ..plan import PlannedStep
from ..template.rows import Chunk, RowFailure
from ..template.scope import Scope
from .lines import Lines
from .sheet_cells import cell_of
from .sheet_place import Place, place_of

CHUNK = 5_000
BYTES_AT_ONCE = 2_000_000
"""Google asks for requests of no more."""


class SheetWorker:
    """Makes one row of cells per item."""

    size = CHUNK
    columns: tuple[str, ...] | None = None
    nullable = True

    def __init__(self, planned: PlannedStep, scope: Scope, context: RunContext) -> None:
        self._planned = planned
        self._lines = Lines(planned, scope, context)
        self.mapped = self._lines.mapped
        self._pending = PendingRows(planned, place_of(planned, context))
        context.files.append(self._pending)
        self.keys = self._lines.keys
        if self._lines.names is not None:
            self._pending.named(self._lines.names)

    def work(self, chunk: Chunk) -> Sequence[Any]:
        """Make the rows of a chunk."""
        lines = self._lines.of(chunk)
        if self._lines.names is not None:
            self._pending.named(self._lines.names)
        self._pending.rows.append([self._cells(line, place) for place, line in enumerate(lines)])
        return ()

    def finish(self) -> dict[str, Any]:
        """How many rows wait for the end of the run. Raises SourceError where they do not fit into the range."""
        self._pending.complete()
        return {"rows": len(self._pending.rows)}

    def _cells(self, line: Sequence[Any], place: int) -> list[Any]:
        try:
            return [cell_of(value) for value in line]
        except TemplateError as error:
            failure = RowFailure(error.message, hint=error.hint)
            failure.place = place
            raise failure from error


class PendingRows:
    """The rows of a step, and where they belong."""

    def __init__(self, planned: PlannedStep, place: Place) -> None:
        self.step_id = planned.id
        self.rows = Spool()
        self._step = planned.step
        self._place = place
        self._names: tuple[str, ...] = ()
        self._order: list[int | None] | None = None
        """Which of the step's columns stands in each column of the sheet; None: as they come."""
        self._has_header = False
        """Whether the sheet has its header already."""
        self._raw = planned.step.input == "raw"

    def named(self, names: tuple[str, ...]) -> None:
        """Say what the columns are called; once is enough. Raises SourceError where they do not fit."""
        if self._names:
            return
        self._names = names
        area = self._place.area
        if area.last_column is not None and len(names) > area.last_column - area.first_column + 1:
            raise self._error(f"the range has fewer columns than the step writes ({len(names)}).")
        if self._step.mode == "append" and self._step.header:
            self._align()

    def complete(self) -> None:
        """Say that there are no more rows. Raises SourceError where they do not fit."""
        area, count = self._place.area, self._count()
        if self._step.mode == "replace" and area.last_row is not None and count > area.last_row - area.first_row + 1:
            raise self._error(f"the range has fewer rows than the step writes ({count}).")

    def place(self) -> dict[str, Any]:
        """Write the rows. Raises RequestError, ConnectionFailedError."""
        before = self._place.client.requests
        if self._step.mode == "replace":
            self._replace()
        else:
            self._append()
        return {"rows": len(self.rows), "requests": self._place.client.requests - before}

    def discard(self) -> None:
        """Forget the rows."""
        self.rows = Spool()

    def _replace(self) -> None:
        """Write over what is there from the top, then empty the rest: at no moment is everything gone."""
        place, area = self._place, self._place.area
        height, width = self._count(), max(len(self._names), 1)
        sheet = place.client.book(place.policy).locate(place.sheet.title, None)[0]
        end_row, end_column = area.first_row + height - 1, area.first_column + width - 1
        place.client.grow(sheet, end_row, end_column, place.policy)
        row = area.first_row
        for page in self._pages():
            part = Area(row, area.first_column, row + len(page) - 1, end_column)
            place.client.update(sheet, part, page, raw=self._raw, policy=place.policy)
            row += len(page)
        last_row = min(area.last_row or sys.maxsize, max(sheet.rows, end_row))
        last_column = min(area.last_column or sys.maxsize, max(sheet.columns, end_column))
        rest = []
        if row <= last_row:
            rest.append(Area(row, area.first_column, last_row, last_column))
        if end_column < last_column and height:
            rest.append(Area(area.first_row, end_column + 1, row - 1, last_column))
        if rest:
            place.client.clear(sheet, rest, place.policy)

    def _append(self) -> None:
        if not len(self.rows):
            return
        place, area = self._place, self._place.area
        width = len(self._order or self._names)
        table = replace(area, last_row=area.first_row, last_column=area.first_column + max(width, 1) - 1)
        for page in self._pages():
            place.client.append(place.sheet, table, page, raw=self._raw, policy=place.policy)

    def _align(self) -> None:
        """Look which of the step's columns belongs into which of the sheet's. Raises SourceError."""
        place, area = self._place, self._place.area
        first = Area(area.first_row, area.first_column, area.first_row, place.last_column)
        is_there = area.first_row <= place.last_row and area.first_column <= place.last_column
        values = place.client.values(place.sheet, first, place.policy) if is_there else []
        head = [str(cell).strip() if cell is not None else "" for cell in (values[0] if values else [])]
        while head and not head[-1]:
            head.pop()
        if not head:
            return
        for name in self._names:
            if head.count(name) != 1:
                what = "twice" if name in head else "not"
                raise self._error(f"the header names '{name}' {what}; it has: {', '.join(head)}.")
        self._order = [self._names.index(name) if name in self._names else None for name in head]
        self._has_header = True

    def _count(self) -> int:
        """Rows to write, the header included."""
        return len(self.rows) + bool(self._writes_header())

    def _writes_header(self) -> bool:
        return bool(self._step.header and not self._has_header and self._names)

    def _pages(self) -> Iterator[Values]:
        """The rows, some at once."""
        most = self._place.rows_at_once(len(self._order or self._names))
        page: Values = []
        size = 0
        for line in self._all():
            weight = sum(len(cell) if isinstance(cell, str) else 8 for cell in line)
            if page and (len(page) >= most or size + weight > BYTES_AT_ONCE):
                yield page
                page, size = [], 0
            page.append(line)
            size += weight
        if page:
            yield page

    def _all(self) -> Iterator[list[Any]]:
        if self._writes_header():
            yield list(self._names)
        order = self._order
        for row in self.rows.items():
            yield row if order is None else ["" if number is None else row[number] for number in order]

    def _error(self, what: str) -> SourceError:
        place = self._place
        where = f"{place.sheet.title}!{letters(place.area.first_column)}{place.area.first_row}"
        error = SourceError(what, where=where)
        error.step_id = self.step_id
        return error
