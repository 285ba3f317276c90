"""Functions of expressions that work on lists."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ..errors import TemplateError
from . import bounds
from .access import MISSING, items_of, soft
from .access import text as as_text
from .texts import tojson

_NOTHING: Any = object()


def length(value: Any) -> int:
    """How many items or characters."""
    if not hasattr(type(value), "__len__"):
        raise TemplateError(f"{bounds.kind_of(value).capitalize()} has no length.")
    return len(value)


def first(value: Any) -> Any:
    """The first item; null where there is none."""
    return next(iter(items_of(value)), None)


def last(value: Any) -> Any:
    """The last item; null where there is none."""
    items = items_of(value)
    return items[len(items) - 1] if len(items) else None


def join(value: Any, separator: str = "", attribute: str | None = None) -> str:
    """The items as one text with `separator` between; nulls are left out."""
    parts, size = [], 0
    for item in items_of(value):
        found = item if attribute is None else attribute_of(item, attribute)
        if found is not None:
            parts.append(as_text(found))
            size += len(parts[-1]) + len(separator)
            if size > bounds.MAX_TEXT:
                bounds.too_much(f"a text of more than {bounds.MAX_TEXT:,} characters")
    return separator.join(parts)


def as_list(value: Any) -> list[Any]:
    """As a list; of a text, its characters."""
    return list(value if isinstance(value, str) else items_of(value))


def ordered(value: Any, reverse: bool = False, attribute: str | None = None) -> list[Any]:
    """Sorted, by `attribute` where it is given."""
    return sorted(
        items_of(value), key=lambda item: item if attribute is None else attribute_of(item, attribute), reverse=reverse
    )


def unique(value: Any) -> list[Any]:
    """Each item once, in the order of first appearance."""
    seen: dict[str, Any] = {}
    for item in items_of(value):
        seen.setdefault(tojson(item), item)
    return list(seen.values())


def reverse(value: Any) -> Any:
    """In the opposite order."""
    return value[::-1] if isinstance(value, str) else list(items_of(value))[::-1]


def total(value: Any, attribute: str | None = None) -> Any:
    """The sum of numbers."""
    numbers = [item if attribute is None else attribute_of(item, attribute) for item in items_of(value)]
    for number in numbers:
        if not isinstance(number, int | float | Decimal):
            raise TemplateError(f"sum adds numbers, not {bounds.kind_of(number)}.")
    return sum(numbers)


def smallest(*values: Any) -> Any:
    """The smallest of its arguments, or of the items of one list; null where there is none."""
    return min(items_of(values[0]) if len(values) == 1 else values, default=None)


def largest(*values: Any) -> Any:
    """The largest of its arguments, or of the items of one list; null where there is none."""
    return max(items_of(values[0]) if len(values) == 1 else values, default=None)


def selected(value: Any, attribute: str, wanted: Any = _NOTHING) -> list[Any]:
    """The items whose `attribute` equals `wanted`, or is true where nothing is wanted."""
    return [item for item in items_of(value) if _matches(item, attribute, wanted)]


def rejected(value: Any, attribute: str, wanted: Any = _NOTHING) -> list[Any]:
    """The items that `select` leaves out."""
    return [item for item in items_of(value) if not _matches(item, attribute, wanted)]


def json_path(value: Any, path: str) -> Any:
    """What a JSONPath finds: a list where it can find several (`*`, `..`, slices), else one value or null."""
    from .jsonpath import find  # noqa: PLC0415  # its library takes long to import

    return find(value, path)


def _matches(item: Any, attribute: str, wanted: Any) -> bool:
    found = soft(item, attribute)
    found = None if found is MISSING else found
    return bool(found) if wanted is _NOTHING else bool(found == wanted)


def attribute_of(item: Any, attribute: str) -> Any:
    """An item's `attribute`; null where it has none. Raises TemplateError for one that is closed."""
    if attribute.startswith("_"):
        raise TemplateError(f"There is no '{attribute}'.")
    found = soft(item, attribute)
    return None if found is MISSING else found
