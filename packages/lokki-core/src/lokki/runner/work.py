"""What a worker does with a unit: call steps on items and keep their results.

Input: an Execution and a unit's place. Output: results in the store, and a `Done` that says how it went. Runs the
author's steps, in a thread or in a worker process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

from ..errors import LokkiError, ResultError, StepFailedError
from ..fanout import MEMBER_BYTES, MEMBER_ITEMS, iterable_of, write_items
from ..graph import Chain, MapLink, TaskEntry
from ..invoke import pickled
from ..lint import FAILURES
from ..record import Record
from .claims import Claim, Stoppable
from .sources import SourceReader

if TYPE_CHECKING:
    from .execution import Execution, Path


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
            Claim(self, link, path, first, count, attempt, done, suspect=suspect).go(fan)
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
