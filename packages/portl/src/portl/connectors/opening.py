"""The connector for a connection of a job. Client libraries are imported only for the databases that are used."""

from __future__ import annotations

from portl.clock import SYSTEM_CLOCK, Clock
from portl.errors import DatabaseError
from portl.model.connections import Connection, MysqlConnection, PostgresConnection, SqliteConnection

from .base import Connector


def open_connector(name: str, config: Connection, *, folder: str = ".", clock: Clock = SYSTEM_CLOCK) -> Connector:
    """A connector that connects when it is first used; `folder` is the job file's. Raises DatabaseError."""
    if isinstance(config, PostgresConnection):
        from .postgres import PostgresConnector  # noqa: PLC0415  # psycopg takes a while to import

        return PostgresConnector(name, config, clock=clock)
    if isinstance(config, SqliteConnection):
        from .sqlite import SqliteConnector  # noqa: PLC0415  # as above

        return SqliteConnector(name, config, folder=folder)
    if isinstance(config, MysqlConnection):
        from .mysql import MysqlConnector  # noqa: PLC0415  # as above

        return MysqlConnector(name, config, clock=clock)
    raise DatabaseError(f"{name}: connections of type {config.type} are not databases that portl can use.")
