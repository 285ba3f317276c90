"""The workers of a run: threads that do units themselves, or threads that each lead a worker process.

Input: maps to run. Output: their results in the store. `Pool.run_map` blocks the calling thread until a map at the
top of the flow is done, so that this thread stays free for signals.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..describe import item_failure
from ..errors import LokkiError, MapFailedError, ResultError, StepFailedError
from ..graph import MapLink, TaskEntry
from .scheduler import Scheduler
from .units import FanOut, Outcome, Unit
from .work import Done, Worker

if TYPE_CHECKING:
    from .events import Kind
    from .execution import Execution, Path
    from .processes import ProcessWorker, WorkerDiedError, WorkerSpec

ITEM_ERRORS = (StepFailedError, ResultError, MapFailedError)
"""What is the fault of an item, and may be tolerated; anything else ends the run."""

CPU_BOUND_S = 1.0
"""Processor seconds a map must have used before it is called CPU-bound."""

TICK_S = 0.1
"""How often progress is told, in seconds."""

Do = Callable[[Unit], Outcome]


class Pool:
    """Runs maps on worker threads, each with a worker process of its own where `spec` is given."""

    def __init__(self, execution: Execution, workers: int, spec: WorkerSpec | None = None) -> None:
        self._execution = execution
        self._worker = Worker(execution)
        self._spec = spec
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._processes: list[ProcessWorker] = []
        self._warned = False
        self._broken: BaseException | None = None
        self.scheduler = Scheduler(
            workers,
            on_finish=self._finished,
            on_item_failed=self._item_failed,
            monotonic=execution.clock.monotonic,
        )

    @property
    def busy(self) -> bool:
        """Whether a worker thread is still in a step."""
        return any(thread.is_alive() for thread in self._threads)

    def start_processes(self) -> None:
        """Start the worker processes now: before any thread, so that forking is safe."""
        if self._spec is not None:
            for number in range(self.scheduler.workers):
                self._processes.append(self._new_process(number))

    def run_map(self, link: MapLink, path: Path = ()) -> FanOut:
        """Run a map at the top of the flow. Raises what ended it."""
        fan = self._fan_out(link, path)
        self._execution.tell("map_start", step=link.name, total=fan.total)
        self.scheduler.open(fan)
        self._add_worker()
        while not self.scheduler.wait(fan, TICK_S):
            self._tick(fan)
        if self._broken is not None:
            raise self._broken
        taken = self._execution.clock.monotonic() - fan.begun_s
        details: dict[str, Any] = {"done": fan.done, "failed": fan.failed, "total": fan.total, "duration_s": taken}
        kind: Kind = "map_failure" if fan.error else "map_success"
        self._execution.tell(kind, step=link.name, message=str(fan.error) if fan.error else None, **details)
        if fan.error is not None:
            raise fan.error
        return fan

    def stop(self) -> None:
        """Hand out nothing more and end the worker processes; threads end after the item they have."""
        self.scheduler.stop()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.end()

    def join(self) -> None:
        """Wait for the worker threads to end."""
        for thread in self._threads:
            thread.join()

    def _tick(self, fan: FanOut) -> None:
        self._execution.tell("map_progress", step=fan.link.name, done=fan.done, failed=fan.failed, total=fan.total)
        if self._spec is None and not self._warned:
            for one in self.scheduler.snapshot():
                self._warn_if_cpu_bound(one)

    def _warn_if_cpu_bound(self, fan: FanOut) -> None:
        elapsed = self._execution.clock.monotonic() - fan.begun_s
        if fan.cpu_s < CPU_BOUND_S or not 0.75 <= fan.cpu_s / elapsed <= 1.25 or fan.total < 2:
            return
        if self.scheduler.workers < 2 or fan.link.options.concurrency_limit == 1:
            return
        self._warned = True
        self._execution.tell(
            "warning",
            step=fan.link.name,
            message=f"step '{fan.link.name}' keeps one processor busy; threads share one. Try --executor process.",
        )

    def _fan_out(self, link: MapLink, path: Path) -> FanOut:
        """A map ready to be handed out: all of its items, or those an earlier process did not finish."""
        execution = self._execution
        total = execution.map_total(link, path)
        left = execution.unfinished(link, path, total)
        return FanOut(link, path, total, left, begun_s=execution.clock.monotonic())

    def _add_worker(self) -> None:
        """Start another thread where it would have something to do."""
        with self._lock:
            number = len(self._threads)
            if number >= self.scheduler.workers or not self.scheduler.wants_worker():
                return
            do = self._in_process(number) if self._spec is not None else self._in_thread
            thread = threading.Thread(target=self._work, args=(do,), name=f"lokki-worker-{number}", daemon=True)
            self._threads.append(thread)
        thread.start()

    def _work(self, do: Do) -> None:
        try:
            unit = self.scheduler.take()
            while unit is not None:
                self._add_worker()
                unit = self.scheduler.exchange(unit, do(unit))
        except BaseException as error:  # a bug of ours must end the run, not hang it
            self._broken = error
            self.scheduler.abandon()

    def _outcome(self, unit: Unit, done: Done) -> Outcome:
        outcome = Outcome(done.done, done.failed, done.error, elapsed_s=done.elapsed_s, cpu_s=done.cpu_s)
        if done.reached is not None:
            inner = self._worker.operations(unit.fan.link)[done.reached].link
            assert inner is not None  # noqa: S101  # an item only waits where there is a map
            outcome.inner = self._fan_out(inner, (*unit.fan.path, unit.first))
            outcome.reached = done.reached
        return outcome

    def _in_thread(self, unit: Unit) -> Outcome:
        fan = unit.fan
        if fan.link.nested:
            done = self._worker.item(fan.link, fan.path, unit.first, unit.position, attempt=1, suspect=False)
        else:
            done = self._worker.items(fan.link, fan.path, unit.first, unit.count, attempt=1, suspect=False, fan=fan)
        return self._outcome(unit, done)

    def _new_process(self, number: int, method: str | None = None) -> ProcessWorker:
        from .processes import ProcessWorker  # noqa: PLC0415  # 15 ms that threads do not need

        assert self._spec is not None  # noqa: S101  # called with a spec only
        process = ProcessWorker(self._spec, number, self._execution.listener)
        process.start(method)
        return process

    def _in_process(self, number: int) -> Do:
        from .processes import Request, WorkerDiedError  # noqa: PLC0415  # see above

        def do(unit: Unit) -> Outcome:
            fan = unit.fan
            where = (fan.link.name, fan.path, unit.first, unit.count, unit.position, unit.attempt, unit.suspect)
            try:
                return self._outcome(unit, self._processes[number].do(Request(*where)))
            except WorkerDiedError as death:
                if fan.stopped or self.scheduler.closed:
                    return Outcome()
                self._processes[number] = self._new_process(number, "spawn")
                return self._after_death(unit, death)
            except LokkiError as error:
                return Outcome(error=error)

        return do

    def _after_death(self, unit: Unit, death: WorkerDiedError) -> Outcome:
        """Hand out again what a dead worker held; the item it was at has one attempt less."""
        fan, before = unit.fan, min(death.passed, unit.count - 1)
        at = unit.first + before
        outcome = self._item_after_death(unit, at, death)
        rest = [Unit(fan, unit.first, before, suspect=True), Unit(fan, at + 1, unit.count - before - 1)]
        outcome.retry = [*outcome.retry, *(one for one in rest if one.count)]
        return outcome

    def _item_after_death(self, unit: Unit, index: int, death: WorkerDiedError) -> Outcome:
        node = self._node_at_work(unit, index)
        invoker = self._execution.invoker(node)
        attempt = max(unit.attempt if unit.node == node else 1, death.attempt_at(node, index))
        if attempt > invoker.retry.retries:
            return self._item_lost(unit, index, invoker.failure(death, index, attempt))
        self._execution.tell("step_retry", step=node, index=index, attempt=attempt, message=str(death), duration_s=0.0)
        again = Unit(unit.fan, index, position=unit.position, attempt=attempt + 1, node=node, suspect=True)
        return Outcome(retry=[again])

    def _item_lost(self, unit: Unit, index: int, error: StepFailedError) -> Outcome:
        fan, execution = unit.fan, self._execution
        execution.write_error(error.step, (*fan.path, index), error)
        if fan.link.nested or not fan.link.options.tolerated_failure_percentage:
            return Outcome(error=error)
        execution.journal(error.step, fan.path).append_failure(index, item_failure(error, index))
        return Outcome(failed=1)

    def _node_at_work(self, unit: Unit, index: int) -> str:
        """The step a worker died in: the first one without a result for the item."""
        execution, fan = self._execution, unit.fan
        if fan.link.nested:
            path = (*fan.path, index)
            tasks = [o for o in self._worker.operations(fan.link)[unit.position :] if o.task is not None]
            open_ones = [o for o in tasks if not execution.is_sealed(o.task.node, path, feeds_map=o.feeds_map)]  # type: ignore[union-attr]  # filtered above
            return (open_ones or tasks)[0].task.node  # type: ignore[union-attr]  # filtered above
        nodes = [task.node for task in fan.link.body if isinstance(task, TaskEntry)]
        for node in nodes:
            if not execution.store.read_journal(execution.flow, execution.run_id, node, path=fan.path).has(index):
                return node
        return nodes[-1]

    def _finished(self, fan: FanOut) -> LokkiError | None:
        """The judgement on a finished map."""
        self._execution.close_journals(fan.link, fan.path)
        if fan.error is not None:
            return None
        try:
            failures = self._execution.map_failures(fan.link, fan.path)
            self._execution.check_tolerance(fan.link, fan.path, fan.total, failures)
            if not fan.stopped:
                self._execution.check_complete(fan.link, fan.path, fan.total, failures)
        except LokkiError as error:
            return error
        return None

    def _item_failed(self, fan: FanOut, index: int, error: LokkiError) -> LokkiError | None:
        """An item of a map with maps inside failed: keep why, where the map may tolerate it."""
        if not fan.link.options.tolerated_failure_percentage or not isinstance(error, ITEM_ERRORS):
            return error
        journal = self._execution.journal(fan.link.name, fan.path)
        journal.append_failure(index, item_failure(error, index))
        return None
