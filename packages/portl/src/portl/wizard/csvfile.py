"""How a CSV file is written: encoding, delimiter, header, and the first values of each column.

Stage: the first bytes of a file → `CsvFile`. Pure. What it cannot tell, it says.
"""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import SourceError
from .columntypes import KINDS_OF_VALUES, fits
from .facts import CsvFile, SourceColumn

SAMPLE_BYTES = 1_000_000
"""So much of a file is looked at."""
SAMPLE_ROWS = 1_000
DELIMITERS = (",", ";", "\t", "|")
_LONGEST_FIELD = 16_000_000
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class Sheet:
    """The beginning of a file, parsed."""

    delimiter: str
    encoding: str
    rows: tuple[tuple[str, ...], ...]
    """At least one; empty lines are left out."""
    header: bool | None
    """Whether the first row names the columns; None where nobody can tell without knowing the data."""


def parse(data: bytes, *, complete: bool, delimiter: str = "", encoding: str = "") -> Sheet:
    """The sheet in the first bytes of a file, all of them where `complete`. Raises SourceError."""
    encoding = encoding or guessed_encoding(data, complete=complete)
    text = _decoded(data, encoding, complete=complete)
    delimiter = delimiter or guessed_delimiter(text)
    rows = _rows(text, delimiter, complete=complete)
    if not rows:
        raise SourceError("the file is empty.", hint="portl looks at its header and its first rows.")
    return Sheet(delimiter, encoding, rows, has_header(rows))


def described(sheet: Sheet, *, header: bool) -> CsvFile:
    """The file that begins with `sheet`. Raises SourceError where its header is none."""
    names = _header(sheet.rows[0]) if header else [f"column_{place + 1}" for place in range(len(sheet.rows[0]))]
    body = [row for row in sheet.rows[1 if header else 0 :] if len(row) == len(names)]
    columns = []
    for place, name in enumerate(names):
        values = [row[place] for row in body]
        columns.append(SourceColumn(name, tuple(value for value in values if value), "" in values))
    return CsvFile(tuple(columns), sheet.delimiter, sheet.encoding, header, len(body))


def guessed_encoding(data: bytes, *, complete: bool) -> str:
    """`utf-8`, `utf-16` or, where it is neither, `cp1252`. Raises SourceError for what is no text."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return name
    if b"\0" in data:
        raise SourceError("this is no text file: it has zero bytes.", hint="Say its encoding where it is one.")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, complete)
    except UnicodeDecodeError:
        try:
            data.decode("cp1252")
        except UnicodeDecodeError:
            return "latin-1"
        return "cp1252"
    return "utf-8"


def guessed_delimiter(text: str) -> str:
    """The delimiter that cuts most rows into the same number of fields; a comma where none does."""

    def score(delimiter: str) -> tuple[float, int]:
        widths = Counter(len(row) for row in _rows(text, delimiter, complete=True)[:200])
        if not widths:
            return (0.0, 0)
        width, count = widths.most_common(1)[0]
        return (round(count / widths.total(), 1), width) if width > 1 else (0.0, 0)

    return max(DELIMITERS, key=score)  # the first of those that score the same


def has_header(rows: Sequence[Sequence[str]]) -> bool | None:
    """Whether the first row names the columns; None where nobody can tell."""
    first = [cell.strip() for cell in rows[0]]
    if any(_is_value(cell) for cell in first):
        return False
    body = [row for row in rows[1:] if len(row) == len(first)]
    for place in range(len(first)):
        values = [row[place] for row in body if row[place].strip()]
        if values and all(map(_is_value, values)):
            return True
    return True if not body or _are_words(first) else None


def _is_value(cell: str) -> bool:
    """Whether it can hardly be a name."""
    return bool(cell) and any(fits(kind, cell) for kind in KINDS_OF_VALUES)


def _are_words(cells: Sequence[str]) -> bool:
    """Whether they are written as only names of columns are: with underscores, or all in small letters."""
    return all(cell.replace("_", "a").isalnum() and (cell.islower() or "_" in cell) for cell in cells)


def _decoded(data: bytes, encoding: str, *, complete: bool) -> str:
    name = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
    try:
        return codecs.getincrementaldecoder(name)().decode(data, complete)
    except LookupError:
        raise SourceError(f"the encoding '{encoding}' is not known.") from None
    except UnicodeError as error:
        raise SourceError(f"the file is not {encoding}: {error}.") from None


def _rows(text: str, delimiter: str, *, complete: bool) -> tuple[tuple[str, ...], ...]:
    """The first rows; the last of an incomplete text is left out."""
    csv.field_size_limit(_LONGEST_FIELD)
    rows: list[tuple[str, ...]] = []
    try:
        for row in csv.reader(text.splitlines(keepends=True), delimiter=delimiter):
            if row:
                rows.append(tuple(row))
            if len(rows) > SAMPLE_ROWS:
                return tuple(rows)
    except csv.Error as error:
        raise SourceError(f"this is no CSV: {error}.") from None
    return tuple(rows if complete or len(rows) < 2 else rows[:-1])


def _header(row: Sequence[str]) -> list[str]:
    names = [cell.strip() for cell in row]
    for name in names:
        if not name:
            raise SourceError("the header has a column without a name.", hint="Give it one.")
        if names.count(name) > 1:
            raise SourceError(f"the header names '{name}' twice.", hint="Give each column a name of its own.")
    return names
