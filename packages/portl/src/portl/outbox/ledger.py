"""The ledger of runs: one row per run, that of a run which committed written in the same transaction.

It tells whether a run with a given key is done, and, after a connection lost during COMMIT, whether it took effect.
A run that failed is noted afterwards, in a transaction of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal

from portl.connectors import Transaction, Witness
from portl.errors import SchemaError

from .dialects import dialect_of, spelt, with_places
from .tables import LEDGER, LEDGER_COLUMNS

SHOWN_CHARACTERS = 1_000


@dataclass(frozen=True)
class LedgerRow:
    """A run."""

    run_id: str
    job: str
    job_hash: str
    started_at: datetime
    """Aware."""
    run_key: str | None = None
    """From the job; no second run of the job has it. None where the job gives none, and for runs that do not count."""
    input_hash: str | None = None
    outcome: Literal["committed", "failed"] = "committed"
    seconds: float | None = None
    """From its start to this row."""
    rows_written: int | None = None
    """Inserted and updated."""
    limited: int | None = None
    """It read at most so many rows of each source; None: all."""
    error: str | None = None


@dataclass(frozen=True)
class PastRun:
    """A run as the ledger tells it."""

    run_id: str
    job: str
    run_key: str | None
    outcome: str
    started_at: datetime
    finished_at: datetime
    seconds: float | None
    rows_written: int | None
    limited: int | None
    error: str | None


_WRITTEN = tuple(field.name for field in fields(LedgerRow))
_TOLD = tuple(field.name for field in fields(PastRun))


def exists(transaction: Transaction, *, table: str = LEDGER) -> bool:
    """Whether the database has a ledger."""
    try:
        return set(transaction.table(table).columns) >= LEDGER_COLUMNS
    except SchemaError:
        return False


def record(transaction: Transaction, row: LedgerRow, *, table: str = LEDGER) -> Witness:
    """Write the row; the witness finds it. Raises RowError where the job has run with this key."""
    values = tuple(getattr(row, name) for name in _WRITTEN)
    places = ", ".join(f"{{{number}}}" for number in range(len(values)))
    transaction.execute(
        with_places(f"INSERT INTO {_named(transaction, table)} ({', '.join(_WRITTEN)}) VALUES ({places})"), values
    )
    return Witness(with_places(f"SELECT 1 FROM {_named(transaction, table)} WHERE run_id = {{0}}"), (row.run_id,))


def _named(transaction: Transaction, table: str) -> str:
    return spelt(table, dialect_of(transaction.dialect))


def find(transaction: Transaction, job: str, run_key: str, *, table: str = LEDGER) -> dict[str, Any] | None:
    """The run of `job` with `run_key`: run_id, job_hash, input_hash, finished_at; None where there is none."""
    names = ("run_id", "job_hash", "input_hash", "finished_at")
    sql = with_places(
        f"SELECT {', '.join(names)} FROM {_named(transaction, table)} WHERE job = {{0}} AND run_key = {{1}}"
    )
    rows = transaction.fetch(sql, (job, run_key))
    return dict(zip(names, rows[0], strict=True)) if rows else None


def latest(transaction: Transaction, job: str | None, limit: int, *, table: str = LEDGER) -> list[PastRun]:
    """The last runs of a job, or of all, the newest first."""
    only, values = ("", (limit,)) if job is None else (" WHERE job = {1}", (limit, job))
    rows = f"SELECT {', '.join(_TOLD)} FROM {_named(transaction, table)}{only}"
    text = f"{rows} ORDER BY finished_at DESC, run_id LIMIT {{0}}"
    return [PastRun(*_typed(row)) for row in transaction.fetch(with_places(text), values)]


def _typed(row: Sequence[Any]) -> list[Any]:
    """Moments as aware datetimes: SQLite keeps them as texts, MySQL without an offset, both in UTC."""
    named = dict(zip(_TOLD, row, strict=True))
    for name in ("started_at", "finished_at"):
        moment = named[name]
        moment = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        named[name] = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return list(named.values())
