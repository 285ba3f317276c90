"""The lines that a step writes into a file or a sheet: one for each item, by its mapping or as the item is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import TemplateError
from ..plan import PlannedStep
from ..template.rows import Chunk, RowFailure, rows_function, values_function
from ..template.scope import Key, Scope
from ..template.syntax import parse_expression
from .base import pairs


class Lines:
    """Makes the lines of a step's items."""

    names: tuple[str, ...] | None
    """The columns; known after the first chunk at the latest, where there is an item."""
    keys: tuple[Key, ...]

    def __init__(self, planned: PlannedStep, scope: Scope) -> None:
        self._by_key = False
        if planned.step.mapping is not None:
            entries = pairs(planned.templates["mapping"])
            self.names = tuple(name for name, _ in entries)
            self._make = rows_function([template for _, template in entries], scope)
        else:
            assert planned.batch is not None  # noqa: S101  # the plan refuses a step without one
            alias = planned.batch.alias
            self.names = scope.variables[(alias,)].columns
            self._by_key = self.names is None
            templates = [parse_expression(f"{alias}[{name!r}]") for name in self.names or ()]
            whole = parse_expression(alias)
            self._make = values_function(whole, scope) if self._by_key else rows_function(templates, scope)
        self.keys = self._make.keys

    def of(self, chunk: Chunk) -> list[Sequence[Any]]:
        """The lines of a chunk. Raises RowFailure."""
        made = self._make(chunk)
        return [self._plain(value, place) for place, value in enumerate(made)] if self._by_key else made

    def _plain(self, value: Any, place: int) -> list[Any]:
        """The values of a mapping, in the order of the first one's keys."""
        if not isinstance(value, dict):
            raise _failure("The items are no mappings.", place)
        if self.names is None:
            self.names = tuple(value)
        if set(value) != set(self.names):
            what = ", ".join(sorted(set(value) ^ set(self.names)))
            raise _failure(f"The items have different keys: {what}.", place)
        return [value[name] for name in self.names]


def _failure(what: str, place: int) -> TemplateError:
    failure = RowFailure(what, hint="Say what to write: mapping: {column: …}.")
    failure.place = place
    return failure
