"""The rows that a step makes of its items: computed at once, and one by one where something is wrong.

Stage: chunks of items → rows, and which items they are of. What is wrong goes to the step's `Rejects`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from operator import itemgetter
from typing import Any

from ..batch.rejects import Rejects
from ..batch.rows import Locator, Rows
from ..errors import PortlError, RowError, TemplateError
from ..plan import PlannedStep
from ..template.rows import Chunk, rows_function
from ..template.scope import Scope
from ..template.singly import Singles
from ..template.syntax import Template
from .fields import Field

Row = tuple[Any, ...]


class Mapped:
    """The rows of one step. `needed` says in which columns a null is refused, and the error for it."""

    def __init__(
        self,
        planned: PlannedStep,
        fields: Sequence[Field],
        scope: Scope,
        rejects: Rejects,
        needed: Mapping[str, Callable[[int], RowError]],
        source: Rows | None,
    ) -> None:
        self.rejects = rejects
        self._rows: Sequence[Row] = ()
        self._planned = planned
        self._fields = fields
        self._scope = scope
        self._templates: list[Template] = [template for _, template in fields]
        self._compute = rows_function(self._templates, scope)
        self._needed = [(place, needed[name]) for place, (name, _) in enumerate(fields) if name in needed]
        self._source = source
        self.keys = self._compute.keys
        if rejects.letters is not None and source is not None and source.columns is not None:
            rejects.letters.columns = source.columns

    def take(self, chunk: Chunk) -> list[bool] | None:
        """Make the rows of a chunk; None where every item gives one, else which do."""
        rows = self._compute.attempt(chunk)
        if rows is None:
            rows = list(self._sifted(chunk, 0, len(chunk)))
        elif not any(None in map(itemgetter(place), rows) for place, _ in self._needed):
            self._rows = rows
            return None
        taken = [self._is_good(chunk, place, row) for place, row in enumerate(rows)]
        self._rows = [row for row, good in zip(rows, taken, strict=True) if good and row is not None]
        return taken

    def rows(self) -> Sequence[Row]:
        """Those of the items that the last `take` took; given once, so that no two chunks are in memory."""
        rows, self._rows = self._rows, ()
        return rows

    def _sifted(self, chunk: Chunk, first: int, last: int) -> Iterator[Row | None]:
        """The rows of some items of which one at least has none; None for those."""
        if last - first == 1:
            yield None
            return
        middle = (first + last) // 2
        for start, end in ((first, middle), (middle, last)):
            rows = self._compute.attempt(chunk.part(start, end))
            yield from self._sifted(chunk, start, end) if rows is None else rows

    def _is_good(self, chunk: Chunk, place: int, row: Row | None) -> bool:
        errors: list[PortlError] = []
        if row is None and self.rejects.asks_why:
            for failure in self._singles.failures(chunk, place):
                failure.column = self._fields[failure.number][0]
                errors.append(failure)
            errors = errors or [TemplateError("Its values cannot be computed.")]
        elif row is not None:
            errors += [error(chunk.indexes[place]) for number, error in self._needed if row[number] is None]
            if not errors:
                return True
        index = chunk.indexes[place]
        self.rejects.add(index, errors, partial(self._place, index), partial(self._values, chunk, place))
        return False

    def _place(self, index: int) -> str:
        return (self._locator.at(index) if self._locator is not None else "") or f"item {index}"

    @cached_property
    def _locator(self) -> Locator | None:
        return None if self._source is None else self._source.locator()

    def _values(self, chunk: Chunk, place: int) -> Sequence[Any]:
        """What was in an item."""
        batch = self._planned.batch
        assert batch is not None  # noqa: S101  # only a step with items leaves some out
        value = chunk.of((batch.alias,))[place]
        has_columns = self._source is not None and self._source.columns is not None
        return value if has_columns and value is not None else (value,)

    @cached_property
    def _singles(self) -> Singles:
        return Singles(self._templates, self._scope)
