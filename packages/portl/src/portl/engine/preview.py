"""Shows what a job would do, without doing it: the first items of each batch, the SQL, the requests.

Stage: `JobPlan` + resolved connections → `Preview`. Reads source files. Offline it connects to nothing, and what only a
database or a function could tell stands as its expression, in ‹ ›. With `check` it lets the database look at every
statement, in a transaction that is rolled back.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ..batch.items import Items
from ..batch.rejects import reason
from ..batch.rows import Aligned, ListRows, Rows
from ..clock import SYSTEM_CLOCK, Clock
from ..connectors.base import Transaction
from ..connectors.operations import Sql, TransactionOptions
from ..context import RunContext
from ..errors import PortlError, SchemaError
from ..model.resolve import Resolved
from ..outbox import missing_tables
from ..plan import JobPlan, PlannedStep
from ..plan.connections import SHEETS
from ..steps.kinds import read
from ..template.rows import Chunk, RowFailure
from .failures import step_error
from .hooks import mistakes
from .opened import OpenConnections
from .shown import Renderer
from .symbols import Symbol, known_parts


@dataclass(frozen=True)
class StepPreview:
    """What one step would do."""

    step_id: str
    type: str
    phase: str
    where: str
    """`file:line:column` in the job."""
    connection: str | None = None
    condition: str = ""
    """Why it may be skipped; "" where it always runs."""
    statements: tuple[str, ...] = ()
    items: tuple[Mapping[str, Any], ...] = ()
    """For the first items: `idx` and what would be written, asked or sent."""
    inside: str | None = None
    """The conditional it stands in."""


@dataclass(frozen=True)
class Preview:
    """What a job would do."""

    job: str
    level: str
    connection: str | None
    steps: tuple[StepPreview, ...]
    notes: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    """What would fail, as far as it can be told."""
    hooks: tuple[str, ...] = ()
    """The programs that would be started, each after the name of its hook."""


def preview(
    plan: JobPlan, resolved: Resolved, *, check: bool = False, sample: int = 3, clock: Clock = SYSTEM_CLOCK
) -> Preview:
    """What the job would do. Raises the errors of connections; those of steps are in the result."""
    with OpenConnections(resolved.connections, str(plan.file.folder), clock) as connections, ExitStack() as stack:
        context = RunContext(
            plan, connections, resolved.params, "dry-run", clock.now(), mocked=True, writes_letters=False
        )
        previewer = _Previewer(context, sample, stack if check else None)
        for planned in plan.steps:
            previewer.step(planned)
        previewer.tables()
        previewer.errors += map(str, mistakes(plan))
    return Preview(
        job=plan.file.job.name,
        level="check" if check else "offline",
        connection=plan.connection,
        steps=tuple(previewer.steps),
        notes=plan.notes,
        errors=tuple(previewer.errors),
        hooks=tuple(f"{name}: {' '.join(hook.run)}" for name, hook in plan.file.job.hooks if hook is not None),
    )


@dataclass
class _Previewer:
    context: RunContext
    sample: int
    stack: ExitStack | None
    """Keeps the transactions of a check; None offline."""
    steps: list[StepPreview] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    """Ids of steps whose results only a real run knows."""
    transactions: dict[str, Transaction] = field(default_factory=dict)

    def step(self, planned: PlannedStep) -> None:
        """Preview a step that stands in no other."""
        items = None
        try:
            items = self._items(planned) if planned.batch is not None else None
            self._step(planned, items, None)
        except PortlError as error:
            self.errors.append(str(step_error(error, planned, self.context.plan, items, None)))
            self.unknown.update(step.id for step in planned.walk())

    def tables(self) -> None:
        """Check that portl's own tables are there."""
        plan = self.context.plan
        if self.stack is None or not plan.uses_outbox or plan.connection is None:
            return
        outbox = plan.file.job.outbox
        if missing_tables(self._transaction(plan.connection), outbox.table) and not outbox.create:
            hint = f"Make it: portl outbox init {plan.file.source.file}."
            self.errors.append(
                str(SchemaError(f"{plan.connection}: portl's table {outbox.table} is not there.", hint=hint))
            )

    def _items(self, planned: PlannedStep) -> Items | None:
        """The first items of a batch; None where only a real run knows them."""
        batch = planned.batch
        assert batch is not None  # noqa: S101  # asked for batched steps only
        if not known_parts(batch.template, planned, self.unknown):
            return None
        if batch.source not in self.context.sources:
            rows = self.context.source(planned)
            self.context.sources[batch.source] = _first(rows, self.sample)
        results = {
            name: value
            for name, step in planned.items.items()
            if isinstance(value := self.context.results.get(step, {}).get(name), Aligned)
        }
        return Items(self.context.sources[batch.source], batch.alias, None, results)

    def _step(self, planned: PlannedStep, items: Items | None, inside: str | None) -> None:
        if planned.step.type == "conditional":
            self._conditional(planned, items, inside)
            return
        if planned.step.type == "csv.read":
            outputs = read(planned, self.context, None) or {}
            self.context.results[planned.id] = outputs
        elif planned.step.type in ("db.read", "sheets.read"):
            self.unknown.add(planned.id)
        elif planned.step.save_as:
            self._result(planned, items)
        renderer = Renderer(planned, self.context, self.unknown)
        chunks = self._chunks(planned, items, renderer)
        statements = self._statements(planned, items, renderer)
        shown = tuple(_shown(planned, renderer, chunk) for chunk in chunks)
        self._add(planned, inside, statements, shown, renderer.condition())

    def _conditional(self, planned: PlannedStep, items: Items | None, inside: str | None) -> None:
        renderer = Renderer(planned, self.context, self.unknown)
        self._add(planned, inside, (), (), renderer.condition())
        for child in (*planned.then, *planned.otherwise):
            self._step(child, items if child.batch is not None else None, planned.id)

    def _add(
        self,
        planned: PlannedStep,
        inside: str | None,
        statements: tuple[str, ...],
        items: tuple[Mapping[str, Any], ...],
        condition: str,
    ) -> None:
        self.steps.append(
            StepPreview(
                step_id=planned.id,
                type=planned.step.type,
                phase=planned.phase.value,
                where=self.context.plan.file.source.where(planned.path),
                connection=planned.connection,
                condition=condition,
                statements=statements,
                items=items,
                inside=inside,
            )
        )

    def _chunks(self, planned: PlannedStep, items: Items | None, renderer: Renderer) -> list[Chunk | None]:
        """One chunk per item that is shown; [None] where the items are not known."""
        if items is None:
            return [None]
        keys = [key for key in items.variables() if key != ("idx",)]
        renderer.variables = items.variables()
        return list(items.chunks(keys, 1))

    def _result(self, planned: PlannedStep, items: Items | None) -> None:
        """The result of a call with a mock; everything else is not known."""
        mock = planned.templates.get("mock")
        if mock is None or not known_parts(mock, planned, self.unknown):
            self.unknown.add(planned.id)
            return
        renderer = Renderer(planned, self.context, self.unknown)
        chunks = self._chunks(planned, items, renderer)
        values = [renderer.value(mock, chunk) for chunk in chunks]
        value = values[0] if planned.batch is None else Aligned(ListRows(values), None)
        self.context.results[planned.id] = {planned.step.save_as: value}

    def _statements(self, planned: PlannedStep, items: Items | None, renderer: Renderer) -> tuple[str, ...]:
        if planned.step.type in SHEETS:
            return self._sheet(planned, renderer)
        through = getattr(planned.step, "pass_through", None) is not None
        if not planned.step.DATABASE or planned.connection is None or (through and items is None):
            return ()
        from ..steps.database import require_written, statement_of  # noqa: PLC0415  # only for database steps

        connector = self.context.connections.connector(planned.connection)
        operation = statement_of(planned, None if items is None else items.source.columns)
        if self.stack is None:
            return tuple(connector.preview(operation))
        transaction = self._transaction(planned.connection)
        statements = tuple(connector.explain(transaction, operation))
        if not isinstance(operation, Sql):
            require_written(transaction, planned, operation)
        return statements

    def _sheet(self, planned: PlannedStep, renderer: Renderer) -> tuple[str, ...]:
        """The requests of a step on a spreadsheet. A check also looks whether its sheet and columns are there."""
        from ..steps.sheets_shown import check, requests  # noqa: PLC0415  # only for steps on spreadsheets

        parts = {name: planned.templates[name] for name in ("sheet_name", "range") if name in planned.templates}
        are_known = all(known_parts(part, planned, self.unknown, items=False) for part in parts.values())
        if self.stack is not None and are_known:
            check(planned, self.context)
        return requests(planned, self.context, {name: str(renderer.value(part, None)) for name, part in parts.items()})

    def _transaction(self, name: str) -> Transaction:
        """A transaction for looking; it is rolled back at the end."""
        assert self.stack is not None  # noqa: S101  # asked for in checks only
        if name not in self.transactions:
            opened = self.context.connections.connector(name).begin(TransactionOptions())
            self.transactions[name] = self.stack.enter_context(opened)
        return self.transactions[name]


def _shown(planned: PlannedStep, renderer: Renderer, chunk: Chunk | None) -> Mapping[str, Any]:
    """What the step would do with an item, or why it would leave it out. Raises RowFailure where the job would fail."""
    try:
        return renderer.item(chunk)
    except RowFailure as error:
        policy = getattr(planned.step, "on_error", None)
        if chunk is None or policy is None or policy.action == "fail":
            raise
        return {"idx": chunk.indexes[0], "rejected": reason(error)}


def _first(rows: Rows, count: int) -> Rows:
    sampled = ListRows(list(islice(rows.items(), count)), rows.columns)
    sampled.origin = rows
    return sampled


__all__ = ["Preview", "StepPreview", "Symbol", "preview"]
