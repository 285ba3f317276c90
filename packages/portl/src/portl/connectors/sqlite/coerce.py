"""Values as a column's declared type wants them. SQLite itself would store any text in an INTEGER column.

Stage: between rows and statements. Pure. As strict as PostgreSQL, so that a job tried on SQLite does the same there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from portl.connectors.operations import Column, Kind
from portl.connectors.strict import (
    DAY,
    HOUR,
    INSTANT,
    Unwritable,
    boolean,
    decimal,
    finite,
    form,
    integer,
    json_text,
    parsed,
    shown,
    text,
)

DIGITS = 15
"""So many significant digits of a number survive in SQLite."""
WHERE = "SQLite"


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
        return finite(value, WHERE)
    if isinstance(value, dict | list | tuple):
        return json_text(value)
    return form(value, WHERE)


def _integer(value: Any) -> int:
    number = integer(value)
    if not -(2**63) <= number < 2**63:
        raise Unwritable(f"{number} is out of range for an integer of 64 bits")
    return number


def _number(value: Any) -> Any:
    if isinstance(value, float):
        return finite(value, WHERE)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if -(2**63) <= value < 2**63 else _number(Decimal(value))
    if isinstance(value, str | Decimal):
        return _decimal(value)
    raise Unwritable(f"{shown(value)} is not a number")


def _decimal(value: str | Decimal) -> str:
    number = decimal(value)
    if not number.is_finite() or not math.isfinite(number):
        raise Unwritable(f"{number} has no form in SQLite")
    if len("".join(map(str, number.as_tuple().digits)).strip("0")) > DIGITS:
        raise Unwritable(f"{number} has more than {DIGITS} digits, which SQLite keeps only in a TEXT column")
    return str(number)


def _text(value: Any) -> str:
    return text(value, WHERE)


def _blob(value: Any) -> bytes:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    raise Unwritable(f"{shown(value)} is not bytes")


def _instant(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    parsed(value, datetime.fromisoformat, INSTANT)
    return str(value)


def _day(value: Any) -> str:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    parsed(value, date.fromisoformat, DAY)
    return str(value)


def _hour(value: Any) -> str:
    if isinstance(value, time):
        return value.isoformat()
    parsed(value, time.fromisoformat, HOUR)
    return str(value)


_BY_KIND: dict[Kind, Callable[[Any], Any]] = {
    "integer": _integer,
    "number": _number,
    "text": _text,
    "blob": _blob,
    "json": json_text,
}
_BY_WORD: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("BOOL", boolean),
    ("DATETIME", _instant),
    ("TIMESTAMP", _instant),
    ("DATE", _day),
    ("TIME", _hour),
)
"""Declared types that SQLite takes for numbers, and people for these."""
