"""The statements of an operation, for people: without a connection, or checked by the server.

Without a connection the types of columns are not known; they are shown as dots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portl.connectors.operations import Change, Column, Insert, Sql, Table, Upsert

from . import change, insert, upsert
from .catalogue import MysqlTable
from .names import spelt
from .statements import ChangeSql, InsertSql, Stage, UpsertSql

if TYPE_CHECKING:
    from .transaction import MysqlTransaction

Operation = Upsert | Insert | Change | Sql
STAGE = "portl_stage_1"


def previewed(operation: Operation) -> tuple[str, ...]:
    """The statements for one chunk."""
    if isinstance(operation, Sql):
        return (operation.text(),)
    return _of(operation, _assumed(operation))


def explained(transaction: MysqlTransaction, operation: Operation) -> tuple[str, ...]:
    """The same, after the server has planned them; writes nothing but a temporary table of the session."""
    if isinstance(operation, Sql):
        transaction.check(operation)
        return (operation.text(),)
    session, table = transaction.session, transaction.table(operation.table)
    statements = _of(operation, table)
    if isinstance(operation, Insert):
        transaction.insert(operation)
        return statements
    create, _, *writes = statements
    session.run(create)
    try:
        for statement in writes:
            session.run(f"EXPLAIN {statement}")
    finally:
        session.run(f"DROP TEMPORARY TABLE {STAGE}")
    return statements


def _of(operation: Upsert | Insert | Change, table: Table) -> tuple[str, ...]:
    if isinstance(operation, Insert):
        inserts: InsertSql = insert.statements(operation, table)
        return (f"{inserts.head()}(…), …",)
    if isinstance(operation, Upsert):
        sql: UpsertSql = upsert.statements(operation, table, STAGE)
        writes = (sql.lock(None), *((sql.update(None),) if sql.updated else ()), sql.insert(None))
        looks = (sql.look(None),) if sql.returning else ()
        return (*_staged(sql.stage, table), *writes, *looks)
    changes: ChangeSql = change.statements(operation, table, STAGE)
    return (*_staged(changes.stage, table), changes.match(None), changes.update(None))


def _staged(stage: Stage, table: Table) -> tuple[str, str]:
    types = table.spelt if isinstance(table, MysqlTable) else {}
    return (
        f"CREATE TEMPORARY TABLE {stage.name} ({stage.definition(types)}) ENGINE=InnoDB",
        f"{stage.insert()}(…), …",
    )


def _assumed(operation: Upsert | Insert | Change) -> Table:
    """A table that has what the operation names."""
    if isinstance(operation, Change):
        names: tuple[str, ...] = (*operation.set, *operation.where)
        key: tuple[str, ...] = ()
    else:
        names = operation.columns
        key = operation.key if isinstance(operation, Upsert) else ()
    returning = operation.returning if operation.returning is not None else ("id",)
    columns = {name: Column(name, "") for name in (*names, *returning)}
    return Table(spelt(operation.table), columns, unique=(key,) if key else ())
