"""Updates: each row of input says which rows of the table it means, and what to write there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portl.connectors.identifiers import require_columns, require_writable, resolve_returning
from portl.connectors.operations import Change, Rows, Table, WriteResult
from portl.connectors.refusals import require_where, unexpected_count
from portl.connectors.staged import Numbers
from portl.errors import ConnectorError

from .session import Session
from .staging import Loader
from .statements import ChangeSql, Stage


def statements(operation: Change, table: Table, stage_name: str) -> ChangeSql:
    """The statements of `operation`. Raises SchemaError where the table does not have what it names."""
    require_writable(table, operation.set)
    require_columns(table, operation.where)
    columns = [(name, name) for name in operation.set] + [(f"={name}", name) for name in operation.where]
    returning = resolve_returning(table, operation.returning)
    return ChangeSql(table, Stage.of(stage_name, columns), operation.set, operation.where, returning)


class ChangeWriter:
    """One update step."""

    def __init__(self, session: Session, operation: Change, table: Table) -> None:
        self._session = session
        self._expected = operation.expect_rows
        self._sql = statements(operation, table, session.new_name("stage"))
        columns = [table.columns[name] for name in (*operation.set, *operation.where)]
        self._loader = Loader(session, table, self._sql.stage, columns)
        self._keys = tuple(f"={name}" for name in operation.where)
        self._started = False
        self.columns = (*self._sql.returning, "updated", "changed")

    def write(self, rows: Rows, indexes: Sequence[int]) -> WriteResult:
        """See `Writer.write`."""
        if not rows:
            return WriteResult({name: [] for name in self.columns})
        require_where(self._sql.where, len(self._sql.set), rows, indexes)
        if self._started:
            self._loader.empty()
        else:
            self._loader.create(required=())
            self._started = True
        self._loader.fill(rows, indexes)
        outcome = _Outcome()
        groups = self._loader.groups(self._keys)
        if groups is None:
            self._apply(None, outcome)
        # Rows that mean the same rows of the table are applied one after the other.
        for numbers in groups or ():
            self._apply(numbers, outcome)
        return self._result(outcome)

    def finish(self) -> None:
        """See `Writer.finish`; nothing is left to do."""

    def _apply(self, numbers: Numbers, outcome: _Outcome) -> None:
        matched = self._session.run(self._sql.match(numbers))
        for number, *returned in matched:
            outcome.matched.setdefault(number, []).append(returned)
        self._require_expected(outcome, self._loader.indexes if numbers is None else numbers)
        for number, *returned in self._updated(numbers):
            outcome.changed.setdefault(number, []).append(returned)

    def _updated(self, numbers: Numbers) -> list[Any]:
        def apply(numbers: Numbers) -> list[Any]:
            return self._session.protected(self._sql.update(numbers))

        try:
            return apply(numbers)
        except ConnectorError as error:
            raise self._loader.explain(error, apply) from error

    def _require_expected(self, outcome: _Outcome, numbers: Sequence[int]) -> None:
        if self._expected is None:
            return
        for number in numbers:
            count = len(outcome.matched.get(number, ()))
            if count != self._expected:
                values = self._loader.row_at(number)[len(self._sql.set) :]
                raise unexpected_count(
                    self._sql.table, self._sql.where, values, number, count=count, expected=self._expected
                )

    def _result(self, outcome: _Outcome) -> WriteResult:
        indexes = self._loader.indexes
        counts = [len(outcome.matched.get(index, ())) for index in indexes]
        columns: dict[str, list[Any]] = {
            name: [outcome.single(index, place) for index in indexes] for place, name in enumerate(self._sql.returning)
        }
        columns |= {"updated": counts, "changed": [index in outcome.changed for index in indexes]}
        return WriteResult(columns, updated=sum(map(len, outcome.changed.values())))


class _Outcome:
    """What became of the chunk so far: `{index: returned columns of each row}`."""

    def __init__(self) -> None:
        self.matched: dict[int, list[list[Any]]] = {}
        self.changed: dict[int, list[list[Any]]] = {}

    def single(self, index: int, place: int) -> Any:
        """One returned column of the only row that was meant; None for none or several."""
        rows = self.changed.get(index) or self.matched.get(index) or []
        return rows[0][place] if len(self.matched.get(index, ())) == 1 else None
