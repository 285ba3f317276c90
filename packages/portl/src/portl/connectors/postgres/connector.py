"""A job's connection to PostgreSQL. See `portl.connectors.base.Connector`."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from portl.clock import SYSTEM_CLOCK, Clock
from portl.connectors.operations import Change, Insert, Isolation, Row, Sql, TransactionOptions, Upsert
from portl.errors import ConnectionFailedError, DatabaseError
from portl.model.connections import PostgresConnection

from .failures import connection_failed, translated
from .outcome import Judge
from .preview import explained, previewed
from .session import Session
from .transaction import PostgresTransaction

OLDEST = 130000
"""13.0: older servers do not tell what became of a transaction."""
_DEFAULTS: dict[str, Any] = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
_LEVELS: dict[Isolation, str] = {
    "read_committed": "READ COMMITTED",
    "repeatable_read": "REPEATABLE READ",
    "serializable": "SERIALIZABLE",
}


class PostgresConnector:
    """Connects when the first transaction is begun, and keeps the connection for the next."""

    dialect = "postgres"

    def __init__(
        self, name: str, config: PostgresConnection, *, clock: Clock = SYSTEM_CLOCK, patience_s: float | None = None
    ) -> None:
        self.name = name
        self._config = config
        self._clock = clock
        self._patience_s = config.outcome_timeout_ms / 1000 if patience_s is None else patience_s
        self._idle: psycopg.Connection[Row] | None = None
        self._used: psycopg.Connection[Row] | None = None

    def begin(self, options: TransactionOptions = TransactionOptions()) -> PostgresTransaction:  # noqa: B008  # frozen
        connection = self._idle or self._connect()
        self._idle, self._used = None, connection
        session = Session(connection, connection.info.server_version)
        try:
            session.run(*self._opening(options))
        except ConnectionFailedError:
            connection.close()
            raise
        return PostgresTransaction(session, Judge(self._connect, self._clock, self._patience_s), self._take_back)

    def _opening(self, options: TransactionOptions) -> list[str]:
        access = " READ ONLY" if options.read_only else ""
        statements = [f"BEGIN ISOLATION LEVEL {_LEVELS[options.isolation]}{access}"]
        if self._config.statement_timeout_ms is not None:
            statements.append(f"SET LOCAL statement_timeout = {self._config.statement_timeout_ms}")
        if self._config.lock_timeout_ms is not None:
            statements.append(f"SET LOCAL lock_timeout = {self._config.lock_timeout_ms}")
        return statements

    def _connect(self) -> psycopg.Connection[Row]:
        try:
            connection = psycopg.connect(**self._parameters(), autocommit=True, prepare_threshold=None)
        except psycopg.Error as error:
            raise connection_failed(self.name, error) from error
        version = connection.info.server_version
        if version < OLDEST:
            connection.close()
            raise DatabaseError(
                f"{self.name}: the server is PostgreSQL {version // 10000}; 13 is the oldest that works."
            )
        return connection

    def _parameters(self) -> dict[str, Any]:
        config = self._config
        given = {
            "host": config.host,
            "port": config.port,
            "dbname": config.database,
            "user": config.user,
            "password": None if config.password is None else "".join(config.password),
            "sslmode": config.sslmode,
            "sslrootcert": config.sslrootcert,
            "connect_timeout": max(2, -(-config.connect_timeout_ms // 1000)),
            "application_name": config.application_name,
        }
        given = {name: value for name, value in given.items() if value is not None}
        return {**_DEFAULTS, **given, **self._dsn(), "client_encoding": "UTF8"}

    def _dsn(self) -> dict[str, Any]:
        if self._config.dsn is None:
            return {}
        try:
            return dict(conninfo_to_dict("".join(self._config.dsn)))
        except psycopg.Error:
            raise ConnectionFailedError(
                f"{self.name}: the dsn is not understood.",
                hint="It reads postgresql://user:password@host:port/database; special characters are written as %XX.",
            ) from None  # psycopg's message repeats the dsn, and with it the password

    def _take_back(self, connection: psycopg.Connection[Row]) -> None:
        self._used = None
        if not connection.closed and connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
            self._idle = connection
        else:
            connection.close()

    def preview(self, operation: Upsert | Insert | Change | Sql) -> tuple[str, ...]:
        return previewed(operation)

    def explain(self, transaction: Any, operation: Upsert | Insert | Change | Sql) -> tuple[str, ...]:
        with translated():
            return explained(transaction, operation)

    def close(self) -> None:
        for connection in (self._idle, self._used):
            if connection is not None:
                connection.close()
        self._idle = self._used = None
