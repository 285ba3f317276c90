"""Which worker does which type of step."""

from __future__ import annotations

from typing import Any

from ..batch.limited import first_rows
from ..connectors.base import Transaction
from ..context import RunContext
from ..plan import PlannedStep
from ..plan.connections import READ_ONLY, uses_database
from ..template.scope import Scope
from .base import Worker


def needs_transaction(planned: PlannedStep) -> bool:
    """Whether the step itself works in a transaction."""
    return planned.step.type != "conditional" and uses_database(planned.step)


def writes(planned: PlannedStep) -> bool:
    """Whether the step, or one inside it, leaves something in a database."""
    return any(needs_transaction(step) and step.step.type not in READ_ONLY for step in planned.walk())


def read(planned: PlannedStep, context: RunContext, transaction: Transaction | None) -> dict[str, Any] | None:
    """The outputs of a step that reads rows; None for any other step."""
    if planned.step.type == "csv.read":
        from .csv_read import open_rows  # noqa: PLC0415  # each kind is imported when it is used

        rows: Any = open_rows(planned, context)
    elif planned.step.type == "db.read":
        from .database import read_rows  # noqa: PLC0415  # as above

        assert transaction is not None  # noqa: S101  # needs_transaction says so
        rows = read_rows(planned, context, transaction)
    elif planned.step.type == "sheets.read":
        from .sheets_read import read_sheet  # noqa: PLC0415  # as above

        rows = read_sheet(planned, context)
    else:
        return None
    rows = first_rows(rows, context.limit)
    outputs = {"rows": rows, "columns": list(rows.columns or ())}
    return {**outputs, **({planned.step.save_as: outputs} if planned.step.save_as else {})}


def prepare(planned: PlannedStep, context: RunContext) -> None:
    """Find out what can be wrong with a step's target, before anything is done. Raises RequestError."""
    if planned.step.type == "sheets.write":
        from .sheet_place import client_of  # noqa: PLC0415  # as above

        client, policy = client_of(planned, context)
        client.book(policy)


def worker_of(planned: PlannedStep, scope: Scope, context: RunContext, transaction: Transaction | None) -> Worker:
    """The worker of a step that is no reader and no conditional. Raises TemplateError, SchemaError."""
    kind = planned.step.type
    if kind == "csv.write":
        from .csv_write import csv_worker  # noqa: PLC0415  # each kind is imported when it is used

        return csv_worker(planned, scope, context)
    if kind == "sheets.write":
        from .sheets_write import SheetWorker  # noqa: PLC0415  # as above

        return SheetWorker(planned, scope, context)
    if kind.startswith("db."):
        from . import database  # noqa: PLC0415  # as above

        assert transaction is not None  # noqa: S101  # needs_transaction says so
        if kind == "db.query_one":
            return database.QueryWorker(planned, scope, transaction)
        return database.WriteWorker(planned, scope, context, transaction)
    from . import calls  # noqa: PLC0415  # as above

    if transaction is not None:
        return calls.OutboxWorker(planned, scope, context, transaction)
    return calls.MockWorker(planned, scope) if context.mocked else calls.CallWorker(planned, scope, context)
