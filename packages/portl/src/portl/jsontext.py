"""JSON as portl writes it: exact numbers, dates as ISO 8601, nothing that is not JSON.

Stage: bodies of calls, JSON columns, hashes. Decimals are written as numbers with all their digits.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

_string = json.encoder.encode_basestring


def dumps(value: Any, *, canonical: bool = False) -> str:
    """`value` as compact JSON; text is not escaped beyond need. Keys keep their order, or are sorted for `canonical`.

    Raises ValueError for what JSON does not know: NaN, infinities, bytes, keys that are not strings, other types.
    """
    try:
        return (_SORTED if canonical else _FAST).encode(value)
    except TypeError:
        return "".join(_pieces(value, canonical))


DEEPEST = 100
"""Lists and mappings within each other. What is deeper is nobody's data, and would end Python's own recursion."""


def loads(text: str | bytes, *, exact: bool = False) -> Any:
    """The value of a JSON text; `exact`: fractions as Decimals.

    Raises ValueError, also for NaN and infinities, and for what is nested deeper than `DEEPEST`.
    """
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=Decimal if exact else None)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except InvalidOperation:
        raise ValueError("the exponent of a number is too large") from None
    if isinstance(value, list | dict):
        _refuse_depth(value)
    return value


def _refuse_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [item for item in level if type(item) is list or type(item) is dict]
        if not level:
            return
        level = [inner for item in level for inner in (item if type(item) is list else item.values())]
    raise ValueError(f"it is nested deeper than {DEEPEST}")


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _number(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"{value} has no form in JSON")
    return str(value).lower() if "E" in str(value) else str(value)


def _unknown(value: Any) -> Any:
    """What json's C encoder asks about a value it does not know: only types written as strings are answered."""
    text = _as_text(value)
    if text is None:
        raise TypeError
    return text


def _as_text(value: Any) -> str | None:
    """Dates, times and UUIDs as text; None for other types."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else None


class _StrictKeys(json.JSONEncoder):
    def encode(self, o: Any) -> str:
        _refuse_odd_keys(o)
        return super().encode(o)


def _refuse_odd_keys(value: Any) -> None:
    """Raises ValueError: json writes the keys 1, True and None as strings; two different keys could become one."""
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse_odd_key(key)
            if isinstance(item, dict | list | tuple):
                _refuse_odd_keys(item)
    elif isinstance(value, list | tuple):
        for item in value:
            if isinstance(item, dict | list | tuple):
                _refuse_odd_keys(item)


def _refuse_odd_key(key: Any) -> None:
    if not isinstance(key, str):
        raise ValueError(f"the key {key!r} is not a string")


_FAST = _StrictKeys(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_unknown)
_SORTED = _StrictKeys(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_unknown, sort_keys=True)


def _pieces(value: Any, canonical: bool) -> Iterator[str]:
    """The slow way, for values that hold Decimals or mappings that are not dicts."""
    if isinstance(value, str):
        yield _string(value)
    elif value is None:
        yield "null"
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, int):
        yield int.__repr__(value)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} has no form in JSON")
        yield float.__repr__(value)
    elif isinstance(value, Decimal):
        yield _number(value)
    elif isinstance(value, Mapping):
        yield from _object(value, canonical)
    elif isinstance(value, list | tuple):
        yield from _array(value, canonical)
    else:
        text = _as_text(value)
        if text is None:
            raise ValueError(f"a value of type {type(value).__name__} has no form in JSON")
        yield _string(text)


def _object(value: Mapping[Any, Any], canonical: bool) -> Iterator[str]:
    separator = "{"
    for key in value:
        _refuse_odd_key(key)
    for key, item in sorted(value.items()) if canonical else value.items():
        yield f"{separator}{_string(key)}:"
        yield from _pieces(item, canonical)
        separator = ","
    yield "{}" if separator == "{" else "}"


def _array(value: list[Any] | tuple[Any, ...], canonical: bool) -> Iterator[str]:
    separator = "["
    for item in value:
        yield separator
        yield from _pieces(item, canonical)
        separator = ","
    yield "[]" if separator == "[" else "]"
