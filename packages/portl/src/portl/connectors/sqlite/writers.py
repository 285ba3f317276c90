"""Writes, row by row inside the database's lock: nobody else writes, so what is looked up stays true.

`INSERT OR REPLACE` is never used: it gives the row another id.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portl.connectors.identifiers import (
    require_columns,
    require_unique,
    require_writable,
    resolve_returning,
    updated_columns,
)
from portl.connectors.operations import Change, Insert, Row, Rows, Table, Upsert, WriteResult
from portl.connectors.refusals import duplicate_key, null_key, null_where, unexpected_count
from portl.errors import RowError, SchemaError

from .catalogue import identity
from .session import Coercer, Session, at_row
from .statements import ChangeSql, UpsertSql, insert_sql


def _refuse_view(table: Table) -> None:
    if table.kind == "view":
        raise SchemaError(f"{table.shown} is a view, which SQLite does not write to.")


def _result(names: Sequence[str], rows: Sequence[Row]) -> dict[str, list[Any]]:
    if not rows:
        return {name: [] for name in names}
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def _only(rows: list[Row], table: Table, index: int) -> Row:
    """The row that a statement wrote. Raises RowError where it wrote none."""
    if rows:
        return rows[0]
    error = RowError(f"the row was not written to {table.shown}; a trigger of the table kept it out.")
    error.rows = (index,)
    raise error


class UpsertWriter:
    """One upsert step."""

    def __init__(self, session: Session, operation: Upsert, table: Table) -> None:
        _refuse_view(table)
        columns = require_writable(table, operation.columns)
        require_unique(table, operation.key, operation.columns)
        self._session = session
        self._table = table
        self._operation = operation
        self._coercer = Coercer(columns)
        self._places = [operation.columns.index(name) for name in operation.key]
        returning = resolve_returning(table, operation.returning)
        self._sql = UpsertSql(
            table=table.name,
            columns=operation.columns,
            key=operation.key,
            updated=updated_columns(operation.columns, operation.key, operation.update),
            merge=operation.update == "merge",
            returning=returning,
            identity=identity(session, table),
        )
        self._seen = ""
        self.columns = (*returning, "was_inserted", "changed")

    def write(self, rows: Rows, indexes: Sequence[int]) -> WriteResult:
        """See `Writer.write`."""
        outcomes = [self._write(row, index) for row, index in zip(rows, indexes, strict=True)]
        columns = _result(self.columns, outcomes)
        new = columns["was_inserted"].count(True)
        return WriteResult(columns, inserted=new, updated=columns["changed"].count(True) - new)

    def finish(self) -> None:
        """See `Writer.finish`; duplicates are found when they are written."""

    def _write(self, row: Row, index: int) -> Row:
        values = self._coercer.row(row, index)
        key = self._key(values, index)
        with at_row(index):
            there = self._session.execute(self._sql.look, values).fetchone()
        if there is None:
            return self._inserted(values, index)
        (row_identity, is_same), returned = there[:2], there[2:]
        if self._is_duplicate(row_identity, index, key):
            return (*returned, False, False)
        if is_same or not self._sql.updated:
            return (*returned, False, False)
        with at_row(index):
            updated = self._session.execute(self._sql.update, values).fetchall()
        return (*_only(updated, self._table, index)[1:], False, True)

    def _inserted(self, values: Row, index: int) -> Row:
        with at_row(index):
            row = _only(self._session.execute(self._sql.insert, values).fetchall(), self._table, index)
        self._remember(row[0], index)
        return (*row[1:], True, True)

    def _key(self, values: Row, index: int) -> Row:
        key = tuple(values[place] for place in self._places)
        if None in key:
            raise null_key(self._operation.key[key.index(None)], index)
        return key

    def _is_duplicate(self, row_identity: Any, index: int, key: Row) -> bool:
        """Whether an earlier row of the source was this row of the table; an error where that is forbidden."""
        if self._remember(row_identity, index):
            return False
        if self._operation.on_duplicate == "first":
            return True
        first = self._session.fetch(f"SELECT number FROM {self._seen} WHERE id = ?", (row_identity,))[0][0]
        raise duplicate_key(self._operation.key, key, (first, index))

    def _remember(self, row_identity: Any, index: int) -> bool:
        """Whether no earlier row of the source was this row of the table, as far as that matters."""
        if self._operation.on_duplicate == "last":
            return True
        if not self._seen:
            self._seen = self._session.new_name("keys")
            self._session.execute(f"DROP TABLE IF EXISTS temp.{self._seen}")
            self._session.execute(f"CREATE TEMPORARY TABLE {self._seen} (id PRIMARY KEY, number) WITHOUT ROWID")
        sql = f"INSERT INTO {self._seen} VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING 1"
        return bool(self._session.execute(sql, (row_identity, index)).fetchall())


class InsertWriter:
    """One insert step."""

    def __init__(self, session: Session, operation: Insert, table: Table) -> None:
        _refuse_view(table)
        self._session = session
        self._table = table
        self._coercer = Coercer(require_writable(table, operation.columns))
        returning = resolve_returning(table, operation.returning)
        self._sql = insert_sql(table.name, operation.columns, returning)
        self.columns = (*returning, "was_inserted", "changed")

    def write(self, rows: Rows, indexes: Sequence[int]) -> WriteResult:
        """See `Writer.write`."""
        outcomes = [self._write(row, index) for row, index in zip(rows, indexes, strict=True)]
        return WriteResult(_result(self.columns, outcomes), inserted=len(outcomes))

    def _write(self, row: Row, index: int) -> Row:
        values = self._coercer.row(row, index)
        with at_row(index):
            written = self._session.execute(self._sql, values).fetchall()
        return (*_only(written, self._table, index)[1:], True, True)

    def finish(self) -> None:
        """See `Writer.finish`; nothing is left to do."""


class ChangeWriter:
    """One update step."""

    def __init__(self, session: Session, operation: Change, table: Table) -> None:
        _refuse_view(table)
        columns = [*require_writable(table, operation.set), *require_columns(table, operation.where)]
        self._session = session
        self._table = table
        self._operation = operation
        self._coercer = Coercer(columns)
        returning = resolve_returning(table, operation.returning)
        self._sql = ChangeSql(table.name, operation.set, operation.where, returning)
        self.columns = (*returning, "updated", "changed")

    def write(self, rows: Rows, indexes: Sequence[int]) -> WriteResult:
        """See `Writer.write`."""
        self._written = 0
        outcomes = [self._write(row, index) for row, index in zip(rows, indexes, strict=True)]
        return WriteResult(_result(self.columns, outcomes), updated=self._written)

    def finish(self) -> None:
        """See `Writer.finish`; nothing is left to do."""

    def _write(self, row: Row, index: int) -> Row:
        values = self._coercer.row(row, index)
        self._refuse_null(values, index)
        with at_row(index):
            matched = self._session.execute(self._sql.look, values[len(self._operation.set) :]).fetchall()
        self._require_expected(len(matched), values, index)
        with at_row(index):
            changed = self._session.execute(self._sql.update, values).fetchall()
        self._written += len(changed)
        single = (changed or matched)[0] if len(matched) == 1 else (None,) * len(self.columns)
        return (*single[1 : len(self._sql.returning) + 1], len(matched), bool(changed))

    def _refuse_null(self, values: Row, index: int) -> None:
        for name, value in zip(self._operation.where, values[len(self._operation.set) :], strict=True):
            if value is None:
                raise null_where(name, index)

    def _require_expected(self, count: int, values: Row, index: int) -> None:
        expected = self._operation.expect_rows
        if expected is None or count == expected:
            return
        meant = values[len(self._operation.set) :]
        raise unexpected_count(self._table, self._operation.where, meant, index, count=count, expected=expected)
