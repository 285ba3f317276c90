"""Functions of expressions that make numbers, dates and values of JSON; strict: what is not of the type is an error."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from .. import convert
from ..convert import ConversionError
from ..errors import TemplateError
from . import access, bounds
from .access import text as as_text

_NOTHING: Any = object()


def fromjson(value: Any) -> Any:
    """The value of a JSON text; fractions as exact decimals."""
    return None if value is None else _converted(convert.to_json, as_text(value), _NOTHING)


def to_int(value: Any, default: Any = _NOTHING) -> Any:
    """As a whole number; `default` for a text that is none. Null stays null."""
    if value is None or type(value) is int:
        return value
    if isinstance(value, str):
        if len(value) < 300 and value.isascii() and value.isdigit():
            return int(value)
        return _converted(convert.to_integer, value, default)
    if isinstance(value, bool | float | Decimal):
        try:
            return bounds.whole(value)
        except (OverflowError, ValueError):
            raise TemplateError(f"{value} is not a whole number.") from None
    raise TemplateError(f"{bounds.kind_of(value).capitalize()} is no number.")


def to_float(value: Any, default: Any = _NOTHING) -> Any:
    """As a floating-point number; `default` for a text that is none. Null stays null."""
    if value is None:
        return None
    if isinstance(value, str):
        return _converted(convert.to_float, value, default)
    if isinstance(value, int | float | Decimal):
        return float(value)
    raise TemplateError(f"{bounds.kind_of(value).capitalize()} is no number.")


def to_decimal(value: Any, scale: int | None = None) -> Any:
    """As an exact number, rounded half up to `scale` digits after the point where that is given. Null stays null."""
    if value is None:
        return None
    if isinstance(value, float):
        value = repr(value)
    if isinstance(value, str):
        value = _converted(convert.to_decimal, value, _NOTHING)
    if not isinstance(value, int | Decimal):
        raise TemplateError(f"{bounds.kind_of(value).capitalize()} is no number.")
    return Decimal(value) if scale is None else _quantized(Decimal(value), scale, ROUND_HALF_UP)


def to_bool(value: Any) -> Any:
    """As true or false, from a text as `yes`, `1`, `f`. Null stays null."""
    if value is None or isinstance(value, bool):
        return value
    return _converted(convert.to_boolean, as_text(value), _NOTHING)


def to_date(value: Any, form: str | None = None) -> Any:
    """As a date, by `form` as in strptime or from ISO 8601. Null stays null."""
    if isinstance(value, datetime):
        return value.date()
    if value is None or isinstance(value, date):
        return value
    return _converted(lambda text: convert.to_date(text, form), as_text(value), _NOTHING)


def to_datetime(value: Any, form: str | None = None) -> Any:
    """As a date with time, by `form` as in strptime or from ISO 8601. Null stays null."""
    if value is None or isinstance(value, datetime):
        return value
    return _converted(lambda text: convert.to_datetime(text, form), as_text(value), _NOTHING)


def format_date(value: Any, form: str) -> str | None:
    """A date as text, by `form` as in strftime. Null stays null."""
    if value is None:
        return None
    if not isinstance(value, date):
        raise TemplateError(f"{bounds.kind_of(value).capitalize()} is no date.", hint="Convert it: to_date(…).")
    return access.format_date(value, form)


def _converted(function: Callable[[str], Any], text: str, default: Any) -> Any:
    try:
        return function(text)
    except ConversionError as error:
        if default is not _NOTHING:
            return default
        raise TemplateError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None


def rounded(value: Any, digits: int = 0, method: str = "common") -> Any:
    """Rounded to `digits` after the point: `common` (half to even), `half_up`, `ceil` or `floor`. Null stays null."""
    modes = {"common": ROUND_HALF_EVEN, "half_up": ROUND_HALF_UP, "ceil": ROUND_CEILING, "floor": ROUND_FLOOR}
    if value is None:
        return None
    if not isinstance(value, int | float | Decimal) or isinstance(value, bool):
        raise TemplateError(f"{bounds.kind_of(value).capitalize()} is no number.")
    if method not in modes:
        raise TemplateError(f"round has no method '{method}'.", hint=f"There are: {', '.join(modes)}.")
    if not -30 <= digits <= 30:
        raise TemplateError(f"round takes -30 to 30 digits, not {digits}.")
    if isinstance(value, float):
        if not math.isfinite(value):
            raise TemplateError(f"{value} cannot be rounded.")
        return float(_quantized(Decimal(repr(value)), digits, modes[method]))
    result = _quantized(Decimal(value), digits, modes[method])
    return int(result) if isinstance(value, int) else result


def _quantized(value: Decimal, digits: int, mode: str) -> Decimal:
    if not -30 <= digits <= 30:
        raise TemplateError(f"A number has -30 to 30 digits after the point, not {digits}.")
    if not value.is_finite() or value.adjusted() + digits > bounds.MAX_EXPONENT:
        raise TemplateError(f"{value} cannot be rounded to {digits} digits.")
    step = Decimal(1).scaleb(-digits)
    with localcontext(prec=max(28, value.adjusted() + digits + 5)):
        return value.quantize(step, rounding=mode) if digits >= 0 else (value / step).quantize(Decimal(1), mode) * step


def absolute(value: Any) -> Any:
    """Without its sign. Null stays null."""
    return None if value is None else abs(value)


def make_range(*bounds_of: int) -> range:
    """Whole numbers from a start (0) up to, not including, an end, in steps."""
    numbers = range(*bounds_of)
    if len(numbers) > bounds.MAX_ITEMS:
        bounds.too_much(f"more than {bounds.MAX_ITEMS:,} items")
    return numbers
