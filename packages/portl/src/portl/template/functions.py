"""What expressions can call, as `name(value, …)` or `value | name(…)`: one table of pure, bounded functions.

Functions on text give null for null, as databases do. None of them guesses: what is not of the right type is an error.
`coalesce` and `default` are not here: they forgive, so `portl.template.lower` writes them out. `now` belongs to a run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import TemplateError
from . import access, bounds, conversions, lists, texts


def mapped(value: Any, function: str | None = None, *args: Any, attribute: str | None = None) -> list[Any]:
    """Each item's `attribute`, or what the function of that name makes of each item."""
    if attribute is not None:
        return [lists.attribute_of(item, attribute) for item in access.items_of(value)]
    called = FUNCTIONS.get(str(function))
    if called is None or called in (mapped, conversions.make_range):
        raise TemplateError(f"map knows no function '{function}'.")
    result, size = [], 0
    for item in access.items_of(value):
        result.append(called(item, *args))
        size += len(result[-1]) if isinstance(result[-1], str | list) else 1
        if size > bounds.MAX_TEXT:
            bounds.too_much("a list with too much text in it")
    return result


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": conversions.absolute,
    "b64encode": texts.b64encode,
    "bool": conversions.to_bool,
    "capitalize": texts.capitalize,
    "concat": texts.concat,
    "count": lists.length,
    "decimal": conversions.to_decimal,
    "first": lists.first,
    "float": conversions.to_float,
    "format_date": conversions.format_date,
    "fromjson": conversions.fromjson,
    "int": conversions.to_int,
    "join": lists.join,
    "json_path": lists.json_path,
    "last": lists.last,
    "length": lists.length,
    "list": lists.as_list,
    "lower": texts.lower,
    "map": mapped,
    "max": lists.largest,
    "md5": texts.md5,
    "min": lists.smallest,
    "pad_left": texts.padding(left=True),
    "pad_right": texts.padding(left=False),
    "range": conversions.make_range,
    "reject": lists.rejected,
    "replace": texts.replace,
    "reverse": lists.reverse,
    "round": conversions.rounded,
    "select": lists.selected,
    "sha256": texts.sha256,
    "sort": lists.ordered,
    "split": texts.split,
    "string": texts.string,
    "sum": lists.total,
    "title": texts.title,
    "to_bool": conversions.to_bool,
    "to_date": conversions.to_date,
    "to_datetime": conversions.to_datetime,
    "to_decimal": conversions.to_decimal,
    "to_float": conversions.to_float,
    "to_int": conversions.to_int,
    "tojson": texts.tojson,
    "trim": texts.trim,
    "truncate": texts.truncate,
    "unique": lists.unique,
    "upper": texts.upper,
    "urlencode": texts.urlencode,
}
FORGIVING = frozenset({"coalesce", "default", "d"})
"""Functions that take a missing last hop for nothing."""
OF_THE_RUN = frozenset({"now"})
"""Functions whose answer is one for the whole run."""
