"""Rows of a CSV file: typed, lazy, and able to say in which line and column a value stands.

Stage: a file → chunks of tuples. Reads the file anew each time somebody goes through it, and refuses one that changed.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from ..batch.rejects import Rejects
from ..batch.rows import CHUNK, Locator, Rows
from ..convert import ConversionError
from ..errors import RowsRefusedError, SourceError
from ..model.steps import ColumnSpec, OnError
from .csv_lines import LONGEST_FIELD, Lines, bad_byte, field_start, some
from .csv_values import converter_of, fused

REST = "portl_rest"
"""What the fields behind the last column are called where rejected rows are written down."""
_BREAK = re.compile("\r\n|\r|\n")


@dataclass(frozen=True)
class Layout:
    """Where a file is and how it is written."""

    path: Path
    shown: str
    """The path as the job writes it, for messages."""
    step_id: str
    columns: Mapping[str, ColumnSpec]
    has_header: bool = True
    delimiter: str = ","
    quotechar: str = '"'
    encoding: str = "utf-8-sig"
    null_values: tuple[str, ...] = ("",)
    chunk_rows: int = CHUNK
    """Rows that are read at once."""


class CsvRows(Rows):
    """The rows of a CSV file."""

    columns: tuple[str, ...]

    def __init__(
        self, layout: Layout, columns: tuple[str, ...], print_of_file: tuple[int, ...], rejects: Rejects | None = None
    ) -> None:
        self.layout = layout
        self.columns = columns
        self._print = print_of_file
        self._rejects = rejects or Rejects(layout.step_id, OnError())
        if self._rejects.letters is not None:
            self._rejects.letters.columns = (*columns, REST)
        self._converters = [converter_of(layout.columns.get(name), layout.null_values) for name in columns]
        self._convert = fused([converter.source for converter in self._converters], self._converters)
        self._known: tuple[int, bool] | None = None

    @classmethod
    def open(cls, layout: Layout, rejects: Rejects | None = None) -> CsvRows:
        """The rows of a file whose header is read. Raises SourceError."""
        head, mark = cls(layout, (), ())._head()
        return cls(layout, _names(layout, head), mark, rejects)

    @classmethod
    def width(cls, layout: Layout) -> int:
        """How many fields the file's first row has. Raises SourceError."""
        return len(cls(layout, (), ())._head()[0] or ())

    def _head(self) -> tuple[list[str] | None, tuple[int, ...]]:
        """The first row, None in an empty file, and the print of the file."""
        with self._reader() as (reader, file, _):
            return next(reader, None), _print_of(file)

    def chunks(self) -> Iterator[list[tuple[Any, ...]]]:
        """The rows, typed. Raises SourceError with the places of all values that are not of their type."""
        try:
            yield from self._chunks()
        except SourceError:
            if not self._rejects.failing:
                raise
        try:
            self._rejects.check()
        except RowsRefusedError as error:
            raise self._refused(error) from error

    def _chunks(self) -> Iterator[list[tuple[Any, ...]]]:
        with self._reader() as (reader, file, lines):
            if _print_of(file) != self._print:
                raise self._error("the file has changed while the job runs.")
            if self.layout.has_header:
                next(reader, None)
            done, line = 0, reader.line_num
            while (taken := some(reader, lines, self.layout.chunk_rows))[0]:
                raw, is_heavy = taken
                self.heavy = self.heavy or is_heavy
                try:
                    rows = self._convert(raw)
                    done += len(rows)
                except ValueError:
                    rows = self._carefully(raw, done, line)
                    done += sum(map(bool, raw))
                line = reader.line_num
                self._reckon(done, file)
                if rows and not self._rejects.failing:
                    yield rows

            self._known = done, True

    def expected(self) -> tuple[int, bool] | None:
        """As many as the bytes read so far promise; None before any are."""
        return self._known

    def _reckon(self, rows: int, file: TextIO) -> None:
        read, size = file.buffer.tell(), os.fstat(file.fileno()).st_size
        if self._known is None or not self._known[1]:
            self._known = rows * size // max(read, 1), False

    def locate(self, index: int, column: str | None = None) -> str:
        """`file:line:column` of a row's value, or `file:line` of a row."""
        return self.locator().at(index, column)

    def locator(self) -> Locator:
        """For many rows in ascending order."""
        return _Places(self, self._records(every=False))

    def place(self, line: int, text: str, column: str | None) -> str:
        """`file:line:column` of a value of the record `text`, which begins in `line`; `file:line` of the record."""
        if column is None or column not in self.columns:
            return f"{self.layout.shown}:{line}"
        before = field_start(text, self.columns.index(column), self.layout.delimiter, self.layout.quotechar)
        lines = before.split("\n")
        return f"{self.layout.shown}:{line + len(lines) - 1}:{len(lines[-1]) + 1}"

    @contextmanager
    def _reader(self) -> Iterator[tuple[Any, TextIO, Lines]]:
        layout = self.layout
        csv.field_size_limit(LONGEST_FIELD)
        reader: Any = None
        try:
            with layout.path.open(encoding=layout.encoding, newline="") as file:
                lines = Lines(file)
                reader = csv.reader(lines, delimiter=layout.delimiter, quotechar=layout.quotechar, strict=True)
                yield reader, file, lines
        except OSError as error:
            raise self._error(f"the file cannot be read: {error.strerror}.") from error
        except LookupError as error:
            raise self._error(f"the encoding '{layout.encoding}' is not known.") from error
        except UnicodeError as error:
            line, column = bad_byte(layout.path, layout.encoding)
            where = f"{layout.shown}:{line}:{column}"
            raise self._error(f"the file is not {layout.encoding.removesuffix('-sig')}.", where=where) from error
        except csv.Error as error:
            where = f"{layout.shown}:{reader.line_num}:1"
            raise self._error(f"this is no CSV: {error}.", where=where) from error

    def _carefully(self, raw: list[list[str]], done: int, line: int) -> list[tuple[Any, ...]]:
        """The rows of a chunk that has empty lines, or rows that are wrong; `line` is the last one before it."""
        good: list[list[str]] = []
        for row in raw:
            errors = list(islice(self._wrong(row), None if self._rejects.asks_why else 1)) if row else []
            if errors:
                place, values = partial(self.place, line + 1, "", None), partial(self._values, row)
                self._rejects.add(done, errors, place, values)
            elif row:
                good.append(row)
            done += bool(row)
            line += 1 + sum(len(_BREAK.findall(field)) for field in row)
        return self._convert(good)

    def _wrong(self, row: list[str]) -> Iterator[SourceError]:
        """What is wrong with a row."""
        if len(row) != len(self.columns):
            yield self._error(f"the row has {len(row)} fields, not {len(self.columns)}.", where=None)
            return
        for name, value, converter in zip(self.columns, row, self._converters, strict=True):
            try:
                converter.convert(value)
            except ConversionError as error:
                yield self._error(f"column '{name}': {error}.", where=None, column=name)

    def _values(self, row: list[str]) -> list[Any]:
        """A row as it stands in the file, with the fields behind the last column as one."""
        count = len(self.columns)
        rest = json.dumps(row[count:], ensure_ascii=False) if len(row) > count else None
        return [*row[:count], *([None] * (count - len(row))), rest]

    def _refused(self, error: RowsRefusedError) -> SourceError:
        """The error that tells all rows, the first of them with their places."""
        places = _Places(self, self._records(every=True))
        told = [
            (places.at(refused.index, column or None), single.message, column)
            for refused in error.first
            for single in refused.errors
            for column in [getattr(single, "column", "")]
        ]
        if len(told) == 1 and error.limit is None:
            where, message, column = told[0]
            return self._error(message, where=where, column=column)
        lines = "".join(f"\n  {where}: {message}" for where, message, _ in told)
        return self._error(f"{error.summary('row')}{lines}{error.more()}", column=told[0][2])

    def _records(self, *, every: bool) -> Iterator[tuple[int, str]]:
        """The line in which each row begins, and its text; `every` says whether those that are refused count too."""
        layout = self.layout
        skips = not every and self._rejects.count > 0
        with self._reader() as (_, file, _):
            lines: list[str] = []

            def fed() -> Iterator[str]:
                for line in file:
                    lines.append(line)
                    yield line

            reader = csv.reader(fed(), delimiter=layout.delimiter, quotechar=layout.quotechar)
            is_head, first = layout.has_header, 1
            for row in reader:
                if row and not is_head and not (skips and any(self._wrong(row))):
                    yield first, "".join(lines)
                is_head = is_head and not row
                first = reader.line_num + 1
                lines.clear()
        while True:
            yield first, ""

    def _error(self, what: str, *, where: str | None = "", column: str = "") -> SourceError:
        """`where` is the file where it is empty, nowhere where it is None."""
        error = SourceError(what, where=self.layout.shown if where == "" else where or "")
        error.step_id, error.column = self.layout.step_id, column
        return error


class _Places(Locator):
    """Goes through the records of a file once, as long as it is asked in ascending order."""

    def __init__(self, rows: CsvRows, records: Iterator[tuple[int, str]]) -> None:
        self._rows = rows
        self._records = records
        self._next = 0
        self._last = (0, "")

    def at(self, index: int, column: str | None = None) -> str:
        """`file:line:column` of a row's value, or `file:line` of a row."""
        if index >= self._next:
            self._last = next(islice(self._records, index - self._next, None))
            self._next = index + 1
        return self._rows.place(*self._last, column)


def _names(layout: Layout, head: list[str] | None) -> tuple[str, ...]:
    """The names of the file's columns, checked against those of the job."""
    if not layout.has_header:
        return tuple(layout.columns)
    rows = CsvRows(replace(layout, columns={}), (), ())
    if not head:
        raise rows._error("the file is empty; it has no header.")
    names = tuple(name.strip() for name in head)
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise rows._error(f"the header names '{name}' twice.", where=f"{layout.shown}:1")
        if not name:
            raise rows._error("the header has a column without a name.", where=f"{layout.shown}:1")
        seen.add(name)
    for name in layout.columns:
        if name not in names:
            close = get_close_matches(name, names, n=1)
            also = f" Did you mean '{close[0]}'?" if close else f" It has: {', '.join(names)}."
            raise rows._error(f"the file has no column '{name}'.{also}", where=f"{layout.shown}:1", column=name)
    return names


def reading(encoding: str) -> str:
    """The encoding to read with: UTF-8 may begin with a byte order mark."""
    return "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding


def _print_of(file: TextIO) -> tuple[int, ...]:
    found = os.fstat(file.fileno())
    return (found.st_ino, found.st_size, found.st_mtime_ns)
