"""COMMIT, and what became of it when the connection was lost on the way.

The server knows of each transaction whether it is in progress, committed or aborted (`pg_xact_status`), as long as it
is the same server; a witness row that the transaction wrote itself holds on any.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import psycopg

from portl.clock import Clock
from portl.connectors.operations import Row, Witness
from portl.errors import ConnectionFailedError, DatabaseError, OutcomeUnknownError, RetryClass

from .failures import from_database
from .query import Queries
from .session import Session

Verdict = Literal["committed", "aborted", "open"]

_IDENTITY = (
    "SELECT system_identifier::text, timeline_id, pg_is_in_recovery() FROM pg_control_system(), pg_control_checkpoint()"
)
_PAUSE_S = 0.2


@dataclass(frozen=True)
class Sent:
    """A transaction whose COMMIT is under way."""

    xid: str | None
    """None where the transaction wrote nothing."""
    server: Row | None
    """Identifier and timeline of the server; None where it does not tell."""
    witness: Witness | None


def commit(session: Session, witness: Witness | None, judge: Callable[[Sent], Verdict]) -> None:
    """Commit, or raise. `judge` is asked when the connection was lost after COMMIT was sent."""
    sent = Sent(*_before(session), witness)
    try:
        session.connection.execute("COMMIT")
    except psycopg.Error as error:
        if not session.connection.closed and not session.connection.broken:
            raise from_database(error, "COMMIT") from error
        if sent.xid is not None:
            _resolve(judge(sent), error)


def _before(session: Session) -> tuple[str | None, Row | None]:
    """What has to be known before COMMIT is sent."""
    xid = session.fetch("SELECT pg_current_xact_id_if_assigned()::text")[0][0]
    return xid, (_server(session) if xid is not None else None)


def _server(session: Session) -> Row | None:
    found = session.attempt(lambda: session.fetch(_IDENTITY))
    return found[0][:2] if isinstance(found, list) else None


def _resolve(verdict: Verdict, error: psycopg.Error) -> None:
    if verdict == "aborted":
        raise ConnectionFailedError(
            "the connection was lost during COMMIT, and the transaction was rolled back.",
            retry_class=RetryClass.TRANSACTION_GONE,
            token="connect",
        ) from error
    if verdict == "open":
        raise OutcomeUnknownError(
            "The connection to the database was lost during COMMIT, and whether it took effect cannot be found out.",
            hint="Look whether the data are there before the job is run again.",
        ) from error


class Judge:
    """Asks the server, over new connections, until it knows or `patience_s` has passed."""

    def __init__(self, connect: Callable[[], psycopg.Connection[Row]], clock: Clock, patience_s: float) -> None:
        self._connect = connect
        self._clock = clock
        self._patience_s = patience_s

    def __call__(self, sent: Sent) -> Verdict:
        end = self._clock.monotonic() + self._patience_s
        while True:
            verdict = self._ask(sent)
            if verdict != "open" or self._clock.monotonic() >= end:
                return verdict
            self._clock.sleep(_PAUSE_S)

    def _ask(self, sent: Sent) -> Verdict:
        try:
            connection = self._connect()
        except (psycopg.Error, ConnectionFailedError):
            return "open"
        try:
            return self._answer(Session(connection, connection.info.server_version), sent)
        except (psycopg.Error, DatabaseError, ConnectionFailedError):
            return "open"
        finally:
            connection.close()

    def _answer(self, session: Session, sent: Sent) -> Verdict:
        if sent.witness is not None:
            witness = sent.witness
            if Queries(session).run(witness.sql, witness.values).fetchmany(1):
                return "committed"
        *server, is_standby = session.fetch(_IDENTITY)[0]
        if sent.server is None or tuple(server) != sent.server or is_standby:
            return "open"
        status = session.fetch("SELECT pg_xact_status(%s::text::xid8)", (sent.xid,))[0][0]
        return "committed" if status == "committed" else "aborted" if status == "aborted" else "open"
