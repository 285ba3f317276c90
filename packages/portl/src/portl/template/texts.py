"""Functions of expressions that make texts. On null they give null; `portl.template.functions` lists them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from .. import jsontext
from ..errors import TemplateError
from . import bounds
from .access import items_of
from .access import text as as_text


def of_text(function: Callable[..., Any]) -> Callable[..., Any]:
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


@of_text
def lower(value: str) -> str:
    """In small letters."""
    return value.lower()


@of_text
def upper(value: str) -> str:
    """In capitals."""
    return value.upper()


@of_text
def title(value: str) -> str:
    """Each word with a capital."""
    return value.title()


@of_text
def capitalize(value: str) -> str:
    """The first letter as a capital, the rest small."""
    return value.capitalize()


@of_text
def trim(value: str, chars: str | None = None) -> str:
    """Without blanks, or `chars`, at both ends."""
    return value.strip(chars)


@of_text
def replace(value: str, old: str, new: str) -> str:
    """With every `old` replaced by `new`."""
    if value.count(old) * max(0, len(new) - len(old)) + len(value) > bounds.MAX_TEXT:
        bounds.too_much(f"a text of more than {bounds.MAX_TEXT:,} characters")
    return value.replace(old, new)


@of_text
def split(value: str, separator: str | None = None) -> list[str]:
    """Its parts between `separator`, or between blanks."""
    return value.split(separator)


@of_text
def truncate(value: str, length: int) -> str:
    """Its first `length` characters."""
    return value[: max(0, length)]


def padding(*, left: bool) -> Callable[..., Any]:
    def pad(value: str, width: int, fill: str = " ") -> str:
        if width > bounds.MAX_TEXT:
            bounds.too_much(f"a text of more than {bounds.MAX_TEXT:,} characters")
        return value.rjust(width, fill) if left else value.ljust(width, fill)

    pad.__doc__ = f"At least `width` characters, filled on the {'left' if left else 'right'} with `fill`."
    return of_text(pad)


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
    return [_sorted(item) for item in items_of(value)]
