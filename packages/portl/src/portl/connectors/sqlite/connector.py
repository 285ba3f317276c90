"""A job's connection to a SQLite file. See `portl.connectors.base.Connector`."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from typing import Any
from urllib.parse import quote as url_quote

from portl.connectors.identifiers import quote, resolve_returning, updated_columns
from portl.connectors.operations import Change, Insert, Sql, TransactionOptions, Upsert
from portl.errors import ConnectionFailedError, DatabaseError, RetryClass
from portl.model.connections import SqliteConnection

from .session import Session, from_sqlite, numbered
from .statements import ChangeSql, UpsertSql, insert_sql
from .transaction import SqliteTransaction

OLDEST = (3, 35, 0)
"""RETURNING."""


class SqliteConnector:
    """Opens the file when the first transaction is begun."""

    dialect = "sqlite"

    def __init__(self, name: str, config: SqliteConnection, *, folder: str = ".") -> None:
        self.name = name
        self._config = config
        self._folder = folder
        self._connection: sqlite3.Connection | None = None

    def begin(self, options: TransactionOptions = TransactionOptions()) -> SqliteTransaction:  # noqa: B008  # frozen
        connection = self._connection = self._connection or self._connect()
        try:
            connection.execute("BEGIN DEFERRED" if options.read_only else "BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise self._not_begun(error) from error
        return SqliteTransaction(Session(connection))

    def _connect(self) -> sqlite3.Connection:
        if sqlite3.sqlite_version_info < OLDEST:
            raise DatabaseError(f"{self.name}: SQLite is {sqlite3.sqlite_version}; 3.35 is the oldest that works.")
        path = os.path.join(self._folder, self._config.path)
        mode = "rwc" if self._config.create else "rw"
        try:
            connection = sqlite3.connect(
                f"file:{url_quote(os.path.abspath(path))}?mode={mode}",
                uri=True,
                isolation_level=None,
                timeout=self._config.busy_timeout_ms / 1000,
            )
            connection.execute("PRAGMA foreign_keys = ON")
        except sqlite3.Error as error:
            hint = None if self._config.create else "create: true makes a file that is missing."
            raise ConnectionFailedError(f"{self.name}: {path} cannot be opened: {error}.", hint=hint) from error
        return connection

    def _not_begun(self, error: sqlite3.Error) -> DatabaseError:
        plain = from_sqlite(error)
        if plain.retry_class is not RetryClass.TRANSACTION_GONE:
            return DatabaseError(f"{self.name}: {plain.message}", code=plain.code)
        return DatabaseError(
            f"{self.name}: another program is writing to {self._config.path}.",
            hint=f"portl waited {self._config.busy_timeout_ms} ms for it; busy_timeout_ms says how long.",
            retry_class=RetryClass.NOTHING_HAPPENED,
            token="connect",
            code=plain.code,
        )

    def preview(self, operation: Upsert | Insert | Change | Sql) -> tuple[str, ...]:
        if isinstance(operation, Sql):
            return (operation.text(),)
        table = ".".join(quote(part) for part in operation.table.split("."))
        returning = operation.returning if operation.returning is not None else ("id",)
        if isinstance(operation, Insert):
            return (insert_sql(table, operation.columns, returning),)
        if isinstance(operation, Change):
            changes = ChangeSql(table, operation.set, operation.where, returning)
            return (changes.look, changes.update)
        return _upsert_statements(operation, table, returning)

    def explain(self, transaction: Any, operation: Upsert | Insert | Change | Sql) -> tuple[str, ...]:
        if isinstance(operation, Sql):
            transaction.check(operation)
            return (numbered(operation),)
        writers = {Upsert: transaction.upsert, Insert: transaction.insert, Change: transaction.update}
        writers[type(operation)](operation)
        returning = resolve_returning(transaction.table(operation.table), operation.returning)
        return self.preview(replace(operation, returning=returning))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _upsert_statements(operation: Upsert, table: str, returning: tuple[str, ...]) -> tuple[str, ...]:
    sql = UpsertSql(
        table=table,
        columns=operation.columns,
        key=operation.key,
        updated=updated_columns(operation.columns, operation.key, operation.update),
        merge=operation.update == "merge",
        returning=returning,
        identity="rowid",
    )
    return (sql.look, sql.insert, sql.update) if sql.updated else (sql.look, sql.insert)
