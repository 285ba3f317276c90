"""Values as a column's declared type wants them. SQLite itself would store any text in an INTEGER column.

Stage: between rows and statements. Pure. As strict as PostgreSQL, so that a job tried on SQLite does the same there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from portl.connectors.operations import Column, Kind
from portl.jsontext import dumps, loads

DIGITS = 15
"""So many significant digits of a number survive in SQLite."""
_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,1000}\s*")
_TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "off", "0"})


class Unwritable(Exception):
    """A value is not one of its column's type; the message says why."""


def declared_kind(declared: str) -> Kind:
    """What a declared type means, by SQLite's own rules of affinity; JSON besides."""
    name = declared.upper()
    if "JSON" in name:
        return "json"
    if "INT" in name:
        return "integer"
    if any(word in name for word in ("CHAR", "CLOB", "TEXT")):
        return "text"
    if "BLOB" in name:
        return "blob"
    return "number" if any(word in name for word in ("REAL", "FLOA", "DOUB", "NUM", "DEC")) else ""


def coercion(column: Column) -> Callable[[Any], Any]:
    """A function for the column's values that are not None. It raises Unwritable."""
    declared = column.type.upper()
    if column.kind == "":
        for word, function in _BY_WORD:
            if word in declared:
                return function
        return plain
    return _BY_KIND[column.kind]


def plain(value: Any) -> Any:
    """A value for a parameter, or a column without a type."""
    if isinstance(value, str | int | bytes | None):
        return int(value) if isinstance(value, bool) else value
    if isinstance(value, float):
        return _finite(value)
    if isinstance(value, dict | list | tuple):
        return _json(value)
    return _text_of(value)


def _text_of(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    raise Unwritable(f"a value of type {type(value).__name__} has no form in SQLite")


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise Unwritable(f"{value} has no form in SQLite")
    return value


def _integer(value: Any) -> int:
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if isinstance(value, Decimal) and value.is_finite() and value.as_tuple().exponent == 0:
        value = int(value)
    if not isinstance(value, int):
        raise Unwritable(f"{_shown(value)} is not an integer")
    if not -(2**63) <= value < 2**63:
        raise Unwritable(f"{value} is out of range for an integer of 64 bits")
    return int(value)


def _number(value: Any) -> Any:
    if isinstance(value, float):
        return _finite(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if -(2**63) <= value < 2**63 else _number(Decimal(value))
    if isinstance(value, str | Decimal):
        return _decimal(value)
    raise Unwritable(f"{_shown(value)} is not a number")


def _decimal(value: str | Decimal) -> str:
    try:
        number = Decimal(value.strip()) if isinstance(value, str) else value
    except InvalidOperation:
        raise Unwritable(f"{_shown(value)} is not a number") from None
    if not number.is_finite() or not math.isfinite(number):
        raise Unwritable(f"{number} has no form in SQLite")
    if len("".join(map(str, number.as_tuple().digits)).strip("0")) > DIGITS:
        raise Unwritable(f"{number} has more than {DIGITS} digits, which SQLite keeps only in a TEXT column")
    return str(number)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dict | list | tuple):
        what = "mapping" if isinstance(value, dict) else "list"
        raise Unwritable(f"a {what} cannot be written to a text column; for its JSON text use tojson")
    return _text_of(value)


def _blob(value: Any) -> bytes:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    raise Unwritable(f"{_shown(value)} is not bytes")


def _json(value: Any) -> str:
    try:
        if isinstance(value, str):
            loads(value)
            return value
        return dumps(value)
    except ValueError as error:
        raise Unwritable(f"{_shown(value)} is not JSON: {error}") from None


def _boolean(value: Any) -> int:
    if isinstance(value, str) and value.strip().lower() in _TRUE | _FALSE:
        return int(value.strip().lower() in _TRUE)
    if isinstance(value, int) and value in (0, 1):
        return int(value)
    raise Unwritable(f"{_shown(value)} is not true or false")


def _instant(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    return _parsed(value, datetime.fromisoformat, "a date and time as 2026-01-31 12:00:00")


def _day(value: Any) -> str:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return _parsed(value, date.fromisoformat, "a date as 2026-01-31")


def _hour(value: Any) -> str:
    if isinstance(value, time):
        return value.isoformat()
    return _parsed(value, time.fromisoformat, "a time as 12:00:00")


def _parsed(value: Any, parse: Callable[[str], Any], expected: str) -> str:
    try:
        parse(value)
    except (ValueError, TypeError):
        raise Unwritable(f"{_shown(value)} is not {expected}") from None
    return str(value)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


_BY_KIND: dict[Kind, Callable[[Any], Any]] = {
    "integer": _integer,
    "number": _number,
    "text": _text,
    "blob": _blob,
    "json": _json,
}
_BY_WORD: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("BOOL", _boolean),
    ("DATETIME", _instant),
    ("TIMESTAMP", _instant),
    ("DATE", _day),
    ("TIME", _hour),
)
"""Declared types that SQLite takes for numbers, and people for these."""
