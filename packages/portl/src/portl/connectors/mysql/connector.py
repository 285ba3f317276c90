"""A job's connection to MySQL or MariaDB. See `portl.connectors.base.Connector`."""

from __future__ import annotations

import re
import ssl
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pymysql
from pymysql.constants import CLIENT

from portl.clock import SYSTEM_CLOCK, Clock
from portl.connectors.operations import Change, Insert, Isolation, Sql, TransactionOptions, Upsert
from portl.errors import ConnectionFailedError, DatabaseError
from portl.model.connections import MysqlConnection

from .failures import connection_failed
from .outcome import Judge
from .preview import explained, previewed
from .session import Server, Session
from .transaction import MysqlTransaction
from .wire import Wire, connected

OLDEST = {"MariaDB": (10, 6), "MySQL": (8, 0)}
"""SKIP LOCKED, window functions, defaults that are expressions."""
SQL_MODE = (
    "STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
    "NO_ENGINE_SUBSTITUTION"
)
"""Whatever the server's own mode is: a value that does not fit is an error."""
_LEVELS: dict[Isolation, str] = {
    "read_committed": "READ COMMITTED",
    "repeatable_read": "REPEATABLE READ",
    "serializable": "SERIALIZABLE",
}


class MysqlConnector:
    """Connects when the first transaction is begun, and keeps the connection for the next."""

    dialect = "mysql"

    def __init__(self, name: str, config: MysqlConnection, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self.name = name
        self._config = config
        self._clock = clock
        self._server: Server | None = None
        self._idle: Wire | None = None
        self._used: Wire | None = None

    def begin(self, options: TransactionOptions = TransactionOptions()) -> MysqlTransaction:  # noqa: B008  # frozen
        connection = self._idle or self._connect()
        self._idle, self._used = None, connection
        server = self._server
        assert server is not None  # noqa: S101  # known since the first connection
        session = Session(connection, server)
        try:
            if server.is_mariadb and _has_snapshots(server.version):
                strict = options.isolation != "read_committed"
                session.run(f"SET SESSION innodb_snapshot_isolation = {'ON' if strict else 'OFF'}")
            session.run(f"SET TRANSACTION ISOLATION LEVEL {_LEVELS[options.isolation]}")
            if not options.definitions:
                session.run(f"START TRANSACTION{' READ ONLY' if options.read_only else ''}")
        except ConnectionFailedError:
            self._used = None
            raise
        judge = Judge(self._connect, self._clock, self._config.outcome_timeout_ms / 1000)
        return MysqlTransaction(session, judge, self._take_back, may_define=options.definitions)

    def _connect(self) -> Wire:
        parameters = self._parameters()
        try:
            connection = connected(parameters)
        except (pymysql.MySQLError, OSError, RuntimeError) as error:
            raise connection_failed(self.name, error) from error
        try:
            self._prepare(connection)
        except pymysql.MySQLError as error:
            connection.close()
            raise connection_failed(self.name, error) from error
        return connection

    def _parameters(self) -> dict[str, Any]:
        config, address = self._config, self._address()
        return {
            **address,
            "charset": "utf8mb4",
            "sql_mode": SQL_MODE,
            "autocommit": True,
            "local_infile": False,
            "client_flag": CLIENT.FOUND_ROWS,
            "connect_timeout": config.connect_timeout_ms / 1000,
            "read_timeout": config.connect_timeout_ms / 1000,
            "program_name": "portl",
            **_encryption(config, is_local=address["unix_socket"] is not None),
        }

    def _address(self) -> dict[str, Any]:
        config = self._config
        if config.url is not None:
            return self._from_url("".join(config.url))
        return {
            "host": config.host or "localhost",
            "port": config.port or 3306,
            "database": config.database,
            "user": config.user,
            "password": _password(config.password),
            "unix_socket": config.unix_socket,
        }

    def _from_url(self, url: str) -> dict[str, Any]:
        try:
            parts = urlsplit(url)
            found = {"host": parts.hostname or "localhost", "port": parts.port or 3306}
            query = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        except ValueError:
            parts, found, query = urlsplit(""), {}, {}
        database = unquote(parts.path.lstrip("/"))
        if parts.scheme not in ("mysql", "mariadb") or not database or set(query) - {"unix_socket"}:
            raise ConnectionFailedError(
                f"{self.name}: the url is not understood.",
                hint="It reads mysql://user:password@host:port/database; special characters are written as %XX.",
            )
        user = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else None
        local = query.get("unix_socket", self._config.unix_socket)
        return {**found, "database": database, "user": user, "password": _password(password), "unix_socket": local}

    def _prepare(self, connection: Wire) -> None:
        """Set what the session needs, whatever the server's defaults are."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT VERSION(), @@max_allowed_packet")
            ((version, packet_bytes),) = cursor.fetchall()
            self._server = self._checked(connection, str(version), int(packet_bytes))
            for setting in self._settings(self._server):
                cursor.execute(f"SET SESSION {setting}")

    def _checked(self, connection: Wire, shown: str, packet_bytes: int) -> Server:
        found = re.search(r"(\d+)\.(\d+)\.(\d+)", shown.removeprefix("5.5.5-"))
        version = tuple(map(int, found.groups())) if found else (0,)
        kind = "MariaDB" if "mariadb" in shown.lower() else "MySQL"
        if version < OLDEST[kind]:
            connection.close()
            oldest = ".".join(map(str, OLDEST[kind]))
            raise DatabaseError(f"{self.name}: the server is {kind} {shown}; {oldest} is the oldest that works.")
        return Server(kind == "MariaDB", version, packet_bytes, returning=kind == "MariaDB")

    def _settings(self, server: Server) -> list[str]:
        config = self._config
        settings = ["time_zone = '+00:00'"]
        if config.lock_timeout_ms is not None:
            seconds = -(-config.lock_timeout_ms // 1000)
            settings += [f"innodb_lock_wait_timeout = {seconds}", f"lock_wait_timeout = {seconds}"]
        if config.statement_timeout_ms is not None and server.is_mariadb:
            settings.append(f"max_statement_time = {config.statement_timeout_ms / 1000}")
        elif config.statement_timeout_ms is not None:
            settings.append(f"max_execution_time = {config.statement_timeout_ms}")
        return settings

    def _take_back(self, connection: Wire) -> None:
        self._used = None
        self._idle = connection if connection.open else None

    def preview(self, operation: Upsert | Insert | Change | Sql) -> tuple[str, ...]:
        return previewed(operation)

    def explain(self, transaction: Any, operation: Upsert | Insert | Change | Sql) -> tuple[str, ...]:
        return explained(transaction, operation)

    def close(self) -> None:
        for connection in (self._idle, self._used):
            if connection is not None and connection.open:
                connection.close()
        self._idle = self._used = None


def _password(password: str | None) -> bytes:
    """PyMySQL would write a text as latin-1."""
    return "".join(password or "").encode()


def _has_snapshots(version: tuple[int, ...]) -> bool:
    """Whether MariaDB can refuse to write what changed since a transaction's snapshot."""
    if version[:2] in ((10, 6), (10, 11)):
        return version[2] >= {6: 18, 11: 8}[version[1]]
    return version >= (11, 4, 2)


def _encryption(config: MysqlConnection, *, is_local: bool) -> dict[str, Any]:
    if config.ssl_mode == "disabled" or (config.ssl_mode == "preferred" and is_local):
        return {"ssl_disabled": True}
    own = {"ssl_cert": config.ssl_cert, "ssl_key": config.ssl_key}
    if config.ssl_mode == "preferred":
        return own if config.ssl_cert is not None else {}
    context = ssl.create_default_context(cafile=config.ssl_ca)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # servers make certificates for themselves that are less strict
    context.check_hostname = config.ssl_mode == "verify_identity"
    if config.ssl_mode == "required":
        context.verify_mode = ssl.CERT_NONE
    if config.ssl_cert is not None:
        context.load_cert_chain(config.ssl_cert, config.ssl_key)
    return {"ssl": context}
