"""Carries out steps: `when`, batches, branches, results; the same for every kind of step.

Stage: `PlannedStep` + `RunContext` → results in the context, events to the observer. What a step does is its worker's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from ..batch.items import Items, Selection, selected
from ..batch.rows import Aligned, Spool
from ..connectors.base import Transaction
from ..context import ONE, RunContext
from ..errors import HookError, PortlError, StepError
from ..logging import Event
from ..plan import PlannedStep
from ..steps.base import Worker, mapped_of
from ..steps.kinds import needs_transaction, prepare, read, worker_of
from ..steps.mapped import Mapped
from ..template.rows import Chunk, RowFunction, conditions_function
from .failures import step_error
from .hooks import HookRunner

ResultT = TypeVar("ResultT")

CHUNK = 2_000
"""Items that conditions are computed for at once."""


class Execution:
    """Carries out the steps of one run."""

    def __init__(
        self,
        context: RunContext,
        hooks: HookRunner,
        in_transaction: Callable[[PlannedStep, Callable[[Transaction], Any]], Any],
    ) -> None:
        self._context = context
        self._hooks = hooks
        self._in_transaction = in_transaction
        """Calls a function with the transaction that a step works in."""

    def prepare(self) -> None:
        """Find out, before anything is done, whether what is written at the end can be reached. Raises StepError."""
        for planned in self._context.plan.walk():
            self._guarded(planned, partial(prepare, planned, self._context))

    def run(self, planned: PlannedStep) -> None:
        """Carry out a step that stands in no other. Raises StepError."""
        if planned.batch is None:
            self._guarded(planned, lambda: self._single(planned))
        else:
            self._batched(planned, self._guarded(planned, lambda: self._items(planned)))

    def _items(self, planned: PlannedStep) -> Items:
        assert planned.batch is not None  # noqa: S101  # asked for batched steps only
        return Items(self._context.source(planned), planned.batch.alias, None, self._results(planned))

    def _results(self, planned: PlannedStep) -> dict[str, Aligned]:
        found = {name: self._context.results.get(step, {}).get(name) for name, step in planned.items.items()}
        return {name: value for name, value in found.items() if isinstance(value, Aligned)}

    def _single(self, planned: PlannedStep) -> None:
        scope = self._context.scope(planned, {})
        condition = planned.templates.get("when")
        chosen = condition is None or conditions_function(condition, scope)(ONE)[0]
        if planned.step.type == "conditional":
            for child in planned.then if chosen else planned.otherwise:
                self.run(child)
        elif not chosen:
            self._tell(planned, "step_skipped")
        else:
            self._tell(planned, "step_started")
            details = self._with_transaction(planned, lambda transaction: self._once(planned, transaction))
            self._tell(planned, "step_completed", **details)

    def _once(self, planned: PlannedStep, transaction: Transaction | None) -> dict[str, Any]:
        outputs = read(planned, self._context, transaction)
        if outputs is not None:
            self._context.results[planned.id] = outputs
            return {}
        worker = worker_of(planned, self._context.scope(planned, {}), self._context, transaction)
        if (mapped := mapped_of(worker)) is not None:
            mapped.take(ONE)
            mapped.rejects.check()
        results = worker.work(ONE)
        details = worker.finish()
        if planned.step.save_as:
            value = results[0] if results else None
            if value is not None and worker.columns is not None:
                value = dict(zip(worker.columns, value, strict=True))
            self._context.results[planned.id] = {planned.step.save_as: value}
        return details

    def _batched(self, planned: PlannedStep, items: Items) -> None:
        if planned.step.type == "conditional":
            self._branches(planned, items)
            return
        self._tell(planned, "step_started")
        details = self._with_transaction(planned, lambda transaction: self._work(planned, items, transaction))
        self._tell(planned, "step_completed", **details)

    def _branches(self, planned: PlannedStep, items: Items) -> None:
        self._tell(planned, "step_started")
        chosen, other = self._split(planned, items)
        for children, mask in ((planned.then, chosen), (planned.otherwise, other)):
            for child in children:
                results = {**items.results, **self._results(child)}
                self._batched(child, Items(items.source, items.alias, mask, results))
        self._tell(planned, "step_completed", then=chosen.count(1), otherwise=other.count(1))

    def _split(self, planned: PlannedStep, items: Items) -> tuple[bytearray, bytearray]:
        """Masks of the items for which the condition holds, and for which it does not."""
        yes, no = Selection(items.mask), Selection(items.mask)
        condition = self._guarded(planned, lambda: self._condition(planned, items))
        chunks = items.chunks(condition.keys, CHUNK)
        while (chunk := self._guarded(planned, lambda: next(chunks, None), items)) is not None:
            flags = self._guarded(planned, partial(condition, chunk), items, chunk)
            yes.add(chunk.indexes, flags)
            no.add(chunk.indexes, [not flag for flag in flags])
        return yes.mask, no.mask

    def _condition(self, planned: PlannedStep, items: Items) -> Any:
        return conditions_function(planned.templates["when"], self._context.scope(planned, items.variables()))

    def _work(self, planned: PlannedStep, items: Items, transaction: Transaction | None) -> dict[str, Any]:
        """Give all items to the step's worker; keep what it answers, if anybody asks for it."""
        scope = self._context.scope(planned, items.variables())
        worker: Worker = self._guarded(planned, lambda: worker_of(planned, scope, self._context, transaction), items)
        condition = None
        if "when" in planned.templates:
            condition = self._guarded(planned, lambda: self._condition(planned, items), items)
        keys = {*worker.keys, *(condition.keys if condition is not None else ())}
        own = planned.batch.size if planned.batch is not None else None
        size = self._context.batch_size or own or worker.size
        kept = Spool() if planned.keeps else None
        mapped = mapped_of(worker)
        leaves_out = condition is not None or (mapped is not None and planned.step.on_error.action != "fail")
        selection = Selection(items.mask) if leaves_out else None
        chunks = items.chunks(keys, size)
        count = seen = number = 0
        try:
            while (chunk := self._guarded(planned, lambda: next(chunks, None), items)) is not None:
                seen += len(chunk)
                # The name is taken again so that the chunk before is not held while this one is worked on.
                chunk = self._chosen(planned, items, chunk, condition, mapped, selection)
                if len(chunk) and not (mapped is not None and mapped.rejects.failing):
                    self._hooks.before_batch(planned, number, len(chunk))
                    results = self._guarded(planned, partial(worker.work, chunk), items, chunk)
                    if kept is not None:
                        kept.append(results)
                    self._hooks.after_batch(planned, number, len(chunk))
                    number += 1
                count += len(chunk)
                self._progress(planned, items, count, seen)
        except PortlError:
            if mapped is None or not mapped.rejects.failing:
                raise
        if mapped is not None:
            self._guarded(planned, mapped.rejects.check, items)
        details = self._guarded(planned, worker.finish, items)
        if kept is not None and planned.step.save_as:
            kept.columns, kept.nullable = worker.columns, worker.nullable
            mask = items.mask if selection is None or selection.everything else selection.mask
            self._context.results[planned.id] = {planned.step.save_as: Aligned(kept, mask)}
        return {"items": count, **details}

    def _chosen(
        self,
        planned: PlannedStep,
        items: Items,
        chunk: Chunk,
        condition: RowFunction | None,
        mapped: Mapped | None,
        selection: Selection | None,
    ) -> Chunk:
        """The items of a chunk that the step works on: those for which `when` holds and that can be used."""
        chosen, flags = chunk, [True] * len(chunk) if selection is not None else []
        if condition is not None:
            flags = self._guarded(planned, partial(condition, chunk), items, chunk)
            chosen = selected(chunk, flags)
        if mapped is not None and len(chosen):
            taken = self._guarded(planned, partial(mapped.take, chosen), items, chosen)
            if taken is not None:
                rest = iter(taken)
                flags = [flag and next(rest) for flag in flags]
                chosen = selected(chosen, taken)
        if selection is not None:
            selection.add(chunk.indexes, flags)
        return chosen

    def _progress(self, planned: PlannedStep, items: Items, count: int, seen: int) -> None:
        """Tell how many items were worked on, how many were looked at, and of how many, as far as that is known."""
        expected = items.expected()
        of = {} if expected is None else {"total": max(expected[0], seen), "exact": expected[1]}
        self._tell(planned, "step_progress", level="debug", items=count, seen=seen, **of)

    def _with_transaction(self, planned: PlannedStep, action: Callable[[Transaction | None], ResultT]) -> ResultT:
        if not needs_transaction(planned):
            return action(None)
        result: ResultT = self._guarded(planned, lambda: self._in_transaction(planned, action))
        return result

    def _guarded(
        self,
        planned: PlannedStep,
        action: Callable[[], ResultT],
        items: Items | None = None,
        chunk: Chunk | None = None,
    ) -> ResultT:
        """What `action` gives. Raises StepError for every error of portl's, with its place; HookError as it is."""
        try:
            return action()
        except (StepError, HookError):
            raise
        except PortlError as error:
            raise step_error(error, planned, self._context.plan, items, chunk) from error

    def _tell(self, planned: PlannedStep, event: str, level: Any = "info", **details: Any) -> None:
        self._context.observer(Event(event, planned.id, level=level, details={"type": planned.step.type, **details}))
