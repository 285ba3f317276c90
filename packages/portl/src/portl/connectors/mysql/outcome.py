"""COMMIT, and what became of it when the connection was lost on the way.

MySQL keeps no account of past transactions. A witness row that the transaction wrote itself tells; it is looked for
when the lost session has ended, on the server where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pymysql

from portl.clock import Clock
from portl.connectors.operations import Row, Witness
from portl.errors import ConnectionFailedError, ConnectorError, DatabaseError, OutcomeUnknownError, RetryClass

from .failures import from_database
from .query import bound
from .session import Session
from .wire import Wire

Verdict = Literal["committed", "aborted", "open"]

_IDENTITY = "SELECT CONNECTION_ID(), @@hostname, @@port, @@server_id"
_PAUSE_S = 0.2


@dataclass(frozen=True)
class Sent:
    """A transaction whose COMMIT is under way."""

    thread: int
    """The server's number of its session."""
    server: Row
    witness: Witness | None


def commit(session: Session, witness: Witness | None, judge: Callable[[Sent], Verdict]) -> None:
    """Commit, or raise. `judge` is asked when the connection was lost after COMMIT was sent."""
    session.clear()
    thread, *server = session.fetch(_IDENTITY)[0]
    sent = Sent(thread, tuple(server), witness)
    try:
        session.connection.query("COMMIT")
    except (pymysql.MySQLError, OSError) as error:
        if session.connection.open and isinstance(error, pymysql.MySQLError):
            raise from_database(error, "COMMIT") from error
        if session.wrote:
            _resolve(judge(sent), error)


def _resolve(verdict: Verdict, error: Exception) -> None:
    if verdict == "aborted":
        raise ConnectionFailedError(
            "the connection was lost during COMMIT, and the transaction was rolled back.",
            retry_class=RetryClass.TRANSACTION_GONE,
            token="connect",
        ) from error
    if verdict == "open":
        raise OutcomeUnknownError(
            "The connection to the database was lost during COMMIT, and whether it took effect cannot be found out.",
            hint="Look whether the data are there before the job is run again. With run_key portl can find out.",
        ) from error


class Judge:
    """Asks the server, over new connections, until it knows or `patience_s` has passed."""

    def __init__(self, connect: Callable[[], Wire], clock: Clock, patience_s: float) -> None:
        self._connect = connect
        self._clock = clock
        self._patience_s = patience_s

    def __call__(self, sent: Sent) -> Verdict:
        if sent.witness is None:
            return "open"
        end = self._clock.monotonic() + self._patience_s
        while True:
            verdict = self._ask(sent, sent.witness)
            if verdict != "open" or self._clock.monotonic() >= end:
                return verdict
            self._clock.sleep(_PAUSE_S)

    def _ask(self, sent: Sent, witness: Witness) -> Verdict:
        try:
            connection = self._connect()
        except (ConnectorError, pymysql.MySQLError):
            return "open"
        try:
            return _answer(connection, sent, witness)
        except (pymysql.MySQLError, DatabaseError, ConnectionFailedError, OSError):
            return "open"
        finally:
            connection.close()


def _answer(connection: Wire, sent: Sent, witness: Witness) -> Verdict:
    with connection.cursor() as cursor:
        cursor.execute(_IDENTITY)
        is_same = tuple(cursor.fetchall()[0][1:]) == sent.server
        cursor.execute("SELECT 1 FROM information_schema.PROCESSLIST WHERE ID = %s", (sent.thread,))
        is_under_way = bool(cursor.fetchall())
        cursor.execute(bound(witness.sql, witness.values, 0))
        if cursor.fetchall():
            return "committed"
    return "aborted" if is_same and not is_under_way else "open"
