"""A job that is killed: its program, which a test starts, and ends whenever it likes."""

from __future__ import annotations

import sys

from portl.connectors import Change, Connector, Insert, Upsert
from portl.connectors.mysql import MysqlConnector
from portl.connectors.postgres import PostgresConnector
from portl.connectors.sqlite import SqliteConnector
from portl.model.connections import MysqlConnection, PostgresConnection, SqliteConnection

ROWS = 600
CHUNK = 60


def say(word: str) -> None:
    """Tell the test how far it is."""
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def job(connector: Connector) -> None:
    """Three steps over three tables, in chunks, in one transaction."""
    with connector.begin() as transaction:
        upserts = transaction.upsert(Upsert("items", ("code", "value"), key=("code",)))
        inserts = transaction.insert(Insert("versions", ("item", "number")))
        updates = transaction.update(Change("totals", set=("amount",), where=("name",), expect_rows=1))
        for first in range(0, ROWS, CHUNK):
            numbers = range(first, first + CHUNK)
            result = upserts.write([(f"k{number}", "after") for number in numbers], numbers)
            say("upserted")
            inserts.write([(item, 2) for item in result.columns["id"]], numbers)
            say("inserted")
        upserts.finish()
        updates.write([(str(ROWS), "rows")], range(1))
        say("commit")
        transaction.commit()
    say("done")


if __name__ == "__main__":
    kind, where = sys.argv[1:]
    if kind == "sqlite":
        job(SqliteConnector("db", SqliteConnection(type="sqlite", path=where)))
    elif kind == "mysql":
        job(MysqlConnector("db", MysqlConnection(type="mysql", url=where)))
    else:
        job(PostgresConnector("db", PostgresConnection(type="postgres", dsn=where)))
