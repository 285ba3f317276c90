"""Upserts: which rows are new, which were changed, and their ids, exactly.

Rows that are there are locked first, and thereby known; those that differ are updated, the others inserted. A row that
another session inserts in between breaks the unique index, and is looked for again. The server's count of affected rows
tells nothing: it depends on the client's flags, and is one number for all rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portl.connectors.identifiers import require_unique, require_writable, resolve_returning, updated_columns
from portl.connectors.operations import Row, Rows, Table, Upsert, WriteResult
from portl.connectors.refusals import null_key
from portl.connectors.staged import Numbers
from portl.errors import ConnectorError, RowError

from .answers import Reader
from .catalogue import MysqlTable
from .duplicates import Duplicates
from .failures import DUPLICATE
from .session import Session
from .staging import Loader
from .statements import Stage, UpsertSql
from .tables import require_transactional

ROUNDS = 5
"""How often rows that other sessions keep inserting or deleting are tried to be written."""


def statements(operation: Upsert, table: Table, stage_name: str) -> UpsertSql:
    """The statements of `operation`. Raises SchemaError where the table does not have what it names."""
    require_writable(table, operation.columns)
    require_unique(table, operation.key, operation.columns)
    return UpsertSql(
        table=table,
        stage=Stage.of(stage_name, [(name, name) for name in operation.columns]),
        columns=operation.columns,
        key=operation.key,
        updated=updated_columns(operation.columns, operation.key, operation.update),
        merge=operation.update == "merge",
        returning=resolve_returning(table, operation.returning),
        in_order=operation.in_order,
    )


class UpsertWriter:
    """One upsert step."""

    def __init__(self, session: Session, operation: Upsert, table: Table) -> None:
        self._session = session
        self._table = require_transactional(table, operation)
        self._sql = statements(operation, table, session.new_name("stage"))
        self._loader = _loader(session, self._table, self._sql)
        self._duplicates = Duplicates(session, self._table, operation.key, operation.on_duplicate, self._loader)
        self._places = [(operation.columns.index(name), name) for name in operation.key]
        self._reader = Reader(table, self._sql.returning)
        self.columns = (*self._sql.returning, "was_inserted", "changed")

    def write(self, rows: Rows, indexes: Sequence[int]) -> WriteResult:
        """See `Writer.write`."""
        if not rows:
            return WriteResult({name: [] for name in self.columns})
        self._refuse_null(rows, indexes)
        self._duplicates.remember()
        self._loader.fill(rows, indexes)
        return self._result(self._written())

    def finish(self) -> None:
        """See `Writer.finish`."""
        self._duplicates.check_all()

    def _refuse_null(self, rows: Rows, indexes: Sequence[int]) -> None:
        for index, row in zip(indexes, rows, strict=True):
            for place, name in self._places:
                if row[place] is None:
                    raise null_key(name, index)

    def _written(self) -> _Outcome:
        groups = self._duplicates.groups()
        outcome = _Outcome()
        self._session.savepoint()
        for numbers in [None] if groups is None else groups.written:
            outcome.add(self._protected(numbers))
        self._duplicates.matched(was_there=len(outcome.inserted) < len(self._loader.rows))
        return outcome

    def _protected(self, numbers: Numbers) -> _Outcome:
        """What became of rows; their error names the row."""
        try:
            return self._applied(numbers)
        except ConnectorError as error:
            raise self._loader.explain(error, self._applied) from error

    def _applied(self, numbers: Numbers) -> _Outcome:
        outcome = _Outcome()
        rest = self._loader.indexes if numbers is None else numbers
        for turn in range(ROUNDS):
            there = {row[0]: row[1:] for row in self._session.fetch(self._sql.lock(rest if turn else numbers))}
            self._update(there, outcome)
            if self._sql.is_steady:
                outcome.known.update((number, row[1:]) for number, row in there.items())
            rest = [number for number in rest if number not in there]
            if self._insert(rest, everything=not (there or turn or numbers), outcome=outcome):
                return outcome
        raise self._lost(rest[0])

    def _update(self, there: dict[int, Row], outcome: _Outcome) -> None:
        differing = [number for number, (differs, *_) in there.items() if differs]
        if differing:
            self._session.write(self._sql.update(None if len(differing) == len(self._loader.rows) else differing))
            outcome.changed.update(differing)

    def _insert(self, numbers: Sequence[int], *, everything: bool, outcome: _Outcome) -> bool:
        """Insert rows that were not there; False where another session was faster with one of them."""
        if not numbers:
            return True
        try:
            self._session.write(self._sql.insert(None if everything else numbers))
        except RowError as error:
            if error.code == DUPLICATE and self._session.fetch(self._sql.lock(numbers)):
                return False
            raise
        outcome.inserted.update(numbers)
        return True

    def _result(self, outcome: _Outcome) -> WriteResult:
        indexes = self._loader.indexes
        columns: dict[str, list[Any]] = {}
        if self._sql.returning:
            found = outcome.known
            unknown = [index for index in indexes if index not in found]
            if unknown:
                looked = self._session.fetch(self._sql.look(None if len(unknown) == len(indexes) else unknown))
                found |= {row[0]: row[1:] for row in looked}
            for index in unknown:
                if index not in found:
                    raise self._lost(index)
            columns = self._reader.columns([found[index] for index in indexes])
        columns |= {
            "was_inserted": [index in outcome.inserted for index in indexes],
            "changed": [index in outcome.inserted or index in outcome.changed for index in indexes],
        }
        return WriteResult(columns, inserted=len(outcome.inserted), updated=len(outcome.changed))

    def _lost(self, number: int) -> RowError:
        error = RowError(
            f"the row is not in {self._table.shown} after it was written.",
            hint="A trigger of the table changed its key, or other sessions keep deleting it.",
        )
        error.rows = (number,)
        return error


class _Outcome:
    """What became of rows, by their indexes: which are new, which were there and were changed."""

    def __init__(self) -> None:
        self.inserted: set[int] = set()
        self.changed: set[int] = set()
        self.known: dict[int, Row] = {}
        """`{index: returned columns}`, as far as they are known."""

    def add(self, other: _Outcome) -> None:
        """What became of more rows."""
        self.inserted |= other.inserted
        self.changed |= other.changed
        self.known |= other.known


def _loader(session: Session, table: MysqlTable, sql: UpsertSql) -> Loader:
    return Loader(session, table, sql.stage, [table.columns[name] for name in sql.columns])
