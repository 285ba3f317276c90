"""The statements of an operation, for people: without a connection, or checked by the server.

Without a connection the types of columns and the kind of the table are not known; then a plain table is assumed, as it
is by far the most common, and the statements are those of PostgreSQL 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portl.connectors.identifiers import quote
from portl.connectors.operations import Change, Column, Insert, Sql, Table, Upsert

from . import change, insert, upsert
from .statements import ChangeSql, InsertSql, UpsertSql

if TYPE_CHECKING:
    from .transaction import PostgresTransaction

Operation = Upsert | Insert | Change | Sql
STAGE = "portl_stage_1"
ASSUMED_VERSION = 180000


def previewed(operation: Operation) -> tuple[str, ...]:
    """The statements for one chunk."""
    if isinstance(operation, Sql):
        return (operation.text(),)
    return _of(operation, _assumed(operation), ASSUMED_VERSION)


def explained(transaction: PostgresTransaction, operation: Operation) -> tuple[str, ...]:
    """The same, after the server has planned them; writes nothing but a temporary table of the transaction."""
    if isinstance(operation, Sql):
        transaction.check(operation)
        return (operation.text(),)
    session = transaction.session
    statements = _of(operation, transaction.table(operation.table), session.version)
    create, _, *writes = statements
    session.run(create)
    for statement in writes:
        session.run(f"EXPLAIN {statement}")
    session.run(f"DROP TABLE {STAGE}")
    return statements


def _of(operation: Upsert | Insert | Change, table: Table, version: int) -> tuple[str, ...]:
    if isinstance(operation, Upsert):
        sql, way = upsert.statements(operation, table, STAGE, version)
        return (sql.stage.create(table, sql.key), sql.stage.copy(), *_upserts(sql, way))
    if isinstance(operation, Insert):
        inserts: InsertSql = insert.statements(operation, table, STAGE)
        return (inserts.stage.create(table), inserts.stage.copy(), inserts.insert(None))
    changes: ChangeSql = change.statements(operation, table, STAGE)
    return (changes.stage.create(table), changes.stage.copy(), changes.match(None), changes.update(None))


def _upserts(sql: UpsertSql, way: upsert.Way) -> tuple[str, ...]:
    if way in ("old", "xmax"):
        return (sql.whole(None),)
    return (sql.fresh(None), sql.update(None), sql.look(None)) if sql.updated else (sql.fresh(None), sql.look(None))


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
    schema, dot, name = operation.table.partition(".")
    spelt = f"{quote(schema)}.{quote(name)}" if dot and schema and name else quote(operation.table)
    return Table(spelt, columns, unique=(key,) if key else ())
