"""The lines that a step writes into a file or a sheet: one for each item, by its mapping or as the item is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..context import RunContext
from ..errors import TemplateError
from ..plan import PlannedStep
from ..template.rows import Chunk, RowFailure, values_function
from ..template.scope import Key, Scope
from ..template.syntax import parse_expression
from .fields import Field, fields_of, needed_by_step, passed, require_fields
from .mapped import Mapped


class Lines:
    """Makes the lines of a step's items."""

    names: tuple[str, ...] | None
    """The columns; known after the first chunk at the latest, where there is an item."""
    keys: tuple[Key, ...]
    mapped: Mapped | None = None
    """What makes them; None where the items themselves are written."""

    def __init__(self, planned: PlannedStep, scope: Scope, context: RunContext) -> None:
        source = context.source(planned)
        fields = _fields(planned, source.columns)
        if fields is None:
            assert planned.batch is not None  # noqa: S101  # the plan refuses a step without one
            self.names = None
            self._values = values_function(parse_expression(planned.batch.alias), scope)
            self.keys = self._values.keys
            return
        self.names = tuple(name for name, _ in fields)
        require_fields(planned, self.names)
        needed = needed_by_step(planned)
        self.mapped = Mapped(planned, fields, scope, context.rejects_of(planned), needed, source)
        self.keys = self.mapped.keys

    def of(self, chunk: Chunk) -> Sequence[Sequence[Any]]:
        """The lines of a chunk, which `mapped` has taken. Raises RowFailure."""
        if self.mapped is not None:
            return self.mapped.rows()
        return [self._plain(value, place) for place, value in enumerate(self._values(chunk))]

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


def _fields(planned: PlannedStep, columns: tuple[str, ...] | None) -> list[Field] | None:
    """The columns that are written; None where the items tell."""
    if planned.step.mapping is not None or planned.step.pass_through is not None:
        return fields_of(planned, columns)
    return None if columns is None else passed(planned, {name: name for name in columns})


def _failure(what: str, place: int) -> TemplateError:
    failure = RowFailure(what, hint="Say what to write: mapping: {column: …}.")
    failure.place = place
    return failure
