"""What a run asks the ledger of its database, and writes into it.

Stage: around the transaction of a run. Touches portl's own tables only; what fails after a failure is left.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Any

from ..clock import Clock
from ..connectors.base import Connector, Transaction
from ..connectors.operations import Witness
from ..connectors.replay import run_phase
from ..context import RunContext
from ..errors import PortlError
from ..logging import Event
from ..outbox import LedgerRow, ledger
from ..retry import RetryPolicy
from ..secrets import Masker
from ..template.access import text
from .recorder import Recorder
from .tables import require_tables


class LedgerBook:
    """The ledger, as one run sees it."""

    def __init__(
        self, context: RunContext, recorder: Recorder, masker: Masker, clock: Clock, *, may_create: bool
    ) -> None:
        self._plan = context.plan
        self._context = context
        self._recorder = recorder
        self._masker = masker
        self._clock = clock
        self._may_create = may_create

    def run_key(self) -> str | None:
        """What the job calls this run; None where it says nothing. Raises RowFailure."""
        if self._plan.run_key is None:
            return None
        key = text(self._context.single(self._plan.steps[0], self._plan.run_key))
        self._recorder(Event("run_key", level="debug", details={"run_key": key}))
        return key

    def require_tables(self, run_key: str | None) -> None:
        """Make portl's own tables where they are missing, if that is allowed. Raises SchemaError."""
        made = require_tables(
            self._plan,
            self._connector(),
            self._clock,
            with_ledger=run_key is not None,
            may_create=self._may_create,
        )
        if made:
            self._recorder(Event("tables_created", details={"tables": made}))

    def is_done(self, run_key: str) -> bool:
        """Whether a run with this key has committed before. Raises SchemaError where there is no ledger."""
        self.require_tables(run_key)
        job = self._plan.file.job.name
        found = run_phase(self._connector(), lambda open_: ledger.find(open_, job, run_key), clock=self._clock)
        if found is not None:
            details = {"run_key": run_key, "run_id": str(found["run_id"])}
            self._recorder(Event("run_known", details=details))
        return found is not None

    def committed(self, transaction: Transaction, run_key: str | None) -> list[Witness]:
        """Write the run into its own transaction; the row that witnesses its COMMIT, [] where there is no ledger.

        A limited run does not count as the run of its key.
        """
        if run_key is None and not ledger.exists(transaction):
            return []
        key = run_key if self._context.limit is None else None
        return [ledger.record(transaction, self._row(run_key=key, rows_written=self._recorder.rows_written()))]

    def failed(self, error: PortlError) -> None:
        """Note a run whose transaction was rolled back, if its database still answers."""
        if self._plan.connection is None:
            return
        row = self._row(outcome="failed", error=self._masker.text(str(error))[: ledger.SHOWN_CHARACTERS])

        def body(transaction: Transaction) -> None:
            if ledger.exists(transaction):
                ledger.record(transaction, row)

        with suppress(PortlError):  # what failed is told already
            run_phase(self._connector(), body, clock=self._clock, retry=RetryPolicy())

    def _connector(self) -> Connector:
        name = self._plan.connection
        assert name is not None  # noqa: S101  # the plan refuses a run_key without a database
        return self._context.connections.connector(name)

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
