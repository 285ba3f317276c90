"""All that the source of expressions can reach, besides what a scope hands in: there are no builtins."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from . import access, bounds


def _number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


NAMES: dict[str, Any] = {
    "__builtins__": {},
    "dict": dict,
    "zip": zip,
    "MISSING": access.MISSING,
    "get": access.get,
    "soft": access.soft,
    "hop": access.hop,
    "as_row": access.as_row,
    "cut": access.cut,
    "call": access.call,
    "text": access.text,
    "join_text": access.join_text,
    "truth": access.truth,
    "multiply": bounds.multiply,
    "modulo": bounds.modulo,
    "test_number": _number,
    "test_integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "test_float": lambda value: isinstance(value, float),
    "test_string": lambda value: isinstance(value, str),
    "test_mapping": lambda value: isinstance(value, Mapping),
    "test_sequence": lambda value: isinstance(value, list | tuple | str),
    "test_iterable": lambda value: hasattr(type(value), "__iter__"),
    "test_boolean": lambda value: isinstance(value, bool),
    "test_true": lambda value: value is True,
    "test_false": lambda value: value is False,
    "test_odd": lambda value: bounds.modulo(value, 2) == 1,
    "test_even": lambda value: bounds.modulo(value, 2) == 0,
    "test_divisibleby": lambda value, number: bounds.modulo(value, number) == 0,
    "test_in": lambda value, items: value in items,
    **dict.fromkeys(("test_eq", "test_equalto"), lambda value, other: value == other),
    "test_ne": lambda value, other: value != other,
    **dict.fromkeys(("test_gt", "test_greaterthan"), lambda value, other: value > other),
    "test_ge": lambda value, other: value >= other,
    **dict.fromkeys(("test_lt", "test_lessthan"), lambda value, other: value < other),
    "test_le": lambda value, other: value <= other,
}
