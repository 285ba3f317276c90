"""Values as column types want them, strictly, for databases that would store nearly anything. Pure.

As strict as PostgreSQL, so that a job does the same on every database. Each function raises Unwritable.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from portl.jsontext import dumps, loads

_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,1000}\s*")
_TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "off", "0"})


class Unwritable(Exception):
    """A value is not one of its column's type; the message says why."""


def shown(value: Any) -> str:
    """A value as messages show it."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def integer(value: Any) -> int:
    """A whole number of any size: as it is, as text of digits, or as a decimal without a fraction."""
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if isinstance(value, Decimal) and value.is_finite() and value.as_tuple().exponent == 0:
        value = int(value)
    if not isinstance(value, int):
        raise Unwritable(f"{shown(value)} is not an integer")
    return int(value)


def decimal(value: str | Decimal) -> Decimal:
    """An exact number; it may still be NaN or infinite."""
    try:
        return Decimal(value.strip()) if isinstance(value, str) else value
    except InvalidOperation:
        raise Unwritable(f"{shown(value)} is not a number") from None


def finite(value: float, where: str) -> float:
    """A floating-point number that `where` knows."""
    if not math.isfinite(value):
        raise Unwritable(f"{value} has no form in {where}")
    return value


def boolean(value: Any) -> int:
    """1 for true, 0 for false."""
    if isinstance(value, str) and value.strip().lower() in _TRUE | _FALSE:
        return int(value.strip().lower() in _TRUE)
    if isinstance(value, int) and value in (0, 1):
        return int(value)
    raise Unwritable(f"{shown(value)} is not true or false")


def text(value: Any, where: str) -> str:
    """Text, and what has one form as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dict | list | tuple):
        what = "mapping" if isinstance(value, dict) else "list"
        raise Unwritable(f"a {what} cannot be written to a text column; for its JSON text use tojson")
    return form(value, where)


def form(value: Any, where: str) -> str:
    """The text of a date, time, exact number or UUID."""
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    raise Unwritable(f"a value of type {type(value).__name__} has no form in {where}")


def json_text(value: Any) -> str:
    """JSON: text that is JSON already, or the JSON of a value."""
    try:
        if isinstance(value, str):
            loads(value)
            return value
        return dumps(value)
    except ValueError as error:
        raise Unwritable(f"{shown(value)} is not JSON: {error}") from None


def parsed(value: Any, parse: Callable[[str], Any], expected: str) -> Any:
    """What `parse` makes of a text; `expected` says in messages what it should be."""
    try:
        return parse(value)
    except (ValueError, TypeError):
        raise Unwritable(f"{shown(value)} is not {expected}") from None


INSTANT = "a date and time as 2026-01-31 12:00:00"
DAY = "a date as 2026-01-31"
HOUR = "a time as 12:00:00"
