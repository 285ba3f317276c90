"""Rows of a CSV file: typed, lazy, and able to say in which line and column a value stands.

Stage: a file → chunks of tuples. Reads the file anew each time somebody goes through it, and refuses one that changed.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from .. import convert
from ..batch.rejects import Rejects
from ..batch.rows import CHUNK, Locator, Rows
from ..convert import ConversionError
from ..errors import RowsRefusedError, SourceError
from ..model.steps import ColumnSpec, OnError
from .csv_lines import LONGEST_FIELD, Lines, some

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
        self._converters = [_converter(layout.columns.get(name), layout.null_values) for name in columns]
        self._convert = _fused([converter.source for converter in self._converters], self._converters)
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
        before = _field_start(text, self.columns.index(column), self.layout.delimiter, self.layout.quotechar)
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
            line, column = _bad_byte(layout.path, layout.encoding)
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


@dataclass(frozen=True)
class _Converter:
    source: str
    """Python source that makes a value of the text `{0}`; `n{1}` are its null texts, `c{1}` its function."""
    function: Callable[[str], Any] | None
    nulls: frozenset[str]
    convert: Callable[[str], Any]
    """What the source does, for one text."""


def _converter(spec: ColumnSpec | None, default_nulls: tuple[str, ...]) -> _Converter:
    spec = spec or ColumnSpec()
    nulls = frozenset(default_nulls if spec.null_values is None else spec.null_values)
    function: Callable[[str], Any] | None = None
    if spec.type == "decimal" and spec.scale is not None:
        function = convert.scaled(spec.scale)
    elif spec.type in ("date", "datetime"):
        function = partial(convert.to_date if spec.type == "date" else convert.to_datetime, form=spec.format)
    elif spec.type != "string":
        function = convert.CONVERTERS[spec.type]
    if spec.required:
        checked = partial(_required, function, nulls)
        return _Converter("c{1}({0})", checked, nulls, checked)
    if function is None:
        source = "{0} or None" if nulls == {""} else "None if {0} in n{1} else {0}" if nulls else "{0}"
        return _Converter(source, None, nulls, lambda text: None if text in nulls else text)
    source = "c{1}({0}) if {0} else None" if nulls == {""} else "None if {0} in n{1} else c{1}({0})"
    return _Converter(source, function, nulls, partial(_optional, function, nulls))


def _optional(function: Callable[[str], Any], nulls: frozenset[str], text: str) -> Any:
    return None if text in nulls else function(text)


def _required(function: Callable[[str], Any] | None, nulls: frozenset[str], text: str) -> Any:
    if not text or text in nulls:
        raise ConversionError("it is required, but the field is empty")
    return text if function is None else function(text)


def _fused(sources: list[str], converters: list[_Converter]) -> Callable[[list[list[str]]], list[tuple[Any, ...]]]:
    """One function that types all rows of a chunk; ValueError where a row has another number of fields."""
    names = [f"v{number}" for number in range(len(sources))]
    values = ", ".join(
        source.format(name, number) for number, (source, name) in enumerate(zip(sources, names, strict=True))
    )
    space: dict[str, Any] = {"__builtins__": {}}
    for number, converter in enumerate(converters):
        space[f"n{number}"], space[f"c{number}"] = converter.nulls, converter.function
    code = f"lambda rows: [({values},) for {', '.join(names)}, in rows]" if names else "lambda rows: []"
    function: Callable[[list[list[str]]], list[tuple[Any, ...]]] = eval(code, space)  # noqa: S307  # made of numbered names
    return function


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


def _bad_byte(path: Path, encoding: str) -> tuple[int, int]:
    """Line and column of the first byte that is not of the encoding."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError as error:
                return number, len(line[: error.start].decode(encoding, "replace")) + 1
            except UnicodeError:  # UTF-16 without its mark
                break
    return 1, 1


def _field_start(text: str, number: int, delimiter: str, quote: str) -> str:
    """The text of a record before its field of that number."""
    inside = False
    for place, char in enumerate(text):
        if number == 0:
            return text[:place]
        if char == quote:
            inside = not inside
        elif char == delimiter and not inside:
            number -= 1
    return text
