"""Inserts, in the order of the source: ids rise with the rows."""

from __future__ import annotations

from collections.abc import Sequence

from portl.connectors.identifiers import require_writable, resolve_returning
from portl.connectors.operations import Insert, Row, Rows, Table, WriteResult
from portl.connectors.staged import Numbers
from portl.errors import ConnectorError, DatabaseError

from .session import Session
from .staging import Loader
from .statements import InsertSql, Stage


def statements(operation: Insert, table: Table, stage_name: str) -> InsertSql:
    """The statement of `operation`. Raises SchemaError where the table does not have what it names."""
    require_writable(table, operation.columns)
    stage = Stage.of(stage_name, [(name, name) for name in operation.columns])
    return InsertSql(table, stage, operation.columns, resolve_returning(table, operation.returning))


class InsertWriter:
    """One insert step."""

    def __init__(self, session: Session, operation: Insert, table: Table) -> None:
        self._session = session
        self._sql = statements(operation, table, session.new_name("stage"))
        columns = [table.columns[name] for name in operation.columns]
        self._loader = Loader(session, table, self._sql.stage, columns)
        self._started = False
        self.columns = (*self._sql.returning, "was_inserted", "changed")

    def write(self, rows: Rows, indexes: Sequence[int]) -> WriteResult:
        """See `Writer.write`."""
        if not rows:
            return WriteResult({name: [] for name in self.columns})
        if self._started:
            self._loader.empty()
        else:
            self._loader.create(required=())
            self._started = True
        self._loader.fill(rows, indexes)
        try:
            written = self._insert(None)
        except ConnectorError as error:
            raise self._loader.explain(error, self._insert) from error
        return self._result(written, len(rows))

    def finish(self) -> None:
        """See `Writer.finish`; nothing is left to do."""

    def _insert(self, numbers: Numbers) -> list[Row]:
        return self._session.protected(self._sql.insert(numbers))

    def _result(self, written: list[Row], expected: int) -> WriteResult:
        if len(written) != expected:
            raise DatabaseError(
                f"{self._sql.table.shown}: {len(written)} of {expected} rows were inserted.",
                hint="A trigger or rule of the table kept the others from being written.",
            )
        _, *returned = map(list, zip(*written, strict=True))
        columns = dict(zip(self._sql.returning, returned, strict=True))
        columns |= {"was_inserted": [True] * expected, "changed": [True] * expected}
        return WriteResult(columns, inserted=expected)
