"""The ledger of runs: one row per run that committed, written in the same transaction.

It tells whether a run with a given key is done, and, after a connection lost during COMMIT, whether it took effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portl.connectors import Sql, Transaction, Witness

from .dialects import spelt, with_places
from .tables import LEDGER


@dataclass(frozen=True)
class LedgerRow:
    """A run that committed."""

    run_id: str
    job: str
    job_hash: str
    started_at: datetime
    """Aware."""
    run_key: str | None = None
    """From the job; no second run of the job has it. None where the job gives none."""
    input_hash: str | None = None


def record(transaction: Transaction, row: LedgerRow, *, table: str = LEDGER) -> Witness:
    """Write the row; the witness finds it. Raises RowError where the job has run with this key."""
    values = (row.run_id, row.job, row.run_key, row.job_hash, row.input_hash, row.started_at)
    transaction.execute(
        with_places(
            f"INSERT INTO {spelt(table)} (run_id, job, run_key, job_hash, input_hash, started_at)"
            " VALUES ({0}, {1}, {2}, {3}, {4}, {5})"
        ),
        values,
    )
    return Witness(_by_id(table), (row.run_id,))


def _by_id(table: str) -> Sql:
    return with_places(f"SELECT 1 FROM {spelt(table)} WHERE run_id = {{0}}")


def find(transaction: Transaction, job: str, run_key: str, *, table: str = LEDGER) -> dict[str, Any] | None:
    """The run of `job` with `run_key`: run_id, job_hash, input_hash, finished_at; None where there is none."""
    names = ("run_id", "job_hash", "input_hash", "finished_at")
    sql = with_places(f"SELECT {', '.join(names)} FROM {spelt(table)} WHERE job = {{0}} AND run_key = {{1}}")
    rows = transaction.fetch(sql, (job, run_key))
    return dict(zip(names, rows[0], strict=True)) if rows else None
