"""What expressions can call, as `name(value, …)` or `value | name(…)`: one table of pure, bounded functions.

Functions on text give null for null, as databases do. None of them guesses: what is not of the right type is an error.
`coalesce` and `default` are not here: they forgive, so `portl.template.lower` writes them out. `now` belongs to a run.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from typing import Any
from urllib.parse import quote

from .. import convert, jsontext
from ..convert import ConversionError
from ..errors import TemplateError
from . import access, bounds
from .access import MISSING, soft
from .access import text as as_text

_NOTHING: Any = object()


def _texts(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make `function` give null for null, and refuse anything but text."""

    def checked(value: Any, *args: Any, **kwargs: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, str):
            raise TemplateError(f"{bounds.kind_of(value).capitalize()} is no text.", hint="Convert it: string(…).")
        return function(value, *args, **kwargs)

    checked.__name__ = function.__name__
    checked.__doc__ = function.__doc__
    return checked


@_texts
def lower(value: str) -> str:
    """In small letters."""
    return value.lower()


@_texts
def upper(value: str) -> str:
    """In capitals."""
    return value.upper()


@_texts
def title(value: str) -> str:
    """Each word with a capital."""
    return value.title()


@_texts
def capitalize(value: str) -> str:
    """The first letter as a capital, the rest small."""
    return value.capitalize()


@_texts
def trim(value: str, chars: str | None = None) -> str:
    """Without blanks, or `chars`, at both ends."""
    return value.strip(chars)


@_texts
def replace(value: str, old: str, new: str) -> str:
    """With every `old` replaced by `new`."""
    if value.count(old) * max(0, len(new) - len(old)) + len(value) > bounds.MAX_TEXT:
        bounds.too_much(f"a text of more than {bounds.MAX_TEXT:,} characters")
    return value.replace(old, new)


@_texts
def split(value: str, separator: str | None = None) -> list[str]:
    """Its parts between `separator`, or between blanks."""
    return value.split(separator)


@_texts
def truncate(value: str, length: int) -> str:
    """Its first `length` characters."""
    return value[: max(0, length)]


def _pad(left: bool) -> Callable[..., Any]:
    def pad(value: str, width: int, fill: str = " ") -> str:
        if width > bounds.MAX_TEXT:
            bounds.too_much(f"a text of more than {bounds.MAX_TEXT:,} characters")
        return value.rjust(width, fill) if left else value.ljust(width, fill)

    pad.__doc__ = f"At least `width` characters, filled on the {'left' if left else 'right'} with `fill`."
    return _texts(pad)


def urlencode(value: Any) -> str:
    """Percent-encoded for one segment of a path or one value of a query; null is refused."""
    return bounds.checked_text(quote(as_text(value), safe=""))


def string(value: Any) -> str | None:
    """As text; null stays null."""
    return None if value is None else as_text(value)


def concat(*values: Any) -> str:
    """All values as one text; nulls are left out."""
    return bounds.checked_text("".join(as_text(value) for value in values if value is not None))


def md5(value: Any) -> str | None:
    """MD5 of a text's UTF-8, as 32 hexadecimal digits. For comparing, not for security."""
    return _hashed(value, lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest())


def sha256(value: Any) -> str | None:
    """SHA-256 of a text's UTF-8, as 64 hexadecimal digits."""
    return _hashed(value, lambda data: hashlib.sha256(data).hexdigest())


def _hashed(value: Any, function: Callable[[bytes], str]) -> str | None:
    if value is None:
        return None
    return function(value if isinstance(value, bytes) else as_text(value).encode("utf-8", "surrogatepass"))


def b64encode(value: Any) -> str | None:
    """Base64 of a text's UTF-8."""
    if value is None:
        return None
    data = value if isinstance(value, bytes) else as_text(value).encode("utf-8", "surrogatepass")
    return bounds.checked_text(base64.b64encode(data).decode())


def tojson(value: Any) -> str:
    """As JSON: compact, keys sorted, so that equal values give equal texts."""
    try:
        return bounds.checked_text(jsontext.dumps(_sorted(value)))
    except ValueError as error:
        raise TemplateError(f"This has no form in JSON: {error}.") from None


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, str) or not isinstance(value, Iterable):
        return value
    return [_sorted(item) for item in _items(value)]


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


def length(value: Any) -> int:
    """How many items or characters."""
    if not hasattr(type(value), "__len__"):
        raise TemplateError(f"{bounds.kind_of(value).capitalize()} has no length.")
    return len(value)


def first(value: Any) -> Any:
    """The first item; null where there is none."""
    return next(iter(_items(value)), None)


def last(value: Any) -> Any:
    """The last item; null where there is none."""
    items = _items(value)
    return items[len(items) - 1] if len(items) else None


def join(value: Any, separator: str = "", attribute: str | None = None) -> str:
    """The items as one text with `separator` between; nulls are left out."""
    parts, size = [], 0
    for item in _items(value):
        found = item if attribute is None else _attribute(item, attribute)
        if found is not None:
            parts.append(as_text(found))
            size += len(parts[-1]) + len(separator)
            if size > bounds.MAX_TEXT:
                bounds.too_much(f"a text of more than {bounds.MAX_TEXT:,} characters")
    return separator.join(parts)


def as_list(value: Any) -> list[Any]:
    """As a list; of a text, its characters."""
    return list(value if isinstance(value, str) else _items(value))


def ordered(value: Any, reverse: bool = False, attribute: str | None = None) -> list[Any]:
    """Sorted, by `attribute` where it is given."""
    return sorted(
        _items(value), key=lambda item: item if attribute is None else _attribute(item, attribute), reverse=reverse
    )


def unique(value: Any) -> list[Any]:
    """Each item once, in the order of first appearance."""
    seen: dict[str, Any] = {}
    for item in _items(value):
        seen.setdefault(tojson(item), item)
    return list(seen.values())


def reverse(value: Any) -> Any:
    """In the opposite order."""
    return value[::-1] if isinstance(value, str) else list(_items(value))[::-1]


def total(value: Any, attribute: str | None = None) -> Any:
    """The sum of numbers."""
    numbers = [item if attribute is None else _attribute(item, attribute) for item in _items(value)]
    for number in numbers:
        if not isinstance(number, int | float | Decimal):
            raise TemplateError(f"sum adds numbers, not {bounds.kind_of(number)}.")
    return sum(numbers)


def smallest(*values: Any) -> Any:
    """The smallest of its arguments, or of the items of one list; null where there is none."""
    return min(_items(values[0]) if len(values) == 1 else values, default=None)


def largest(*values: Any) -> Any:
    """The largest of its arguments, or of the items of one list; null where there is none."""
    return max(_items(values[0]) if len(values) == 1 else values, default=None)


def mapped(value: Any, function: str | None = None, *args: Any, attribute: str | None = None) -> list[Any]:
    """Each item's `attribute`, or what the function of that name makes of each item."""
    if attribute is not None:
        return [_attribute(item, attribute) for item in _items(value)]
    called = FUNCTIONS.get(str(function))
    if called is None or called in (mapped, make_range):
        raise TemplateError(f"map knows no function '{function}'.")
    result, size = [], 0
    for item in _items(value):
        result.append(called(item, *args))
        size += len(result[-1]) if isinstance(result[-1], str | list) else 1
        if size > bounds.MAX_TEXT:
            bounds.too_much("a list with too much text in it")
    return result


def selected(value: Any, attribute: str, wanted: Any = _NOTHING) -> list[Any]:
    """The items whose `attribute` equals `wanted`, or is true where nothing is wanted."""
    return [item for item in _items(value) if _matches(item, attribute, wanted)]


def rejected(value: Any, attribute: str, wanted: Any = _NOTHING) -> list[Any]:
    """The items that `select` leaves out."""
    return [item for item in _items(value) if not _matches(item, attribute, wanted)]


def json_path(value: Any, path: str) -> Any:
    """What a JSONPath finds: a list where it can find several (`*`, `..`, slices), else one value or null."""
    from .jsonpath import find  # noqa: PLC0415  # its library takes long to import

    return find(value, path)


def _matches(item: Any, attribute: str, wanted: Any) -> bool:
    found = soft(item, attribute)
    found = None if found is MISSING else found
    return bool(found) if wanted is _NOTHING else bool(found == wanted)


def _attribute(item: Any, attribute: str) -> Any:
    if attribute.startswith("_"):
        raise TemplateError(f"There is no '{attribute}'.")
    found = soft(item, attribute)
    return None if found is MISSING else found


def _items(value: Any) -> Any:
    """`value`, if it is a list of something."""
    if isinstance(value, str | bytes) or value is None or not hasattr(type(value), "__iter__"):
        raise TemplateError(f"{bounds.kind_of(value).capitalize()} is no list.")
    if isinstance(value, Mapping):
        return list(value)
    return value if isinstance(value, list | tuple | range) else _bounded(value)


def _bounded(value: Iterable[Any]) -> list[Any]:
    items = []
    for item in value:
        items.append(item)
        if len(items) > bounds.MAX_ITEMS:
            bounds.too_much(f"a list of more than {bounds.MAX_ITEMS:,} items")
    return items


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": absolute,
    "b64encode": b64encode,
    "bool": to_bool,
    "capitalize": capitalize,
    "concat": concat,
    "count": length,
    "decimal": to_decimal,
    "first": first,
    "float": to_float,
    "format_date": format_date,
    "fromjson": fromjson,
    "int": to_int,
    "join": join,
    "json_path": json_path,
    "last": last,
    "length": length,
    "list": as_list,
    "lower": lower,
    "map": mapped,
    "max": largest,
    "md5": md5,
    "min": smallest,
    "pad_left": _pad(left=True),
    "pad_right": _pad(left=False),
    "range": make_range,
    "reject": rejected,
    "replace": replace,
    "reverse": reverse,
    "round": rounded,
    "select": selected,
    "sha256": sha256,
    "sort": ordered,
    "split": split,
    "string": string,
    "sum": total,
    "title": title,
    "to_bool": to_bool,
    "to_date": to_date,
    "to_datetime": to_datetime,
    "to_decimal": to_decimal,
    "to_float": to_float,
    "to_int": to_int,
    "tojson": tojson,
    "trim": trim,
    "truncate": truncate,
    "unique": unique,
    "upper": upper,
    "urlencode": urlencode,
}
FORGIVING = frozenset({"coalesce", "default", "d"})
"""Functions that take a missing last hop for nothing."""
OF_THE_RUN = frozenset({"now"})
"""Functions whose answer is one for the whole run."""
