"""Python values as text that PostgreSQL reads: one chunk at a time for COPY, one value for a bound parameter.

Stage: between rows and the wire. Pure. The server does the conversion to the column's type, strictly; what is refused
here are values that have no text of their own in that type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from portl.connectors.operations import Column, Row
from portl.errors import RowError
from portl.jsontext import dumps

NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_SPECIAL = ("\\", "\t", "\n", "\r")


class Unwritable(Exception):
    """A value has no text in its column's type; the message says why."""


def block_of(rows: Sequence[Row], columns: Sequence[Column], indexes: Sequence[int]) -> bytes:
    """Lines of COPY's text format: the row's index, then its values.

    Raises RowError with the row, column and value that cannot be written.
    """
    texts = [
        _column_texts(values, column, indexes) for values, column in zip(zip(*rows, strict=True), columns, strict=True)
    ]
    lines = "\n".join(map("\t".join, zip(map(str, indexes), *texts, strict=True)))
    try:
        return lines.encode() + b"\n"
    except UnicodeEncodeError:
        raise _not_utf8(rows, columns, indexes) from None


def _column_texts(values: Sequence[Any], column: Column, indexes: Sequence[int]) -> Sequence[str]:
    """One column's values, escaped for COPY."""
    kinds = set(map(type, values))
    if kinds == {str}:
        return _escaped(values)
    if kinds == {str, type(None)}:
        texts = _escaped([value or "" for value in values])
        return [NULL if value is None else text for value, text in zip(values, texts, strict=True)]
    if column.kind not in ("json", "text") and len(kinds - {type(None)}) == 1:
        writer = _UNESCAPED.get(*(kinds - {type(None)}))
        if writer is not None:
            return [NULL if value is None else writer(value) for value in values]
    return [_one(value, column, index) for value, index in zip(values, indexes, strict=True)]


def _escaped(values: Sequence[str]) -> Sequence[str]:
    joined = "".join(values)
    if any(special in joined for special in _SPECIAL):
        return [value.translate(_ESCAPES) for value in values]
    return values


def _one(value: Any, column: Column, index: int) -> str:
    """One value, escaped for COPY."""
    if value is None:
        return NULL
    try:
        return text_of(value, column).translate(_ESCAPES)
    except Unwritable as error:
        raise refused(str(error), column, index, value) from None


def refused(message: str, column: Column, index: int, value: Any) -> RowError:
    """The error for a value that its column does not take."""
    error = RowError(f"column {column.name}: {message}.", code="22000")
    error.rows, error.column, error.value = (index,), column.name, value
    return error


def _not_utf8(rows: Sequence[Row], columns: Sequence[Column], indexes: Sequence[int]) -> RowError:
    for row, index in zip(rows, indexes, strict=True):
        for value, column in zip(row, columns, strict=True):
            try:
                str(value).encode()
            except UnicodeEncodeError as error:
                what = f"the character {error.object[error.start]!r} cannot be written as UTF-8"
                return refused(what, column, index, value)
    raise AssertionError("some value was not UTF-8 a moment ago")


def text_of(value: Any, column: Column) -> str:
    """One value that is not None, as the text its column reads. Raises Unwritable."""
    if column.kind == "json" and not isinstance(value, str):
        return _json(value)
    if column.kind == "text" and isinstance(value, bool):
        return "true" if value else "false"
    for kind, writer in _PLAIN.items():
        if isinstance(value, kind):
            return str(writer(value))
    if isinstance(value, list | tuple) and column.kind == "array":
        return _array(value, column)
    raise Unwritable(_why_not(value, column))


def _why_not(value: Any, column: Column) -> str:
    what = "mapping" if isinstance(value, Mapping) else "list" if isinstance(value, list | tuple) else None
    if what is None:
        return f"a value of type {type(value).__name__} cannot be written to the type {column.type}"
    return f"a {what} cannot be written to the type {column.type}; for its JSON text use tojson"


def _json(value: Any) -> str:
    try:
        return dumps(value)
    except ValueError as error:
        raise Unwritable(str(error)) from None


def _array(values: Sequence[Any], column: Column) -> str:
    """An array literal; nested lists give its further dimensions."""
    element = Column(column.name, column.type.removesuffix("[]"), kind=column.element)
    return "{" + ",".join(_element(value, element, column) for value in values) + "}"


def _element(value: Any, element: Column, array: Column) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list | tuple) and element.kind != "json":
        return _array(value, array)
    text = text_of(value, element)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _interval(value: timedelta) -> str:
    return f"{value.days} days {value.seconds} seconds {value.microseconds} microseconds"


def _bytes(value: bytes | bytearray | memoryview) -> str:
    return "\\x" + value.hex()


_PLAIN: dict[type, Callable[[Any], str]] = {
    str: str.__str__,
    bool: {True: "t", False: "f"}.__getitem__,
    int: int.__repr__,
    float: float.__repr__,
    Decimal: Decimal.__str__,
    datetime: datetime.isoformat,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: _interval,
    UUID: UUID.__str__,
    bytes: _bytes,
    bytearray: _bytes,
    memoryview: _bytes,
}
"""How values become text; bool stands before int, and datetime before date, whose subclasses they are."""

_UNESCAPED = {kind: writer for kind, writer in _PLAIN.items() if kind not in (str, bytes, bytearray, memoryview)}
"""Those whose texts have nothing that COPY would take for an escape."""
