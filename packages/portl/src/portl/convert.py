"""Text to values, strictly: what a column's or a parameter's type says. Touches nothing.

No function guesses: a text that is not exactly of the type is an error that shows it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any


class ConversionError(ValueError):
    """A text is not of the type; the message is a clause without a full stop."""


_INTEGER = re.compile(r"[-+]?[0-9]{1,1000}")
_DECIMAL = re.compile(r"[-+]?([0-9]{1,1000}(\.[0-9]{0,1000})?|\.[0-9]{1,1000})([eE][-+]?[0-9]{1,3})?")
_BOOLEANS = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), False),
}


def to_integer(text: str) -> int:
    """A whole number: digits with a sign. Raises ConversionError."""
    try:
        return int(text) if _INTEGER.fullmatch(text) else int(_stripped(text, _INTEGER, "whole number"))
    except ValueError as error:
        raise error if isinstance(error, ConversionError) else _refused(text, "whole number") from None


def to_decimal(text: str) -> Decimal:
    """An exact number; the point is the decimal sign. Raises ConversionError."""
    if not _DECIMAL.fullmatch(text):
        text = _stripped(text, _DECIMAL, "number")
    return Decimal(text)


def to_float(text: str) -> float:
    """A floating-point number. Raises ConversionError."""
    return float(text if _DECIMAL.fullmatch(text) else _stripped(text, _DECIMAL, "number"))


def to_boolean(text: str) -> bool:
    """True for true, t, yes, y, on, 1; false for false, f, no, n, off, 0. Raises ConversionError."""
    try:
        return _BOOLEANS[text.strip().lower()]
    except KeyError:
        raise _refused(text, "true or false") from None


def to_date(text: str, form: str | None = None) -> date:
    """A date, by `form` as in strptime or in ISO 8601. Raises ConversionError."""
    try:
        if form is None:
            return date.fromisoformat(text.strip())
        return datetime.strptime(text.strip(), form).date()  # noqa: DTZ007  # a date has no zone
    except ValueError:
        raise _refused(text, f"date like {form or 'YYYY-MM-DD'}") from None


def to_datetime(text: str, form: str | None = None) -> datetime:
    """A date with time, by `form` as in strptime or in ISO 8601; without a zone where the text has none.

    Raises ConversionError.
    """
    try:
        if form is None:
            return datetime.fromisoformat(text.strip())
        return datetime.strptime(text.strip(), form)  # noqa: DTZ007  # the text says whether there is a zone
    except ValueError:
        raise _refused(text, f"date and time like {form or 'YYYY-MM-DD HH:MM:SS'}") from None


def to_json(text: str) -> Any:
    """The value of a JSON text; fractions as exact decimals. Raises ConversionError."""
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError, InvalidOperation):  # the last: an exponent beyond what decimals have
        raise _refused(text, "JSON") from None


def scaled(scale: int) -> Callable[[str], Decimal]:
    """`to_decimal` that refuses more than `scale` digits after the point, and gives exactly as many."""
    step = Decimal(1).scaleb(-scale)

    def to_scaled(text: str) -> Decimal:
        number = to_decimal(text)
        try:
            result = number.quantize(step)
        except InvalidOperation:
            raise _refused(text, "number of at most 28 digits") from None
        if result != number:
            raise _refused(text, f"number with at most {scale} digits after the point")
        return result

    return to_scaled


CONVERTERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": to_integer,
    "float": to_float,
    "decimal": to_decimal,
    "boolean": to_boolean,
    "date": to_date,
    "datetime": to_datetime,
    "json": to_json,
}


def convert(text: str, kind: str) -> Any:
    """`text` as a value of `kind`, a key of `CONVERTERS`. Raises ConversionError."""
    return CONVERTERS[kind](text)


def _stripped(text: str, pattern: re.Pattern[str], what: str) -> str:
    bare = text.strip()
    if not pattern.fullmatch(bare):
        raise _refused(text, what)
    return bare


def _no_constant(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _refused(text: str, what: str) -> ConversionError:
    shown = text if len(text) <= 60 else f"{text[:57]}…"
    article = "" if what in ("JSON", "true or false") else "a "
    return ConversionError(f"'{shown}' is not {article}{what}")
