"""A1 notation: cells as people name them. Touches nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SHEET = re.compile(r"(?:'((?:[^']|'')+)'|([^'!]+))!")
_CELL = r"\$?([A-Za-z]{0,3})\$?([0-9]{0,8})"
_CELLS = re.compile(rf"{_CELL}(?::{_CELL})?")


@dataclass(frozen=True)
class Area:
    """A rectangle of cells; rows and columns from 1, the last ones included."""

    first_row: int = 1
    first_column: int = 1
    last_row: int | None = None
    """None: as far as the sheet goes."""
    last_column: int | None = None
    """None: as far as the sheet goes."""

    def __str__(self) -> str:
        """In A1 notation."""
        last = f"{letters(self.last_column) if self.last_column else ''}{self.last_row or ''}"
        return f"{letters(self.first_column)}{self.first_row}:{last}" if last else f"{cell(self)}:…"


def cell(area: Area) -> str:
    """The area's first cell."""
    return f"{letters(area.first_column)}{area.first_row}"


def letters(column: int) -> str:
    """The letters of a column: 1 is A, 27 is AA."""
    text = ""
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def quoted(sheet: str) -> str:
    """A sheet's title in front of `!`."""
    return "'" + sheet.replace("'", "''") + "'"


def parse(text: str) -> tuple[str | None, Area] | None:
    """The sheet and the area that `text` names; None for a text that is no A1 notation, as a named range."""
    prefix = _SHEET.match(text)
    sheet = None if prefix is None else (prefix[1] or "").replace("''", "'") or prefix[2]
    found = _CELLS.fullmatch(text, prefix.end() if prefix else 0)
    if found is None or not any(found.groups()):
        return None
    column, row, last_column, last_row = found.groups()
    is_single = last_column is None
    if (is_single and not (column and row)) or (not is_single and not (last_column or last_row)):
        return None
    area = Area(
        first_row=int(row or 1),
        first_column=_number(column) or 1,
        last_row=int(last_row) if last_row else None,
        last_column=_number(last_column) if last_column else None,
    )
    is_backwards = (area.last_row or area.first_row) < area.first_row
    is_backwards = is_backwards or (area.last_column or area.first_column) < area.first_column
    return None if is_backwards or not area.first_row else (sheet, area)


def _number(column: str) -> int:
    number = 0
    for letter in column.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number
