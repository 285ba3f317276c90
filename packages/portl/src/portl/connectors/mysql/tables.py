"""Which tables can be written in a transaction. Pure."""

from __future__ import annotations

from portl.connectors.operations import Change, Insert, Table, Upsert
from portl.errors import SchemaError

from .catalogue import MysqlTable


def require_transactional(table: Table, operation: Upsert | Insert | Change) -> MysqlTable:
    """`table`. Raises SchemaError for one that cannot be rolled back, and for a view whose keys nobody knows."""
    assert isinstance(table, MysqlTable)  # noqa: S101  # read by this connector
    if table.engine:
        raise SchemaError(
            f"{table.shown} is kept by {table.engine}, which cannot roll back.",
            hint=f"ALTER TABLE {table.shown} ENGINE=InnoDB makes it one that can.",
        )
    if table.kind == "view" and isinstance(operation, Upsert):
        raise SchemaError(f"{table.shown} is a view; upsert into the table behind it.")
    return table
