"""What a dot, brackets and a method call mean in an expression: items first, and attributes from a short list only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from ..errors import TemplateError
from ..jsontext import dumps
from . import bounds


class Missing:
    """What a last hop gives when there is nothing, where that is forgiven: in `coalesce`, `default`, `is defined`."""

    def __repr__(self) -> str:
        return "missing"


MISSING = Missing()

_ATTRIBUTES: dict[type, frozenset[str]] = {
    date: frozenset({"year", "month", "day"}),
    datetime: frozenset({"year", "month", "day", "hour", "minute", "second", "microsecond"}),
}


def get(value: Any, key: Any) -> Any:
    """`value.key` or `value[key]`. Raises TemplateError where there is no such item."""
    found = soft(value, key)
    if found is MISSING:
        raise _nothing(value, key)
    return found


def soft(value: Any, key: Any) -> Any:
    """As `get`, but `MISSING` where there is no such item, or nothing at all."""
    if isinstance(value, Mapping):
        try:
            return value.get(key, MISSING)
        except TypeError:
            raise TemplateError(f"{bounds.kind_of(key)} cannot be a key.") from None
    if isinstance(key, str):
        return getattr(value, key) if key in _ATTRIBUTES.get(type(value), ()) else MISSING
    if isinstance(key, int) and not isinstance(key, bool) and hasattr(type(value), "__getitem__"):
        try:
            return value[key]
        except (IndexError, KeyError):
            return MISSING
    return MISSING


def hop(row: Any, index: int, name: str) -> Any:
    """A column of a row that may be null."""
    if row is None:
        raise _nothing(None, name)
    return row[index]


def as_row(columns: tuple[str, ...], row: Any) -> dict[str, Any] | None:
    """A row as a mapping; null stays null."""
    return None if row is None else dict(zip(columns, row, strict=True))


def cut(value: Any, start: Any, stop: Any, step: Any) -> Any:
    """`value[start:stop:step]` of a text or list."""
    if not isinstance(value, str | list | tuple):
        raise TemplateError(f"{bounds.kind_of(value)} has no parts to cut.")
    return value[start:stop:step]


def call(value: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    """`value.name(…)`: a method from a short list. Raises TemplateError for any other."""
    methods = next((table for kind, table in _METHODS if isinstance(value, kind)), {})
    method = methods.get(name)
    if method is None:
        known = ", ".join(sorted(methods))
        hint = f"There are: {known}." if known else None
        raise TemplateError(f"{bounds.kind_of(value)} has no method '{name}'.", hint=hint)
    return method(value, *args, **kwargs)


def text(value: Any) -> str:
    """A value as it appears inside text: numbers and dates as in ISO, lists and mappings as JSON; null is refused."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]  # a str; called for each value, so nothing else is
    if value is None:
        raise TemplateError("null cannot stand inside text.", hint="Say what to write instead: coalesce(…, '').")
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        try:
            return str(value)
        except ValueError:
            bounds.too_much("a text of more digits than a number may have")
    if kind is float or kind is Decimal:
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        raise TemplateError("Bytes cannot stand inside text.")
    if isinstance(value, dict | list | tuple):
        return bounds.checked_text(dumps(value))
    return str(value)


def items_of(value: Any) -> Any:
    """`value`, if it is a list of something; one of unknown length is read, up to a bound. Raises TemplateError."""
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


def join_text(*values: Any) -> str:
    """`a ~ b`."""
    return bounds.checked_text("".join(map(text, values)))


def truth(value: Any) -> bool:
    """A condition's value. Raises TemplateError for text, where "false" would be true."""
    if isinstance(value, str | bytes):
        raise TemplateError(
            f"A condition cannot be a text: '{str(value)[:40]}'.",
            hint="Compare it: … == 'yes'; or test it: … is not none.",
        )
    return bool(value)


def _nothing(value: Any, key: Any) -> TemplateError:
    if value is None:
        return TemplateError(f"null has no '{key}'.", hint="Use coalesce(…, other), or test it first: … is not none.")
    if isinstance(value, Mapping):
        close = get_close_matches(str(key), list(map(str, value)), n=1)
        shown = ", ".join(list(map(str, value))[:20])
        hint = f"Did you mean '{close[0]}'?" if close else f"There are: {shown}." if shown else "It is empty."
        return TemplateError(f"There is no '{key}'.", hint=hint)
    if isinstance(key, int) and isinstance(value, str | list | tuple):
        return TemplateError(f"There is no item {key}; there are {len(value)}.")
    return TemplateError(f"{bounds.kind_of(value).capitalize()} has no '{key}'.")


def _replace(value: str, old: str, new: str) -> str:
    if value.count(old) * max(0, len(new) - len(old)) + len(value) > bounds.MAX_TEXT:
        bounds.too_much(f"a text of more than {bounds.MAX_TEXT:,} characters")
    return value.replace(old, new)


def _no_format(value: str, *args: Any, **kwargs: Any) -> str:
    raise TemplateError("Text has no method 'format' here.", hint="Join texts with '~'.")


def format_date(value: date, form: str) -> str:
    """A date as text, by `form` as in strftime."""
    if len(form) > 100 or re.search(r"%[^A-Za-z%-]", form):
        raise TemplateError(f"'{form[:40]}' is no format of a date.", hint="It looks like '%Y-%m-%d'.")
    return value.strftime(form)


def _strftime(value: date, form: str) -> str:
    return format_date(value, form)


_TEXT: dict[str, Callable[..., Any]] = {
    **{
        name: getattr(str, name)
        for name in (
            "upper lower title capitalize strip lstrip rstrip startswith endswith split rsplit splitlines partition "
            "rpartition find count isdigit isalpha isalnum isnumeric isdecimal isspace isupper islower removeprefix "
            "removesuffix casefold swapcase"
        ).split()
    },
    "replace": _replace,
    "format": _no_format,
    "format_map": _no_format,
}
_METHODS: tuple[tuple[type, dict[str, Callable[..., Any]]], ...] = (
    (str, _TEXT),
    (
        dict,
        {
            "get": dict.get,
            "keys": list,
            "values": lambda value: list(value.values()),
            "items": lambda value: [list(pair) for pair in value.items()],
        },
    ),
    (list, {"index": list.index, "count": list.count}),
    (date, {"isoformat": lambda value: value.isoformat(), "strftime": _strftime}),
)
