"""Updates: each row of input says which rows of the table it means, and what to write there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portl.connectors.identifiers import require_columns, require_writable, resolve_returning
from portl.connectors.operations import Change, Row, Rows, Table, WriteResult
from portl.connectors.refusals import require_where, unexpected_count
from portl.connectors.staged import Numbers
from portl.errors import ConnectorError

from .answers import Reader
from .session import Session
from .staging import Loader, Writable
from .statements import ChangeSql, Stage
from .tables import require_transactional


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
        self._table = require_transactional(table, operation)
        self._expected = operation.expect_rows
        self._sql = statements(operation, table, session.new_name("stage"))
        columns = [table.columns[name] for name in (*operation.set, *operation.where)]
        self._loader = Loader(session, self._table, self._sql.stage, columns)
        self._reader = Reader(table, self._sql.returning)
        self._keys = tuple(f"={name}" for name in operation.where)
        self._looks = self._must_look()
        self.columns = (*self._sql.returning, "updated", "changed")

    def _must_look(self) -> bool:
        """Whether returned columns may be something else than what was written or was there."""
        primary = self._table.primary_key
        others = set(self._sql.returning) - set(primary) - set(self._sql.set)
        return bool(others & self._table.restless) and bool(primary) and not set(primary) & set(self._sql.set)

    def write(self, rows: Rows, indexes: Sequence[int]) -> WriteResult:
        """See `Writer.write`."""
        if not rows:
            return WriteResult({name: [] for name in self.columns})
        require_where(self._sql.where, len(self._sql.set), rows, indexes)
        self._loader.fill(rows, indexes)
        outcome = _Outcome()
        # Rows that mean the same rows of the table are applied one after the other.
        groups = self._loader.groups(self._keys)
        if groups is None:
            self._apply(None, outcome)
        for numbers in groups or ():
            self._apply(numbers, outcome)
        return self._result(outcome)

    def finish(self) -> None:
        """See `Writer.finish`; nothing is left to do."""

    def _apply(self, numbers: Numbers, outcome: _Outcome) -> None:
        size = len(self._sql.returning)
        found = self._session.fetch(self._sql.match(numbers))
        for number, differs, *values in found:
            outcome.matched.setdefault(number, []).append(tuple(values[:size]))
            outcome.changed[number] = outcome.changed.get(number, 0) + bool(differs)
        self._require_expected(outcome, self._loader.indexes if numbers is None else numbers)
        if any(row[1] for row in found):
            self._update(numbers)
            if self._looks:
                self._look([row for row in found if row[1]], outcome)

    def _update(self, numbers: Numbers) -> None:
        def apply(numbers: Numbers) -> None:
            self._session.write(self._sql.update(numbers))

        self._session.savepoint()
        try:
            apply(numbers)
        except ConnectorError as error:
            raise self._loader.explain(error, apply) from error

    def _look(self, changed: list[Row], outcome: _Outcome) -> None:
        """Read again what the server may have changed by itself."""
        size, width = len(self._table.primary_key), len(self._sql.returning)
        writable = Writable([self._table.columns[name] for name in self._table.primary_key])
        keys = ",".join(f"({writable.text(row[2 + width :], row[0])})" for row in changed)
        found = {row[:size]: row[size:] for row in self._session.fetch(self._sql.look(keys))}
        for row in changed:
            if len(outcome.matched[row[0]]) == 1:
                outcome.matched[row[0]] = [found[row[2 + width :]]]

    def _require_expected(self, outcome: _Outcome, numbers: Sequence[int]) -> None:
        if self._expected is None:
            return
        for number in numbers:
            count = len(outcome.matched.get(number, ()))
            if count != self._expected:
                values = self._loader.row_at(number)[len(self._sql.set) :]
                raise unexpected_count(
                    self._table, self._sql.where, values, number, count=count, expected=self._expected
                )

    def _result(self, outcome: _Outcome) -> WriteResult:
        indexes = self._loader.indexes
        none = (None,) * len(self._sql.returning)
        columns: dict[str, list[Any]] = self._reader.columns([outcome.single(index, none) for index in indexes])
        columns["updated"] = [len(outcome.matched.get(index, ())) for index in indexes]
        columns["changed"] = [bool(outcome.changed.get(index)) for index in indexes]
        return WriteResult(columns, updated=sum(outcome.changed.values()))


class _Outcome:
    """What became of the chunk so far."""

    def __init__(self) -> None:
        self.matched: dict[int, list[Row]] = {}
        """`{index: returned columns of each row that was meant}`."""
        self.changed: dict[int, int] = {}
        """`{index: how many of these were changed}`."""

    def single(self, index: int, none: Row) -> Row:
        """The returned columns of the only row that was meant; `none` for none or several."""
        rows = self.matched.get(index, [])
        return rows[0] if len(rows) == 1 else none
