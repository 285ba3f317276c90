"""The outbox as its workers and `portl outbox` see it: claimed, marked, listed, queued again.

Each method is one short transaction of its own. No row is locked while a call is under way: a claim is a lease, told
apart by its worker and attempt, and ends by itself. Moments are the database's, not the workers'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from portl.clients.base import Request
from portl.connectors import Connector

from .dialects import CLAIMED, STATES, Dialect, claim, dialect_of, due, hold, spelt, with_places
from .requests import from_text
from .tables import OUTBOX

SHOWN_CHARACTERS = 1_000


@dataclass(frozen=True)
class Claimed:
    """A row that a worker holds."""

    id: int
    dedup_key: str
    connection: str
    text: str
    """The request as JSON."""
    attempts: int
    """This one included."""
    max_attempts: int
    ordering_key: str | None
    job: str
    step: str

    def request(self) -> Request:
        """Raises RequestError where it is not understood."""
        return from_text(self.text)


@dataclass(frozen=True)
class Entry:
    """A row, for people."""

    id: int
    state: str
    step: str
    connection: str
    dedup_key: str
    ordering_key: str | None
    attempts: int
    max_attempts: int
    next_attempt_at: Any
    created_at: Any
    last_error: str | None


class Queue:
    """The deliveries of one job."""

    def __init__(self, connector: Connector, job: str, *, table: str = OUTBOX) -> None:
        self._connector = connector
        self._job = job
        self._table = table

    def claim(self, worker: str, limit: int, lease_s: float) -> list[Claimed]:
        """Hold up to `limit` due rows for `lease_s` seconds, in their order."""
        if self._dialect.returning:
            text = claim(self._dialect, self._table, ("{0}", "{1}", "{2}", "{3}"))
            rows = self._run(text, self._job, limit, lease_s, worker)
            return [Claimed(*row) for row in sorted(rows)]
        return self._claimed_in_two(worker, limit, lease_s)

    def _claimed_in_two(self, worker: str, limit: int, lease_s: float) -> list[Claimed]:
        """Lock due rows, then hold them; the locks end with the transaction."""
        look = with_places(due(self._dialect, self._table, "{0}", "{1}", CLAIMED))
        with self._connector.begin() as transaction:
            rows = [Claimed(*row) for row in transaction.fetch(look, (self._job, limit))]
            if rows:
                ids = ", ".join(str(row.id) for row in rows)
                take = hold(self._dialect, self._table, "{0}", "{1}", ids)
                transaction.execute(with_places(take), (lease_s, worker))
            transaction.commit()
        return [replace(row, attempts=row.attempts + 1) for row in rows]

    def extend(self, row: Claimed, worker: str, lease_s: float) -> bool:
        """Hold a row longer; False where another worker has it meanwhile."""
        later = self._later("{0}")
        text = f"UPDATE {self._name} SET locked_until = {later} WHERE {_held('{1}', '{2}', '{3}')}"
        return bool(self._changed(text, [(lease_s, row.id, worker, row.attempts)]))

    def delivered(self, rows: Sequence[Claimed], worker: str) -> int:
        """Mark rows as done; how many were still this worker's."""
        text = (
            f"UPDATE {self._name} SET state = 'delivered', delivered_at = {self._now}, locked_by = NULL,"
            f" locked_until = NULL, last_error = NULL WHERE {_held('{0}', '{1}', '{2}')}"
        )
        return self._changed(text, [(row.id, worker, row.attempts) for row in rows])

    def failed(self, row: Claimed, worker: str, error: str, delay_s: float, *, for_good: bool) -> bool:
        """Let a row wait `delay_s` seconds, or give it up; whether it is given up."""
        is_dead = for_good or row.attempts >= row.max_attempts
        state = "dead" if is_dead else "pending"
        text = (
            f"UPDATE {self._name} SET state = {{0}}, last_error = {{1}}, next_attempt_at = {self._later('{2}')},"
            f" locked_by = NULL, locked_until = NULL WHERE {_held('{3}', '{4}', '{5}')}"
        )
        self._changed(text, [(state, error[:SHOWN_CHARACTERS], delay_s, row.id, worker, row.attempts)])
        return is_dead

    def release(self, worker: str) -> None:
        """Let go of all rows that a worker holds; the attempts it began stay counted."""
        text = f"UPDATE {self._name} SET locked_by = NULL, locked_until = NULL"
        self._changed(text + " WHERE locked_by = {0} AND state = 'pending'", [(worker,)])

    def counts(self) -> dict[str, int]:
        """`{state: rows}`; all three states are there."""
        text = f"SELECT state, count(*) FROM {self._name} WHERE job = {{0}} GROUP BY state"
        found = dict(self._run(text, self._job))
        return {state: found.get(state, 0) for state in STATES}

    def next_due_s(self) -> float | None:
        """Seconds until a pending row may be claimed, 0 for at once; None where none is pending."""
        moment = self._dialect.seconds_until.format(
            "min(CASE WHEN locked_until > next_attempt_at THEN locked_until ELSE next_attempt_at END)"
        )
        text = f"SELECT {moment} FROM {self._name} WHERE job = {{0}} AND state = 'pending'"
        seconds = self._run(text, self._job)[0][0]
        return None if seconds is None else max(0.0, float(seconds))

    def entries(self, state: str | None = None, limit: int = 100) -> list[Entry]:
        """Rows in their order, those of one state or all."""
        only = " AND state = {2}" if state else ""
        text = (
            "SELECT id, state, step, connection, dedup_key, ordering_key, attempts, max_attempts, next_attempt_at,"
            f" created_at, last_error FROM {self._name} WHERE job = {{0}}{only} ORDER BY id LIMIT {{1}}"
        )
        return [Entry(*row) for row in self._run(text, self._job, limit, *([state] if state else []))]

    def requeue(self, ids: Sequence[int] | None = None) -> int:
        """Let dead rows be tried again from the first attempt, all or those with `ids`; how many there were."""
        text = (
            f"UPDATE {self._name} SET state = 'pending', attempts = 0, next_attempt_at = {self._now}"
            " WHERE job = {0} AND state = 'dead'"
        )
        if ids is None:
            return self._changed(text, [(self._job,)])
        return self._changed(text + " AND id = {1}", [(self._job, i) for i in ids])

    @property
    def _name(self) -> str:
        return spelt(self._table, self._dialect)

    @property
    def _dialect(self) -> Dialect:
        return dialect_of(self._connector.dialect)

    @property
    def _now(self) -> str:
        return self._dialect.now

    def _later(self, place: str) -> str:
        return self._dialect.later.format(place)

    def _run(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement with `{0}`, `{1}`, … for values, in a transaction of its own."""
        with self._connector.begin() as transaction:
            found = transaction.fetch(with_places(text), values)
            transaction.commit()
        return found

    def _changed(self, text: str, rows: Sequence[tuple[Any, ...]]) -> int:
        """How many rows a statement changes that is run once per row of values, in one transaction."""
        sql = with_places(text)
        with self._connector.begin() as transaction:
            count = sum(transaction.execute(sql, row) for row in rows)
            transaction.commit()
        return count


def _held(row: str, worker: str, attempts: str) -> str:
    return f"id = {row} AND state = 'pending' AND locked_by = {worker} AND attempts = {attempts}"
