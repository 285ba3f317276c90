"""What a run writes into the ledger of its database, where there is one.

Stage: around the transaction of a run. Touches portl's own table only; what fails after a failure is left.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Any

from ..clock import Clock
from ..connectors.base import Transaction
from ..connectors.operations import Witness
from ..connectors.replay import run_phase
from ..context import RunContext
from ..errors import PortlError
from ..outbox import LedgerRow, ledger
from ..plan import JobPlan
from ..retry import RetryPolicy
from ..secrets import Masker
from .recorder import Recorder


class LedgerBook:
    """The ledger, as one run sees it."""

    def __init__(self, plan: JobPlan, context: RunContext, recorder: Recorder, masker: Masker) -> None:
        self._plan = plan
        self._context = context
        self._recorder = recorder
        self._masker = masker
        self._is_there = False

    def committed(self, transaction: Transaction, run_key: str | None) -> list[Witness]:
        """Write the run into its own transaction; the row that witnesses its COMMIT, [] where there is no ledger.

        A limited run does not count as the run of its key.
        """
        self._is_there = run_key is not None or ledger.exists(transaction)
        if not self._is_there:
            return []
        key = run_key if self._context.limit is None else None
        return [ledger.record(transaction, self._row(run_key=key, rows_written=self._recorder.rows_written()))]

    def failed(self, error: PortlError, clock: Clock) -> None:
        """Note a run whose transaction was rolled back, if its database still answers."""
        name = self._plan.connection
        if name is None:
            return
        row = self._row(outcome="failed", error=self._masker.text(str(error))[: ledger.SHOWN_CHARACTERS])

        def body(transaction: Transaction) -> None:
            if ledger.exists(transaction):
                ledger.record(transaction, row)

        with suppress(PortlError):  # what failed is told already
            run_phase(self._context.connections.connector(name), body, clock=clock, retry=RetryPolicy())

    def _row(self, **details: Any) -> LedgerRow:
        text = self._plan.file.source.text.encode("utf-8", "surrogatepass")
        return LedgerRow(
            run_id=self._context.run_id,
            job=self._plan.file.job.name,
            job_hash=hashlib.sha256(text).hexdigest(),
            started_at=self._context.now,
            seconds=round(self._recorder.seconds(), 3),
            limited=self._context.limit,
            **details,
        )
