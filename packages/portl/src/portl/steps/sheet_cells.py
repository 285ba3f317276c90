"""Values of cells as values of columns, and back. Touches nothing.

A cell holds a number (a double), a boolean or text; a date is a number of days since 30 December 1899, of no time zone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from .. import convert
from ..convert import ConversionError
from ..errors import TemplateError
from ..model.steps import ColumnSpec
from ..template.access import text

FIRST_DAY = datetime(1899, 12, 30)  # noqa: DTZ001  # a sheet's dates have no zone
LONGEST_CELL = 50_000
"""Characters: Google's limit."""
EXACT = 2**53
"""Whole numbers up to here are exact in a cell."""
MISTAKES = frozenset(
    {"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#ERROR!", "#SPILL!", "#CALC!", "Loading..."}
)
"""What a cell holds whose formula has no value."""

Reader = Callable[[Any], Any]


def reader(spec: ColumnSpec | None, default_nulls: tuple[str, ...]) -> Reader:
    """A function that turns a column's cells into its values. It raises ConversionError."""
    nulls = frozenset(default_nulls if spec is None or spec.null_values is None else spec.null_values)
    kind = _as_it_is if spec is None else _kind(spec)
    required = spec is not None and spec.required
    keeps_mistakes = spec is not None and spec.type == "string"

    def read(cell: Any) -> Any:
        if cell is None or cell == "" or (isinstance(cell, str) and cell in nulls):
            if required:
                raise ConversionError("it is required, but the cell is empty")
            return None
        if isinstance(cell, str) and cell in MISTAKES and not keeps_mistakes:
            raise ConversionError(f"the cell holds the error {cell}; null_values may list it")
        return kind(cell)

    return read


def _kind(spec: ColumnSpec) -> Reader:
    if spec.type == "decimal" and spec.scale is not None:
        return partial(_by_text, convert.scaled(spec.scale), "number")
    if spec.type == "date":
        return partial(_date, spec.format)
    if spec.type == "datetime":
        return partial(_datetime, spec.format)
    return _KINDS[spec.type]


def _as_it_is(cell: Any) -> Any:
    return cell


def _string(cell: Any) -> str:
    return cell if isinstance(cell, str) else text(cell)


def _json(cell: Any) -> Any:
    return convert.to_json(cell) if isinstance(cell, str) else cell


def _boolean(cell: Any) -> bool:
    return cell if isinstance(cell, bool) else convert.to_boolean(_digits(cell))


def _float(cell: Any) -> float:
    if isinstance(cell, bool):
        raise _refused(cell, "number")
    return convert.to_float(cell) if isinstance(cell, str) else float(cell)


def _by_text(convert_: Callable[[str], Any], what: str, cell: Any) -> Any:
    """A number has as many digits as it takes to tell it from its neighbours, as people see it."""
    if isinstance(cell, bool):
        raise _refused(cell, what)
    return convert_(_digits(cell))


def _date(form: str | None, cell: Any) -> date:
    if isinstance(cell, str):
        return convert.to_date(cell, form)
    moment = _moment(cell, "date")
    if moment.time() != FIRST_DAY.time():
        raise ConversionError(f"the cell holds {moment.isoformat(sep=' ')}, which is not a date alone")
    return moment.date()


def _datetime(form: str | None, cell: Any) -> datetime:
    return convert.to_datetime(cell, form) if isinstance(cell, str) else _moment(cell, "date and time")


def _moment(cell: Any, what: str) -> datetime:
    """What a serial number means, to the millisecond, which is as exact as a cell is."""
    if isinstance(cell, bool):
        raise _refused(cell, what)
    try:
        return FIRST_DAY + timedelta(milliseconds=round(cell * 86_400_000))
    except OverflowError:
        raise _refused(cell, what) from None


_KINDS: dict[str, Reader] = {
    "string": _string,
    "integer": partial(_by_text, convert.to_integer, "whole number"),
    "float": _float,
    "decimal": partial(_by_text, convert.to_decimal, "number"),
    "boolean": _boolean,
    "json": _json,
}


def _digits(cell: Any) -> str:
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < EXACT else repr(cell)
    return str(cell)


def _refused(cell: Any, what: str) -> ConversionError:
    return ConversionError(f"'{text(cell)}' is not a {what}")


def cell_of(value: Any) -> Any:
    """A value as a cell: text, number or boolean; null as an empty cell. Raises TemplateError.

    Numbers that a cell cannot hold exactly become text, so that no digit is lost; dates are text, as in ISO 8601.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= EXACT else text(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise TemplateError(f"{value} cannot stand in a cell.")
        return value
    if isinstance(value, Decimal):
        return float(value) if value.is_finite() and Decimal(repr(float(value))) == value else text(value)
    written = text(value)
    if len(written) > LONGEST_CELL:
        raise TemplateError(f"A cell holds {LONGEST_CELL:,} characters, not {len(written):,}.")
    return written
