"""Runs a job in this process: before the transaction, the transaction, its deliveries, after commit.

Stage: `JobPlan` + resolved connections → effects and a `RunReport`. The transaction phase is run again after a deadlock
or a serialization failure; what came before it is not.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..clock import SYSTEM_CLOCK, Clock
from ..connectors.base import Transaction
from ..connectors.operations import TransactionOptions, Witness
from ..context import RunContext
from ..errors import ConnectorError, DeliveriesPendingError, OutcomeUnknownError, PortlError, StepError
from ..logging import Event, Observer, ignore
from ..model.resolve import Resolved
from ..outbox import Delivery
from ..outbox.base import DrainReport
from ..plan import JobPlan, Phase, PlannedStep
from ..plan.connections import READ_ONLY
from ..steps.calls import retry_policy
from ..steps.kinds import writes
from .base import RunOptions, RunReport
from .deliveries import deliver, pending
from .execute import Execution
from .hooks import HookRunner
from .ledgerbook import LedgerBook
from .opened import OpenConnections
from .phase import run_steps
from .placing import committed_before, place_all
from .recorder import Recorder
from .rejected import place_letters, told, with_rejected


def run_job(
    plan: JobPlan,
    resolved: Resolved,
    *,
    options: RunOptions = RunOptions(),  # noqa: B008  # frozen
    observer: Observer = ignore,
    clock: Clock = SYSTEM_CLOCK,
) -> RunReport:
    """Run a job. Raises StepError (rolled back), OutcomeUnknownError, DeliveriesPendingError (committed)."""
    recorder = Recorder(observer, clock)
    with OpenConnections(resolved.connections, str(plan.file.folder), clock) as connections:
        context = RunContext(
            plan=plan,
            connections=connections,
            params=resolved.params,
            run_id=str(uuid.uuid4()),
            now=clock.now(),
            observer=recorder,
            mocked=options.rollback,
            limit=options.limit,
            batch_size=options.batch_size,
        )
        hooks = HookRunner(context, resolved.masker, clock, left_out=options.rollback)
        book = LedgerBook(context, recorder, resolved.masker, clock, may_create=not options.rollback)
        return _Run(context, options, recorder, clock, book, hooks).run()


class _RolledBack(Exception):
    """Ends a transaction that is not to be committed."""


class _Run:
    def __init__(
        self,
        context: RunContext,
        options: RunOptions,
        recorder: Recorder,
        clock: Clock,
        book: LedgerBook,
        hooks: HookRunner,
    ) -> None:
        self._context = context
        self._plan = context.plan
        self._job = context.plan.file.job
        self._options = options
        self._recorder = recorder
        self._clock = clock
        self._book = book
        self._attempts = 1
        self._began = False
        self._committed = False
        self._hooks = hooks
        self._execution = Execution(context, hooks, self._in_transaction)

    def run(self) -> RunReport:
        context = self._context
        self._tell("run_started", job=self._job.name, run_id=context.run_id)
        if self._options.limit is not None:
            self._tell("run_limited", "warning", limit=self._options.limit)
        try:
            report = self._phases()
            self._hooks.after_job(report.steps)
        except BaseException as error:
            if isinstance(error, PortlError):
                self._failed(error)
                if self._stays(error):
                    place_letters(context)
            self._hooks.after_failure(self._outcome(error), error)
            raise
        finally:
            for file in context.files:
                file.discard()
        self._rejected()
        self._tell("run_completed", outcome=report.outcome, seconds=round(report.seconds, 3))
        return report

    def _phases(self) -> RunReport:
        run_key = self._book.run_key()
        if run_key is not None and self._book.is_done(run_key):
            return self._report("done_before")
        self._execution.prepare()
        self._hooks.before_job()
        for planned in self._plan.of(Phase.BEFORE):
            self._execution.run(planned)
        inside = self._plan.of(Phase.TRANSACTION)
        if not inside and run_key is None:
            return self._ended("no_transaction", None)
        if self._job.transaction.scope == "none":
            self._separately(inside, run_key)
        else:
            self._transaction(inside, run_key)
        if self._options.rollback:
            self._after()
            return self._report("rolled_back")
        deliveries = self._drain()
        self._after()
        return self._ended("committed", deliveries)

    def _ended(self, outcome: Any, deliveries: DrainReport | None) -> RunReport:
        if not self._options.rollback:
            place_letters(self._context)
            self._place_files()
        report = replace(self._report(outcome), deliveries=deliveries)
        if deliveries is not None and (deliveries.pending or deliveries.dead):
            raise pending(deliveries)
        return report

    def _place_files(self) -> None:
        try:
            place_all(self._context)
        except PortlError as error:
            if not self._committed:
                raise
            raise committed_before(error) from error

    def _report(self, outcome: Any) -> RunReport:
        return RunReport(
            run_id=self._context.run_id,
            job=self._job.name,
            outcome=outcome,
            steps=with_rejected(self._recorder.steps(), self._context),
            attempts=self._attempts,
            seconds=self._recorder.seconds(),
        )

    def _transaction(self, steps: tuple[PlannedStep, ...], run_key: str | None) -> None:
        """Run the phase in one transaction, again where the database undid it."""
        name = self._plan.connection
        assert name is not None  # noqa: S101  # the plan has a transaction
        context = self._context
        self._book.require_tables(run_key)
        before = dict(context.results), dict(context.sources), list(context.files)
        witnesses: list[Witness] = []

        def body(transaction: Transaction) -> None:
            context.results, context.sources = dict(before[0]), dict(before[1])
            for file in context.files[len(before[2]) :]:
                file.discard()
            context.files = list(before[2])
            context.transaction = transaction
            witnesses.clear()
            self._began = True
            self._tell("transaction_started", attempt=self._attempts, connection=name)
            for planned in steps:
                self._execution.run(planned)
            if self._options.rollback:
                raise _RolledBack
            witnesses.extend(self._book.committed(transaction, run_key))

        def about_to_commit() -> Witness | None:
            self._tell("committing", "debug")
            return witnesses[0] if witnesses else None

        def replayed(error: ConnectorError, attempt: int) -> None:
            self._attempts = self._hooks.attempt = attempt
            self._tell("transaction_replayed", level="warning", attempt=attempt, cause=error.message)

        try:
            self._phase(
                name,
                body,
                options=TransactionOptions(self._job.transaction.isolation),
                witness=about_to_commit,
                on_commit=self._is_committed,
                on_replay=replayed,
            )
        except _RolledBack:
            self._tell("rolled_back")
        finally:
            context.transaction = None

    def _separately(self, steps: tuple[PlannedStep, ...], run_key: str | None) -> None:
        """Run the phase with a transaction for each step."""
        name, self._began = self._plan.connection, True
        self._tell("steps_separate", "debug")
        for planned in steps:
            self._execution.run(planned)
        if name is not None and not self._options.rollback:
            self._phase(name, lambda transaction: self._book.committed(transaction, run_key))
        self._committed = True
        self._tell("steps_committed", "debug")
        if not self._options.rollback:
            place_letters(self._context)

    def _is_committed(self) -> None:
        self._committed = any(map(writes, self._plan.of(Phase.TRANSACTION)))
        self._tell("committed")
        place_letters(self._context)

    def _phase(self, name: str, body: Callable[[Transaction], Any], **settings: Any) -> Any:
        connector = self._context.connections.connector(name)
        policy = retry_policy(self._job.transaction.retry)
        return run_steps(connector, body, clock=self._clock, retry=policy, **settings)

    def _in_transaction(self, planned: PlannedStep, action: Callable[[Transaction], Any]) -> Any:
        """Call `action` with the job's transaction, or with one of the step's own."""
        open_ = self._context.transaction
        if open_ is not None and (not planned.step.DATABASE or planned.connection == self._plan.connection):
            return action(open_)
        assert planned.connection is not None  # noqa: S101  # database steps have one
        options = TransactionOptions(read_only=planned.step.type in READ_ONLY)
        return self._phase(planned.connection, action, options=options)

    def _drain(self) -> DrainReport | None:
        """Make the deliveries that this job has committed."""
        report = deliver(
            self._plan,
            self._context.connections,
            self._clock,
            wait_s=self._options.drain_wait_s,
            on_delivery=self._delivery,
        )
        if report is not None:
            self._tell("drained", delivered=report.delivered, pending=report.pending, dead=report.dead)
        return report

    def _delivery(self, delivery: Delivery) -> None:
        level = "info" if delivery.outcome == "delivered" else "warning"
        self._tell("delivery", level, outcome=delivery.outcome, status=delivery.status, error=delivery.error)

    def _after(self) -> None:
        """The steps after commit; what fails here cannot be rolled back any more."""
        for planned in self._plan.of(Phase.AFTER):
            try:
                self._execution.run(planned)
            except PortlError as error:
                if not self._committed:
                    raise
                raise committed_before(error) from error

    def _outcome(self, error: BaseException) -> str:
        """What a run that ended with `error` has left."""
        if self._committed or isinstance(error, DeliveriesPendingError):
            return "committed"
        if isinstance(error, OutcomeUnknownError):
            return "unknown"
        return "partly_committed" if self._job.transaction.scope == "none" else "rolled_back"

    def _stays(self, error: PortlError) -> bool:
        """Whether anything that a failed run has done may stay done."""
        return self._committed or self._job.transaction.scope == "none" or isinstance(error, OutcomeUnknownError)

    def _rejected(self) -> None:
        """Tell which steps left out items."""
        for rejects in self._context.rejects.values():
            if rejects.count:
                self._recorder(Event("rows_rejected", rejects.step_id, level="warning", details=told(rejects)))

    def _failed(self, error: PortlError) -> None:
        step = error if isinstance(error, StepError) else error.__cause__
        step_id, idx = (step.step_id, step.idx) if isinstance(step, StepError) else (None, None)
        details: dict[str, Any] = {"error": str(error), "rendered": getattr(step, "rendered", "")}
        details["outcome"] = self._outcome(error)
        event = "step_failed" if step_id else "run_failed"
        self._recorder(Event(event, step_id, idx, "error", details))
        if self._began and not self._options.rollback and details["outcome"] in ("rolled_back", "partly_committed"):
            self._book.failed(error)

    def _tell(self, event: str, level: Any = "info", **details: Any) -> None:
        self._recorder(Event(event, level=level, details=details))
