"""What a spreadsheet is made of, and where in it a step works.

Stage: the server's description of a spreadsheet → sheets and named ranges → a sheet and an area of it. Touches nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from portl.errors import RequestError

from .a1 import Area, parse

MOST_ROWS = 10_000_000
MOST_COLUMNS = 18_278
"""Google's own limits."""
FIELDS = "sheets.properties(sheetId,title,gridProperties(rowCount,columnCount)),namedRanges(name,range)"


@dataclass(frozen=True)
class Sheet:
    """One sheet (tab) that has cells."""

    title: str
    id: int
    rows: int
    columns: int


@dataclass(frozen=True)
class Book:
    """A spreadsheet."""

    sheets: tuple[Sheet, ...]
    names: Mapping[str, tuple[int, Area]]
    """`{named range: (sheet's id, area)}`."""

    def locate(self, sheet_name: str | None, range_: str | None) -> tuple[Sheet, Area]:
        """The sheet and the area that a job means. Raises RequestError with what there is instead."""
        if range_ is None:
            return self._sheet(sheet_name), Area()
        found = parse(range_)
        if found is None:
            return self._named(range_, sheet_name)
        own, area = found
        if own is not None and sheet_name is not None and own != sheet_name:
            raise RequestError(f"The range {range_} is not on the sheet '{sheet_name}'.", hint="Name the sheet once.")
        return self._sheet(own or sheet_name), area

    def _sheet(self, title: str | None) -> Sheet:
        if not self.sheets:
            raise RequestError("The spreadsheet has no sheet with cells.")
        if title is None:
            return self.sheets[0]
        titles = [sheet.title for sheet in self.sheets]
        if title not in titles:
            close = get_close_matches(title, titles, n=1)
            hint = f"Did you mean '{close[0]}'?" if close else f"It has: {_list(titles)}."
            raise RequestError(f"The spreadsheet has no sheet '{title}'.", hint=hint)
        return self.sheets[titles.index(title)]

    def _named(self, name: str, sheet_name: str | None) -> tuple[Sheet, Area]:
        if name not in self.names:
            also = f"Named ranges: {_list(list(self.names))}." if self.names else "It has no named ranges."
            raise RequestError(f"'{name}' is no range.", hint=f"Write it like B2:F. {also}")
        number, area = self.names[name]
        sheet = next((sheet for sheet in self.sheets if sheet.id == number), None)
        if sheet is None or (sheet_name is not None and sheet.title != sheet_name):
            raise RequestError(f"The range '{name}' is not on the sheet '{sheet_name}'.", hint="Name the range alone.")
        return sheet, area


def book_of(answer: Mapping[str, Any]) -> Book:
    """The spreadsheet that the server describes. Raises ValueError, TypeError, KeyError for any other answer."""
    sheets = []
    for item in answer.get("sheets", ()):
        properties = item["properties"]
        grid = properties.get("gridProperties") or {}
        if grid.get("rowCount"):
            rows, columns = int(grid["rowCount"]), int(grid.get("columnCount", 1))
            if rows > MOST_ROWS or columns > MOST_COLUMNS:
                raise ValueError("no sheet is as large")
            sheets.append(Sheet(str(properties["title"]), int(properties.get("sheetId", 0)), rows, columns))
    names = {str(item["name"]): _area_of(item["range"]) for item in answer.get("namedRanges", ())}
    return Book(tuple(sheets), names)


def _area_of(range_: Mapping[str, Any]) -> tuple[int, Area]:
    """A grid range counts from 0, leaves out its end, and leaves out what is 0 or open."""
    end_row, end_column = range_.get("endRowIndex"), range_.get("endColumnIndex")
    return int(range_.get("sheetId", 0)), Area(
        first_row=int(range_.get("startRowIndex", 0)) + 1,
        first_column=int(range_.get("startColumnIndex", 0)) + 1,
        last_row=None if end_row is None else int(end_row),
        last_column=None if end_column is None else int(end_column),
    )


def _list(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names[:10]) + (", …" if len(names) > 10 else "")
