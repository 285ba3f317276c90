"""Runs a flow on this machine: one run from its parameters to its result.

Input: a Flow and typed parameters, or a run to go on with. Output: `RunResult`, and everything on the way in a store.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from ..bindings import bindings_record, calls_of, check_kept, differences, shape_differences
from ..clock import SYSTEM_CLOCK, Clock
from ..environment import set_variable
from ..errors import LokkiError, ObjectMissingError, ParamError, ResumeError
from ..params import check_size, complete, params_limit_bytes
from ..record import Record
from ..resolve import Resolved, flow_params, resolve
from ..store.local import LocalStore
from .events import Kind, Listener, ignore
from .execution import Execution
from .place import Keeping, Place
from .record import RunRecord, check_run_id, new_run_id
from .work import Operation, operations, run_operation

if TYPE_CHECKING:
    from ..decorators import Flow
    from .pool import Pool
    from .processes import WorkerSpec

Executor = Literal["thread", "process"]

Implicit = Callable[[Resolved], Mapping[str, Any]]
"""Makes values for arguments bound to the first step."""


class RunResult(Record):
    """How a run ended well."""

    run_id: str
    value: Any
    """What the flow's last step returned; for a flow that ends with an open map, the list of item results."""


class LocalRunner:
    """Runs flows in this process, its threads and, if wanted, its worker processes."""

    def __init__(
        self,
        *,
        root: str | None = None,
        store_type: Literal["local", "memory"] = "local",
        executor: Executor = "thread",
        workers: int | None = None,
        keep_runs: int = 10,
        clock: Clock = SYSTEM_CLOCK,
        listener: Listener = ignore,
    ) -> None:
        self.root = root
        """Where runs are kept; None is `.lokki` beside the flow file."""
        self.store_type = store_type
        self.executor = executor
        self.workers = workers or default_workers(executor)
        self.keep_runs = keep_runs
        self.pool: Pool | None = None
        """The workers of the last run; for whoever must know whether threads are still busy."""
        self._clock = clock
        self._listener = listener

    def run(
        self,
        flow: Flow[Any],
        params: Mapping[str, Any] | None = None,
        *,
        run_id: str | None = None,
        implicit: Implicit | None = None,
    ) -> RunResult:
        """Run `flow` with typed `params`: its own, and arguments bound to its first step.

        `implicit` makes more of the latter, once the flow body has told what may be given. Raises ParamError or
        GraphError before anything runs, and LokkiError for whatever ends the run.
        """
        given = dict(params or {})
        known = flow_params(flow)
        values = complete(flow.name, known, {n: v for n, v in given.items() if n in known})
        resolved = resolve(flow, values)
        extra = _implicit_values(resolved, {n: v for n, v in given.items() if n not in known})
        extra |= implicit(resolved) if implicit else {}
        check_size({**values, **extra}, params_limit_bytes(resolved.graph))
        started_at = self._clock.now()
        run_id = check_run_id(run_id) if run_id else new_run_id(started_at)
        bindings = bindings_record(resolved, {**values, **extra}, extra, started_at)
        with Place(self._keeping(flow), flow.name, run_id) as place:
            if place.is_used:
                raise ResumeError(f"run '{run_id}' exists already.", hint=f"Go on with it: --resume {run_id}.")
            try:
                place.store.create_bindings(flow.name, run_id, bindings)
            except LokkiError:
                raise
            except Exception:
                check_kept(flow.name, bindings)
                raise
            return self._go(resolved, place, run_id, bindings, resuming=False)

    def resume(
        self,
        flow: Flow[Any],
        run_id: str,
        params: Mapping[str, Any] | None = None,
        *,
        implicit: Implicit | None = None,
    ) -> RunResult:
        """Go on with a run: only what has not succeeded is executed, with the code as it is now.

        `params` may repeat the run's parameters. Raises ResumeError where they differ, where the graph has
        another shape, or where there is no such run.
        """
        if self.store_type == "memory":
            raise ResumeError("a run kept in memory is gone when it ends.", hint="Run with --store local.")
        store = LocalStore(self._root_of(flow), flow_name=flow.name)
        bindings = _read_bindings(store, flow, check_run_id(run_id))
        stored = bindings["params"]
        resolved = resolve(flow, _flow_values(flow, stored, run_id))
        _check_params(stored, {**(params or {}), **(implicit(resolved) if implicit else {})}, resolved, run_id)
        _check_shape(resolved, bindings["shape"], run_id)
        with Place(self._keeping(flow), flow.name, run_id) as place:
            return self._go(resolved, place, run_id, bindings, resuming=True)

    def _keeping(self, flow: Flow[Any]) -> Keeping:
        root = None if self.store_type == "memory" else self._root_of(flow)
        return Keeping(root, self.keep_runs, shared=self.executor == "process")

    def _root_of(self, flow: Flow[Any]) -> str:
        return self.root or os.path.join(os.path.dirname(os.path.abspath(_file_of(flow))), ".lokki")

    def _go(
        self, resolved: Resolved, place: Place, run_id: str, bindings: Mapping[str, Any], *, resuming: bool
    ) -> RunResult:
        flow = resolved.flow
        record = RunRecord(place.store, flow.name, run_id)
        started_at = bindings["started_at"]
        where = {"file": os.path.abspath(_file_of(flow)), "module": flow.fn.__module__, "function": flow.fn.__name__}
        record.begin(resolved.graph, bindings["params"], started_at, **where)
        _set_environment(resolved)
        execution = Execution(
            store=place.store,
            graph=resolved.graph,
            steps=resolved.steps,
            calls=calls_of(bindings),
            run_id=run_id,
            started_at=started_at,
            resuming=resuming,
            clock=self._clock,
            listener=self._listener,
        )
        begin = self._clock.monotonic()
        try:
            value = self._execute(execution, self._spec(resolved, place, run_id, resuming=resuming))
        except BaseException as error:
            status = "failed" if isinstance(error, Exception) else "interrupted"
            kind: Kind = "run_failure" if isinstance(error, Exception) else "run_interrupted"
            with suppress(LokkiError):  # a full disk must not hide what happened
                record.end(status, self._clock.now(), str(error))
            execution.tell(kind, duration_s=self._clock.monotonic() - begin, message=str(error))
            raise
        record.end("succeeded", self._clock.now())
        execution.tell("run_success", duration_s=self._clock.monotonic() - begin)
        return RunResult(run_id, value)

    def _spec(self, resolved: Resolved, place: Place, run_id: str, *, resuming: bool) -> WorkerSpec | None:
        if self.executor == "thread" or not isinstance(place.store, LocalStore):
            return None
        flow = resolved.flow
        from .processes import WorkerSpec  # noqa: PLC0415  # 15 ms that threads do not need

        file = os.path.abspath(_file_of(flow))
        return WorkerSpec(file, flow.fn.__module__, resolved.graph, place.store.root, run_id, resuming)

    def _execute(self, execution: Execution, spec: WorkerSpec | None) -> Any:
        self.pool = _new_pool(execution, self.workers, spec) if execution.maps else None
        try:
            if self.pool is not None:
                self.pool.start_processes()
            execution.tell("run_start")
            for operation in operations(execution.graph.chain):
                self._do(execution, operation)
            return execution.result(execution.graph.chain, ())
        finally:
            if self.pool is not None:
                self.pool.stop()
            execution.close_journals()

    def _do(self, execution: Execution, operation: Operation) -> None:
        task, link = operation.task, operation.link
        if task is None:
            assert link is not None and self.pool is not None  # noqa: S101, PT018  # without a task it is a map
            if not self._is_aggregated(execution, link.agg.node if link.agg else None):
                self.pool.run_map(link)
            return
        if execution.resuming and execution.is_sealed(task.node, (), feeds_map=operation.feeds_map):
            execution.tell("step_skipped", step=task.node)
            return
        begin = self._clock.monotonic()
        execution.tell("step_start", step=task.node)
        try:
            run_operation(execution, operation, ())
        except LokkiError as error:
            taken = self._clock.monotonic() - begin
            execution.tell("step_failure", step=task.node, duration_s=taken, message=_reason(error))
            raise
        execution.tell("step_success", step=task.node, duration_s=self._clock.monotonic() - begin)

    def _is_aggregated(self, execution: Execution, agg: str | None) -> bool:
        """Whether a map's aggregation is done, so that its items need not be looked at."""
        if agg is None or not execution.resuming:
            return False
        following = [o for o in operations(execution.graph.chain) if o.task is not None and o.task.node == agg]
        return execution.is_sealed(agg, (), feeds_map=following[0].feeds_map)


def _new_pool(execution: Execution, workers: int, spec: WorkerSpec | None) -> Pool:
    from .pool import Pool  # noqa: PLC0415  # only flows with maps need workers

    return Pool(execution, workers, spec)


def default_workers(executor: Executor) -> int:
    """How many workers there are unless told: one a processor, and more for threads, which mostly wait."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return processors if executor == "process" else min(32, processors + 4)


def _implicit_values(resolved: Resolved, given: Mapping[str, Any]) -> dict[str, Any]:
    unknown = [name for name in given if name not in resolved.implicit]
    if unknown:
        names = ", ".join([*resolved.params, *resolved.implicit]) or "none"
        raise ParamError(f"flow '{resolved.flow.name}' has no parameter '{unknown[0]}'. It has: {names}.")
    return dict(given)


def _read_bindings(store: LocalStore, flow: Flow[Any], run_id: str) -> dict[str, Any]:
    try:
        record: dict[str, Any] = store.read_bindings(flow.name, run_id)
    except ObjectMissingError as error:
        kept = store.runs(flow.name)
        hint = f"Kept are: {', '.join(kept[-5:])}." if kept else f"None is kept in {store.root}."
        raise ResumeError(f"flow '{flow.name}' has no run '{run_id}'.", hint=hint) from error
    return record


def _flow_values(flow: Flow[Any], stored: Mapping[str, Any], run_id: str) -> dict[str, Any]:
    """The stored parameters of the flow function. Raises ResumeError where it has others by now."""
    known = flow_params(flow)
    new = [name for name, param in known.items() if name not in stored and param.required]
    if new:
        raise ResumeError(
            f"run '{run_id}' was started without parameter '{new[0]}', which flow '{flow.name}' needs now.",
            hint="Start a new run.",
        )
    return {name: stored.get(name, param.default) for name, param in known.items()}


def _check_params(stored: Mapping[str, Any], given: Mapping[str, Any], resolved: Resolved, run_id: str) -> None:
    bound = {name: param.default for name, param in resolved.implicit.items()}
    changed = differences({name: stored.get(name, bound.get(name)) for name in given}, given)
    if changed:
        raise ResumeError(
            f"run '{run_id}' was started with other parameters:\n  " + "\n  ".join(changed) + "\n",
            hint="Resume without parameters, or start a new run.",
        )


def _check_shape(resolved: Resolved, stored: Any, run_id: str) -> None:
    now = resolved.graph.shape()
    if now != stored:
        lines = "\n  ".join(shape_differences(stored, now))
        raise ResumeError(
            f"run '{run_id}' has another graph than flow '{resolved.flow.name}' has now:\n  {lines}\n",
            hint="Start a new run, or put the steps back as they were; their code may change.",
        )


def _file_of(flow: Flow[Any]) -> str:
    module = sys.modules.get(flow.fn.__module__)
    return getattr(module, "__file__", None) or flow.fn.__code__.co_filename


def _set_environment(resolved: Resolved) -> None:
    """Steps' own variables; locally all steps share one environment."""
    for step in resolved.steps.values():
        for name, value in step.options.env:
            set_variable(name, value)


def _reason(error: LokkiError) -> str:
    cause = error.__cause__
    return f"{type(cause).__qualname__}: {cause}" if cause is not None else str(error)
