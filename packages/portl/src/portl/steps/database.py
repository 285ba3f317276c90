"""`db.upsert`, `db.insert`, `db.update`, `db.query_one`, `db.read`: between expressions and a transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..batch.rows import Spool
from ..connectors.base import Transaction, Writer
from ..connectors.identifiers import require_complete
from ..connectors.operations import Change, Insert, Sql, Table, Upsert
from ..connectors.refusals import missing_value, null_key
from ..context import RunContext
from ..errors import RowError
from ..logging import Event
from ..plan import PlannedStep
from ..template.rows import Chunk, RowFunction, rows_function
from ..template.scope import Scope
from .fields import Field, fields_of, needed_by_step, require_fields
from .mapped import Mapped

CHUNK = 10_000
"""Rows per statement where the job does not say."""

READ_ROWS = 10_000
"""Rows that are fetched at once."""

Operation = Upsert | Insert | Change


def operation_of(planned: PlannedStep, fields: Sequence[Field], returning: tuple[str, ...] | None) -> Operation:
    """What a writing step asks of the database; `fields` are the columns it writes."""
    step = planned.step
    columns = tuple(name for name, _ in fields)
    if step.type == "db.update":
        count = len(step.set)
        return Change(step.table, columns[:count], columns[count:], step.expect_rows, returning=returning)
    if step.type == "db.upsert":
        update = tuple(step.update) if isinstance(step.update, list) else step.update
        return Upsert(step.table, columns, tuple(step.key), update, step.on_duplicate, returning=returning)
    if step.on_conflict == "skip":
        return Upsert(step.table, columns, tuple(step.key), "none", "first", returning=returning)
    return Insert(step.table, columns, returning=returning)


def returning_of(planned: PlannedStep) -> tuple[str, ...] | None:
    """The columns a writing step gives back; none where nobody looks at them."""
    if not planned.keeps:
        return ()
    return None if planned.step.returning is None else tuple(planned.step.returning)


def require_written(transaction: Transaction, planned: PlannedStep, operation: Operation) -> None:
    """Raises SchemaError where new rows lack a column that the table demands; TemplateError where the step does."""
    if isinstance(operation, Change):
        return
    require_complete(transaction.table(operation.table), operation.columns)
    require_fields(planned, operation.columns)


def _needed(planned: PlannedStep, operation: Operation, table: Table) -> dict[str, Callable[[int], RowError]]:
    """The columns in which a null is refused before it is sent, and the error for it."""
    decides = isinstance(operation, Upsert) and operation.update == "merge"  # a null leaves the old value there
    written = operation.set if isinstance(operation, Change) else operation.columns
    needed: dict[str, Callable[[int], RowError]] = {
        name: partial(missing_value, name, demanded=f"{table.shown} demands a value")
        for name in written
        if not decides and table.demands(name)
    }
    needed |= needed_by_step(planned)
    if isinstance(operation, Upsert):
        needed |= {name: partial(null_key, name) for name in operation.key}
    return needed


class WriteWorker:
    """Writes rows."""

    size = CHUNK
    nullable = False

    def __init__(self, planned: PlannedStep, scope: Scope, context: RunContext, transaction: Transaction) -> None:
        source = context.source(planned) if planned.batch is not None else None
        fields = fields_of(planned, None if source is None else source.columns)
        operation = operation_of(planned, fields, returning_of(planned))
        self._writer = _writer(transaction, operation)
        require_written(transaction, planned, operation)
        needed = _needed(planned, operation, transaction.table(operation.table))
        self.mapped = Mapped(planned, fields, scope, context.rejects_of(planned), needed, source)
        self._keeps = planned.keeps
        self._inserted = self._updated = 0
        self.keys = self.mapped.keys
        self.columns: tuple[str, ...] | None = self._writer.columns

    def work(self, chunk: Chunk) -> Sequence[Any]:
        """Write the rows of a chunk."""
        result = self._writer.write(self.mapped.rows(), chunk.indexes)
        self._inserted += result.inserted
        self._updated += result.updated
        self.columns = tuple(result.columns)
        return list(zip(*result.columns.values(), strict=True)) if self._keeps else ()

    def finish(self) -> dict[str, Any]:
        """Let the database look for what only the end of the source shows."""
        self._writer.finish()
        return {"inserted": self._inserted, "updated": self._updated}


def _writer(transaction: Transaction, operation: Operation) -> Writer:
    if isinstance(operation, Upsert):
        return transaction.upsert(operation)
    return transaction.insert(operation) if isinstance(operation, Insert) else transaction.update(operation)


class QueryWorker:
    """Asks for one row per item."""

    size = CHUNK

    def __init__(self, planned: PlannedStep, scope: Scope, transaction: Transaction) -> None:
        assert planned.sql is not None  # noqa: S101  # a step of this type has one
        self._sql = planned.sql.sql
        self._rows: RowFunction = rows_function(planned.sql.parameters, scope)
        self._transaction = transaction
        self._required = planned.step.required
        self._found = 0
        self.nullable = not self._required
        self.keys = self._rows.keys
        self.columns: tuple[str, ...] | None = None

    def work(self, chunk: Chunk) -> Sequence[Any]:
        """Ask for the rows of a chunk."""
        answer = self._transaction.query(self._sql, self._rows(chunk), chunk.indexes)
        self.columns = answer.columns
        missing = [place for place, row in enumerate(answer.rows) if row is None]
        if missing and self._required:
            error = RowError("The query found no row.", hint="Say required: false if that may be.")
            error.rows = (chunk.indexes[missing[0]],)
            error.sql = self._sql.text()
            raise error
        self._found += len(answer.rows) - len(missing)
        return answer.rows

    def finish(self) -> dict[str, Any]:
        """How many rows were found."""
        return {"found": self._found}


def read_rows(planned: PlannedStep, context: RunContext, transaction: Transaction) -> Spool:
    """All rows of a `db.read`; beyond some memory they lie in a file."""
    assert planned.sql is not None  # noqa: S101  # a step of this type has one
    values = tuple(context.single(planned, template) for template in planned.sql.parameters)
    size = READ_ROWS if context.limit is None else min(READ_ROWS, context.limit)
    reading = transaction.read(planned.sql.sql, values, chunk_rows=size)
    rows = Spool(reading.columns)
    for chunk in reading.chunks:
        rows.append(chunk)
        progress = {"type": planned.step.type, "items": len(rows), "seen": len(rows)}
        context.observer(Event("step_progress", planned.id, level="debug", details=progress))
        if context.limit is not None and len(rows) >= context.limit:
            break
    return rows


def statement_of(planned: PlannedStep, columns: Sequence[str] | None) -> Operation | Sql:
    """What a database step asks, for dry runs; `columns` are those of its source. Raises TemplateError."""
    if planned.sql is not None:
        return planned.sql.sql
    return operation_of(planned, fields_of(planned, columns), None)
