"""Rendering for tests: a template, a row and what else there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from portl.errors import TemplateError
from portl.template.rows import Chunk, values_function
from portl.template.scope import Key, Scope, Variable
from portl.template.syntax import parse

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def _constant(path: Key) -> tuple[Any, int]:
    raise TemplateError(f"There is no '{path[0]}' here.")


def render(
    template: Any,
    row: Mapping[str, Any] | None = None,
    items: Mapping[str, Mapping[str, Any] | None] | None = None,
    **values: Any,
) -> Any:
    """The value of `template` for one item. `row` has columns; `items` may be null; `values` are any values."""
    variables: dict[Key, Variable] = {("idx",): Variable()}
    found: dict[Key, Sequence[Any]] = {}
    if row is not None:
        variables["row",] = Variable(tuple(row))
        found["row",] = [tuple(row.values())]
    for name, item in (items or {}).items():
        variables["item", name] = Variable(tuple(item or ("id", "status")), nullable=True)
        found["item", name] = [None if item is None else tuple(item.values())]
    for name, value in values.items():
        variables[name,] = Variable()
        found[name,] = [value]
    scope = Scope(variables, _constant, {"now": lambda: NOW})
    return values_function(parse(template), scope)(Chunk((7,), found))[0]
