"""Upserts: which rows are new, which were changed, and their ids, exactly, on every kind of table.

How a new row is told from an updated one depends on the server and the table (see `ladder`). A row whose values would
stay as they are is locked but not written; its id is looked up afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from portl.connectors.identifiers import (
    missing_unique,
    require_unique,
    require_writable,
    resolve_returning,
    updated_columns,
)
from portl.connectors.operations import Row, Rows, Table, Upsert, WriteResult
from portl.connectors.staged import Numbers
from portl.errors import ConnectorError, RowError

from .duplicates import Duplicates
from .session import Session
from .staging import Loader
from .statements import Stage, UpsertSql

Way = Literal["old", "xmax", "two_stage", "insert_only"]

INSERTED = {
    "old": "WITH (OLD AS portl_old) {keys}, portl_old.tableoid IS NULL AS inserted",
    "xmax": "{keys}, t.xmax = 0 AS inserted",
}
ROUNDS = 5
"""How often a row that another session keeps deleting is tried to be written."""


def ladder(version: int, table: Table, updated: Sequence[str]) -> Way:
    """How new rows are told from updated ones."""
    if not updated:
        return "insert_only"
    if table.kind in ("view", "foreign"):
        return "two_stage"
    if version >= 180000:
        return "old"
    return "xmax" if table.kind == "table" else "two_stage"


def statements(operation: Upsert, table: Table, stage_name: str, version: int) -> tuple[UpsertSql, Way]:
    """The statements of `operation`. Raises SchemaError where the table does not have what it names."""
    require_writable(table, operation.columns)
    require_unique(table, operation.key, operation.columns)
    updated = updated_columns(operation.columns, operation.key, operation.update)
    way = ladder(version, table, updated)
    sql = UpsertSql(
        table=table,
        stage=Stage.of(stage_name, [(name, name) for name in operation.columns]),
        columns=operation.columns,
        key=operation.key,
        updated=updated,
        merge=operation.update == "merge",
        returning=resolve_returning(table, operation.returning),
        inserted=INSERTED.get(way, ""),
        in_order=operation.in_order,
    )
    return sql, way


class UpsertWriter:
    """One upsert step."""

    def __init__(self, session: Session, operation: Upsert, table: Table) -> None:
        self._session = session
        self._table = table
        self._sql, self._way = statements(operation, table, session.new_name("stage"), session.version)
        columns = [table.columns[name] for name in operation.columns]
        self._loader = Loader(session, table, self._sql.stage, columns)
        self._duplicates = Duplicates(session, self._sql.stage, operation.key, operation.on_duplicate, self._loader)
        self._started = False
        self.columns = (*self._sql.returning, "was_inserted", "changed")

    def write(self, rows: Rows, indexes: Sequence[int]) -> WriteResult:
        """See `Writer.write`."""
        if not rows:
            return WriteResult({name: [] for name in self.columns})
        if self._started:
            self._loader.empty(*self._duplicates.remember())
        else:
            self._loader.create(required=self._sql.key)
            self._started = True
        self._loader.fill(rows, indexes, self._sql.key)
        return self._written()

    def finish(self) -> None:
        """See `Writer.finish`."""
        if self._started:
            self._duplicates.check_all()

    def _written(self) -> WriteResult:
        groups = self._duplicates.groups()
        if groups is None and self._way in ("old", "xmax"):
            return self._all_at_once()
        outcomes: dict[int, Row] = {}
        for numbers in [None] if groups is None else groups.written:
            outcomes |= self._protected(numbers, self._in_stages)
        for numbers in () if groups is None else (groups.skipped,):
            outcomes |= {number: (False, False, *row) for number, row in self._found(numbers).items()}
        return self._result([outcomes[index] for index in self._loader.indexes])

    def _all_at_once(self) -> WriteResult:
        rows = self._protected(None, self._whole)
        if any(row[0] is None for row in rows):
            rows = self._with_untouched(rows)
            return self._result(rows)
        inserted, *returned = map(list, zip(*rows, strict=True))
        columns = dict(zip(self._sql.returning, returned, strict=True))
        new = inserted.count(True)
        columns |= {"was_inserted": inserted, "changed": [True] * len(rows)}
        return WriteResult(columns, inserted=new, updated=len(rows) - new)

    def _with_untouched(self, rows: Sequence[Row]) -> list[Row]:
        """(inserted, changed, returned columns); rows that were left alone are looked up."""
        numbers = [index for index, row in zip(self._loader.indexes, rows, strict=True) if row[0] is None]
        found = self._found(numbers)
        return [
            (False, False, *found[index]) if row[0] is None else (row[0], True, *row[1:])
            for index, row in zip(self._loader.indexes, rows, strict=True)
        ]

    def _result(self, rows: Sequence[Row]) -> WriteResult:
        inserted, changed, *returned = map(list, zip(*rows, strict=True))
        columns = dict(zip(self._sql.returning, returned, strict=True))
        columns |= {"was_inserted": inserted, "changed": changed}
        new = inserted.count(True)
        return WriteResult(columns, inserted=new, updated=changed.count(True) - new)

    def _protected(self, numbers: Numbers, apply: Callable[[Numbers], Any]) -> Any:
        """What `apply` gives; its error names the row."""
        try:
            return apply(numbers)
        except ConnectorError as error:
            raise self._named(error, apply) from error

    def _named(self, error: ConnectorError, apply: Callable[[Numbers], Any]) -> ConnectorError:
        if error.code == "21000":
            self._session.undo()
            return self._duplicates.in_chunk() or error
        if error.code == "42P10":
            return missing_unique(self._table, self._sql.key)
        return self._loader.explain(error, apply)

    def _whole(self, numbers: Numbers) -> list[Row]:
        return self._session.matching(self._sql.whole(numbers))

    def _in_stages(self, numbers: Numbers) -> dict[int, Row]:
        """`{index: (inserted, changed, returned columns)}`, one statement after the other."""
        outcomes: dict[int, Row] = {}
        everything = self._loader.indexes if numbers is None else numbers
        rest = list(everything)
        for turn in range(ROUNDS):
            fresh = self._sql.fresh(rest if turn else numbers)
            for number, *returned in self._session.matching(fresh):
                outcomes[number] = (True, True, *returned)
            rest = [number for number in everything if number not in outcomes]
            if rest and self._sql.updated:
                self._update(rest, outcomes)
                rest = [number for number in rest if number not in outcomes]
            if rest:
                found = {row[0]: row[1:] for row in self._session.run(self._sql.look(rest))}
                outcomes |= {number: (False, False, *row) for number, row in found.items()}
                rest = [number for number in rest if number not in outcomes]
            if not rest:
                return outcomes
        raise self._lost(rest[0])

    def _update(self, numbers: Sequence[int], outcomes: dict[int, Row]) -> None:
        if self._table.kind == "partitioned":
            self._session.protected(self._sql.lock(numbers))
        for number, *returned in self._session.protected(self._sql.update(numbers)):
            outcomes[number] = (False, True, *returned)

    def _found(self, numbers: Sequence[int]) -> dict[int, Row]:
        """The returned columns of rows that are there."""
        if not numbers:
            return {}
        found = {row[0]: row[1:] for row in self._session.run(self._sql.look(numbers))}
        for number in numbers:
            if number not in found:
                raise self._lost(number)
        return found

    def _lost(self, number: int) -> RowError:
        error = RowError(
            f"the row is not in {self._table.shown} after it was written.",
            hint="A trigger or rule of the table changed its key, or kept it from being written.",
        )
        error.rows = (number,)
        return error
