"""What a worker does with a unit: call steps on items and keep their results.

Input: an Execution and a unit's place. Output: results in the store, and a `Done` that says how it went. Runs the
author's steps, in a thread or in a worker process.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import LokkiError, StepFailedError
from ..fanout import MEMBER_BYTES, MEMBER_ITEMS, iterable_of, write_items
from ..graph import Chain, MapLink, TaskEntry
from ..invoke import ResultError, item_failure, pickled
from ..lint import FAILURES
from ..record import Record
from .sources import SourceReader

if TYPE_CHECKING:
    from ..invoke import Session
    from ..store.results import Journal
    from .execution import Execution, Path

FLUSH_S = 0.05
"""Results are kept at least this often, in seconds, while items go on."""


class Operation(Record):
    """One thing to do in a chain: a task, a map, or the aggregation of the map before it."""

    task: TaskEntry | None
    """The step to call; None for a map."""
    link: MapLink | None
    """The map to run or to aggregate; None for a plain task."""
    feeds_map: bool
    """Whether the result is fanned out next."""
    before: str | None
    """The node whose output is the input; None at the beginning of the chain."""

    @property
    def is_map(self) -> bool:
        """Whether there are items to hand out instead of a step to call."""
        return self.task is None


def operations(chain: Chain) -> tuple[Operation, ...]:
    """A chain as a list of things to do."""
    found: list[Operation] = []
    before: str | None = None
    for place, link in enumerate(chain):
        feeds = place + 1 < len(chain) and isinstance(chain[place + 1], MapLink)
        if isinstance(link, TaskEntry):
            found.append(Operation(link, None, feeds, before))
            before = link.node
            continue
        found.append(Operation(None, link, False, before))
        if link.agg is not None:
            found.append(Operation(link.agg, link, feeds, None))
            before = link.agg.node
    return tuple(found)


class Stoppable(Protocol):
    """Something that may tell a worker not to begin another item."""

    @property
    def stopped(self) -> bool:
        """Asked after each item."""


class Done:
    """How a unit went. Goes from worker processes to their parent."""

    def __init__(self) -> None:
        self.done = 0
        self.failed = 0
        self.error: LokkiError | None = None
        self.cause: BaseException | None = None
        """The cause of `error`, on its way between processes."""
        self.reached: int | None = None
        """The operation of the body that is a map to run next; None where the unit is over."""
        self.elapsed_s = 0.0
        self.cpu_s = 0.0


class Worker:
    """Does units of one run in one process. Threads may share it."""

    def __init__(self, execution: Execution) -> None:
        self.execution = execution
        self._readers: dict[tuple[str, Path], SourceReader] = {}
        self._lock = Lock()
        self._operations = {name: operations(link.body) for name, link in execution.maps.items()}

    def reader(self, link: MapLink, path: Path) -> SourceReader:
        """The items of the map at `path`; the few readers used last are kept."""
        key = (link.name, path)
        with self._lock:
            reader = self._readers.get(key)
            if reader is None:
                reader = self._readers[key] = SourceReader(self.execution, link.source, path)
                while len(self._readers) > _KEPT_READERS:
                    del self._readers[next(iter(self._readers))]
        return reader

    def operations(self, link: MapLink) -> tuple[Operation, ...]:
        """What is to do for each item of a map."""
        return self._operations[link.name]

    def items(
        self, link: MapLink, path: Path, first: int, count: int, *, attempt: int, suspect: bool, fan: Stoppable
    ) -> Done:
        """Take `count` items through a body without maps."""
        clock = self.execution.clock
        begin, cpu = clock.monotonic(), clock.thread_cpu_s()
        done = Done()
        try:
            _Items(self, link, path, first, count, attempt, done, suspect=suspect).go(fan)
        except LokkiError as error:
            done.error = error
        done.elapsed_s = clock.monotonic() - begin
        done.cpu_s = clock.thread_cpu_s() - cpu
        return done

    def item(self, link: MapLink, path: Path, index: int, position: int, *, attempt: int, suspect: bool) -> Done:
        """Take one item through a body that holds maps, from operation `position` to its end or to the next map."""
        execution = self.execution
        item_path = (*path, index)
        done = Done()
        try:
            for place, operation in enumerate(self._operations[link.name][position:], position):
                if operation.task is None:
                    done.reached = place
                    return done
                inputs = self._inputs_of_item(link, path, index) if place == 0 else None
                if not self.is_done(operation, item_path, suspect=suspect):
                    run_operation(execution, operation, item_path, inputs, index=index, attempt=attempt)
                    attempt = 1
            done.done = 1
        except LokkiError as error:
            done.error = error
        return done

    def is_done(self, operation: Operation, path: Path, *, suspect: bool = False) -> bool:
        """Whether an earlier process has the operation's result."""
        task = operation.task
        if task is None or not (self.execution.resuming or suspect):
            return False
        return self.execution.is_sealed(task.node, path, feeds_map=operation.feeds_map)

    def _inputs_of_item(self, link: MapLink, path: Path, index: int) -> Callable[[], Sequence[Any]]:
        reader = self.reader(link, path)
        return lambda: reader.fresh(index)


_KEPT_READERS = 8


def run_operation(
    execution: Execution,
    operation: Operation,
    path: Path,
    inputs: Callable[[], Sequence[Any]] | None = None,
    *,
    index: int | None = None,
    attempt: int = 1,
) -> None:
    """Call a step outside leaf maps and keep its result. `inputs` are the item's; else they come from the store.

    Raises StepFailedError, ResultError, MapFailedError or StoreError, and keeps the error beside the results.
    """
    task = operation.task
    assert task is not None  # noqa: S101  # maps are opened by the scheduler, not called
    extra: dict[str, Any] = {}
    if operation.link is not None:
        extra = _failures_for(execution, operation.link, task.node, path)
    fetch = inputs or (lambda: _inputs(execution, operation, path))
    session = execution.session(task.node)
    sink = _sink(execution, operation, path, index)
    try:
        session.call(fetch(), sink, index=index, again=fetch, attempt=attempt, extra=extra)
    except (StepFailedError, ResultError) as error:
        execution.write_error(task.node, path, error)
        raise


def _failures_for(execution: Execution, link: MapLink, node: str, path: Path) -> dict[str, Any]:
    """The failed items, for an aggregation that asks for them."""
    parameters = execution.parameters(node)
    first = parameters.first
    asked = FAILURES in parameters.named and (first is None or first.name != FAILURES)
    if not asked or execution.is_bound(node, FAILURES):
        return {}
    return {FAILURES: list(execution.map_failures(link, path).values())}


def _inputs(execution: Execution, operation: Operation, path: Path) -> Sequence[Any]:
    task, link = operation.task, operation.link
    if link is not None and task is not None:
        results = execution.map_results(link, path)
        return (results if execution.parameters(task.node).wants_iterator() else list(results),)
    if operation.before is None:
        return ()
    return (execution.store.read(execution.output_url(operation.before, path)),)


def _sink(execution: Execution, operation: Operation, path: Path, index: int | None) -> Callable[[Any], None]:
    """Where the result goes: one object, or a pack where a map runs over it."""
    task = operation.task
    assert task is not None  # noqa: S101  # see run_operation
    invoker = execution.invoker(task.node)
    place = (execution.flow, execution.run_id, task.node)

    def keep(result: Any) -> None:
        execution.store.write_pickled(*place, pickled(result, invoker, index), path=path)

    def fan_out(result: Any) -> None:
        items = iterable_of(result, task.node)
        with execution.store.open_pack(*place, path=path, max_items=MEMBER_ITEMS, max_bytes=MEMBER_BYTES) as pack:
            write_items(pack, items, invoker)
            execution.remember_rows(task.node, path, pack.seal().rows)

    return fan_out if operation.feeds_map else keep


class _Items:
    """One claim: consecutive items on their way through a body of plain steps."""

    def __init__(
        self,
        worker: Worker,
        link: MapLink,
        path: Path,
        first: int,
        count: int,
        attempt: int,
        done: Done,
        *,
        suspect: bool,
    ) -> None:
        execution = worker.execution
        self.execution = execution
        self.link = link
        self.path = path
        self.first = first
        self.done = done
        self.attempt = attempt
        self.reader = worker.reader(link, path)
        self.values = self.reader.take(first, count)
        self.nodes = [task.node for task in link.body if isinstance(task, TaskEntry)]
        self.sessions = [execution.session(node) for node in self.nodes]
        self.buffers = [_Buffer(execution, node, path) for node in self.nodes]
        self.known = self._known() if execution.resuming or suspect else None

    def go(self, fan: Stoppable) -> None:
        if len(self.sessions) == 1 and self.attempt == 1 and self.known is None:
            self._go_fast(fan)
        else:
            self._go_step_by_step(fan)
        self._flush()

    def _go_fast(self, fan: Stoppable) -> None:
        """The common case, without anything per item that can be left out."""
        now, buffer = self.execution.clock.monotonic, self.buffers[0]
        buffer.first = index = self.first
        add = buffer.payloads.append
        flush_at = now() + FLUSH_S
        try:
            for payload in self.sessions[0].items(self.values, index, self.reader.fresh):
                if isinstance(payload, bytes):
                    add(payload)
                else:
                    self._failed(0, index, payload)
                    buffer.first = index + 1
                index += 1
                if fan.stopped:
                    break
                if now() > flush_at:
                    buffer.flush()
                    flush_at = now() + FLUSH_S
        finally:
            self.done.done = index - self.first - self.done.failed

    def _go_step_by_step(self, fan: Stoppable) -> None:
        now = self.execution.clock.monotonic
        flush_at = now() + FLUSH_S
        for index, value in enumerate(self.values, self.first):
            if self._one(index, value):
                self.done.done += 1
            if fan.stopped:
                return
            if now() > flush_at:
                self._flush()
                flush_at = now() + FLUSH_S

    def _one(self, index: int, value: Any) -> bool:
        """Take one item through all steps it has not been through; whether it succeeded."""
        payload = b""
        for place, session in enumerate(self.sessions):
            known = self._known_payload(place, index)
            if known is not None:
                payload = known
                continue
            if self._is_known_failure(place, index):
                self.done.failed += 1
                return False
            try:
                payload = self._step(session, place, index, value, payload)
            except (StepFailedError, ResultError) as error:
                self._failed(place, index, error)
                return False
            self.buffers[place].add(index, payload)
            if len(self.values) == 1:
                self._flush()
        return True

    def _step(self, session: Session, place: int, index: int, value: Any, payload: bytes) -> bytes:
        def again(number: int) -> Sequence[Any]:
            return self.reader.fresh(number) if place == 0 else (pickle.loads(payload),)  # noqa: S301  # our own

        if self.attempt > 1:
            attempt, self.attempt = self.attempt, 1
            return session.tried_item(again, index, attempt)
        return session.item(value if place == 0 else again(index)[0], index, again)

    def _failed(self, place: int, index: int, error: LokkiError) -> None:
        """Keep what succeeded and why this did not; raise where the map does not tolerate it."""
        self._flush()
        node = self.nodes[place]
        if not self.link.options.tolerated_failure_percentage:
            self.execution.write_error(node, (*self.path, index), error)
            raise error
        self.execution.journal(node, self.path).append_failure(index, item_failure(error, index))
        self.done.failed += 1

    def _flush(self) -> None:
        for buffer in self.buffers:
            buffer.flush()

    def _known(self) -> list[Journal]:
        execution = self.execution
        return [execution.store.read_journal(execution.flow, execution.run_id, n, path=self.path) for n in self.nodes]

    def _is_known_failure(self, place: int, index: int) -> bool:
        """Whether the item failed for good in a worker process that died since; a resumed run tries it again."""
        return self.known is not None and not self.execution.resuming and index in self.known[place].failures

    def _known_payload(self, place: int, index: int) -> bytes | None:
        if self.known is None or not self.known[place].has(index):
            return None
        return self.known[place].payloads(index, 1)[0]


class _Buffer:
    """Results of one step that wait to be kept together."""

    __slots__ = ("_execution", "_node", "_path", "first", "payloads")

    def __init__(self, execution: Execution, node: str, path: Path) -> None:
        self._execution = execution
        self._node = node
        self._path = path
        self.first = 0
        """The index of the first of them."""
        self.payloads: list[bytes] = []

    def add(self, index: int, payload: bytes) -> None:
        if index != self.first + len(self.payloads):
            self.flush()
            self.first = index
        self.payloads.append(payload)

    def flush(self) -> None:
        if self.payloads:
            self._execution.journal(self._node, self._path).append(self.first, self.payloads)
            self.first += len(self.payloads)
            self.payloads.clear()
