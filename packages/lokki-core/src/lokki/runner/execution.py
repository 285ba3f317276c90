"""What every worker of a run needs to know, and where a chain's inputs and results lie.

Input: a store, a graph, its steps and what they are called with. The same object serves the main thread, worker
threads and worker processes; nothing of it goes from one process to another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any

from ..clock import SYSTEM_CLOCK, Clock
from ..errors import LokkiError, MapFailedError, ObjectMissingError, StoreFormatError
from ..graph import Chain, MapLink, TaskEntry, result_node
from ..invoke import Invoker, Session
from ..signatures import Parameters
from .events import Event, Kind, Listener, ignore

if TYPE_CHECKING:
    from datetime import datetime

    from ..chain import StepDef
    from ..failure import ItemFailure
    from ..graph import FlowGraph
    from ..resolve import Call
    from ..store.journal import JournalStore, JournalWriter
    from ..store.pack import Row

Path = tuple[int, ...]

_KEPT_MANIFESTS = 16

MEMBER_ITEMS = 64
"""Items of a map's source that share a gzip member."""

MEMBER_BYTES = 256 * 1024
"""Pickled bytes after which a member of a map's source is full."""


class Execution:
    """One run, as seen by one process."""

    def __init__(
        self,
        *,
        store: JournalStore,
        graph: FlowGraph,
        steps: Mapping[str, StepDef],
        calls: Mapping[str, Call],
        run_id: str,
        started_at: datetime,
        resuming: bool = False,
        part: str = "0",
        clock: Clock = SYSTEM_CLOCK,
        listener: Listener = ignore,
    ) -> None:
        self.store = store
        self.graph = graph
        self.flow = graph.name
        self.run_id = run_id
        self.started_at = started_at
        self.resuming = resuming
        """Whether results of an earlier process may be there already."""
        self.part = part
        """The name of this process's own journals."""
        self.clock = clock
        self.listener = listener
        self.maps = {link.name: link for link in _maps(graph.chain)}
        self._steps = steps
        self._calls = calls
        self._invokers: dict[str, Invoker] = {}
        self._parameters: dict[str, Parameters] = {}
        self._rows: dict[tuple[str, Path], Sequence[Row]] = {}
        self._lock = Lock()
        self._journals: dict[tuple[str, Path], JournalWriter] = {}

    def tell(self, kind: Kind, **details: Any) -> None:
        """Tell the listener."""
        self.listener(Event(kind, self.clock.now(), self.flow, self.run_id, **details))

    def invoker(self, node: str) -> Invoker:
        """The one that calls the step of `node`."""
        made = self._invokers.get(node)
        if made is None:
            made = self._invokers[node] = Invoker(
                self._steps[node],
                node,
                self._calls[node],
                flow=self.flow,
                run_id=self.run_id,
                started_at=self.started_at,
                clock=self.clock,
                on_retry=self._tell_retry,
            )
        return made

    def parameters(self, node: str) -> Parameters:
        """What the step of `node` takes."""
        if node not in self._parameters:
            self._parameters[node] = Parameters(self._steps[node].fn)
        return self._parameters[node]

    def is_bound(self, node: str, name: str) -> bool:
        """Whether the flow body bound the argument `name` of `node`."""
        return name in self._calls[node].kwargs

    def session(self, node: str) -> Session:
        """A caller of the step of `node` for this thread."""
        return self.invoker(node).session()

    def journal(self, node: str, path: Path) -> JournalWriter:
        """This process's log of the results of `node` inside the map at `path`."""
        key = (node, path)
        with self._lock:
            journal = self._journals.get(key)
            if journal is None:
                journal = self.store.open_journal(self.flow, self.run_id, node, path=path, part=self.part)
                self._journals[key] = journal
        return journal

    def close_journals(self, link: MapLink | None = None, path: Path = ()) -> None:
        """Let go of the journals of one map, which nobody may be writing to any more; without one, of all."""
        with self._lock:
            keys = list(self._journals)
            if link is not None:
                keys = [key for key in keys if key[1] == path and key[0] in journal_nodes(link)]
            for key in keys:
                self._journals.pop(key).close()

    def output_url(self, node: str, path: Path) -> str:
        """Where the result of `node` lies."""
        return self.store.output_url(self.flow, self.run_id, node, path=path)

    def rows(self, node: str, path: Path) -> Sequence[Row]:
        """The manifest of the map that `node` feeds; those asked for last are kept."""
        rows = self._rows.get((node, path))
        if rows is None:
            rows = self.store.read_manifest(self.store.manifest_url(self.flow, self.run_id, node, path=path))
            self.remember_rows(node, path, rows)
        return rows

    def remember_rows(self, node: str, path: Path, rows: Sequence[Row]) -> None:
        """Keep a manifest that was just written or read."""
        with self._lock:
            self._rows[node, path] = rows
            while len(self._rows) > _KEPT_MANIFESTS:
                del self._rows[next(iter(self._rows))]

    def is_sealed(self, node: str, path: Path, *, feeds_map: bool) -> bool:
        """Whether the result of `node` is there, whole."""
        url = (
            self.store.manifest_url(self.flow, self.run_id, node, path=path)
            if feeds_map
            else self.output_url(node, path)
        )
        return self.store.exists(url)

    def result(self, chain: Chain, path: Path) -> Any:
        """The result of a chain that has run at `path`."""
        last = result_node(chain)
        if isinstance(last, TaskEntry):
            return self.store.read(self.output_url(last.node, path))
        return list(self.map_results(last, path))

    def map_results(self, link: MapLink, path: Path) -> Iterator[Any]:
        """The results of a map's items in item order, without those that failed. Lazy; memory holds a few."""
        if link.nested:
            return self._nested_results(link, path)
        last = link.body[-1]
        assert isinstance(last, TaskEntry)  # noqa: S101  # a body without a map inside ends with a task
        return self.store.read_journal(self.flow, self.run_id, last.node, path=path).values()

    def _nested_results(self, link: MapLink, path: Path) -> Iterator[Any]:
        failed = self.map_failures(link, path)
        for index in range(self.map_total(link, path)):
            if index not in failed:
                yield self.result(link.body, (*path, index))

    def map_total(self, link: MapLink, path: Path) -> int:
        """How many items the map at `path` runs over."""
        rows = self.rows(link.source, path)
        return rows[-1].first + rows[-1].count if rows else 0

    def unfinished(self, link: MapLink, path: Path, total: int) -> list[tuple[int, int]]:
        """(first, count) of a map's items that an earlier process did not finish; all of them in a new run."""
        if not self.resuming or not total:
            return [(0, total)] if total else []
        if not link.nested:
            last = link.body[-1]
            assert isinstance(last, TaskEntry)  # noqa: S101  # a body without a map inside ends with a task
            return self.store.read_journal(self.flow, self.run_id, last.node, path=path).missing(total)
        return [(index, 1) for index in range(total) if not self._has_result(link.body, (*path, index))]

    def _has_result(self, chain: Chain, path: Path) -> bool:
        """Whether a chain's last step is done; what ends with an open map is always looked into."""
        last = result_node(chain)
        return isinstance(last, TaskEntry) and self.store.exists(self.output_url(last.node, path))

    def map_failures(self, link: MapLink, path: Path) -> dict[int, ItemFailure]:
        """{index: failure} of the items that failed for good, in item order."""
        found: dict[int, ItemFailure] = {}
        if link.options.tolerated_failure_percentage:
            for node in journal_nodes(link):
                found |= self.store.read_journal(self.flow, self.run_id, node, path=path).failures
        if link.nested and self.resuming:  # an earlier process may have seen those fail that succeeded since
            found = {index: one for index, one in found.items() if not self._is_done(link.body, (*path, index))}
        return dict(sorted(found.items()))

    def _is_done(self, chain: Chain, path: Path) -> bool:
        """Whether a chain inside a map came to its end; a chain that ends with an open map, with all its items."""
        last = result_node(chain)
        if isinstance(last, TaskEntry):
            return self._has_result(chain, path)
        try:
            total = self.map_total(last, path)
        except ObjectMissingError:
            return False
        failed = self.map_failures(last, path)
        if len(failed) * 100 > last.options.tolerated_failure_percentage * total:
            return False
        left = (index for first, count in self.unfinished(last, path, total) for index in range(first, first + count))
        return all(index in failed or (last.nested and self._is_done(last.body, (*path, index))) for index in left)

    def check_tolerance(self, link: MapLink, path: Path, total: int, failures: Mapping[int, ItemFailure]) -> None:
        """Raise MapFailedError where more items failed than the map tolerates."""
        percent = link.options.tolerated_failure_percentage
        if not percent or len(failures) * 100 <= percent * total:
            return
        first = next(iter(failures.values()))
        place = f" (inside item {'/'.join(map(str, path))})" if path else ""
        raise MapFailedError(
            f"flow '{self.flow}', map '{link.name}'{place}: {len(failures):,} of {total:,} items failed, more than the"
            f" {percent:g} % it tolerates. The first was item {first.index}: {first.error_type}: {first.message}",
            flow=self.flow,
            step=link.name,
            failures=list(failures.values()),
            total=total,
        )

    def check_complete(self, link: MapLink, path: Path, total: int, failures: Mapping[int, ItemFailure]) -> None:
        """Raise StoreFormatError where a finished map lacks results: no aggregation may miss one silently."""
        last = link.body[-1]
        if link.nested or not isinstance(last, TaskEntry):
            return  # an item's own result is read, and missed, when the map is aggregated
        kept = self.store.read_journal(self.flow, self.run_id, last.node, path=path).count
        if kept + len(failures) != total:
            raise StoreFormatError(
                f"the map '{link.name}' ran over {total:,} items, but {kept:,} results and {len(failures):,} failures"
                f" are kept.",
                url=self.output_url(last.node, path),
                operation="read",
                hint="Resume the run; should it happen again, please report it.",
            )

    def write_error(self, node: str, path: Path, error: BaseException) -> None:
        """Keep why `node` failed, for whoever looks at the run later; a full disk must not hide the failure."""
        record = {
            "step": node,
            "message": str(error),
            "index": getattr(error, "index", None),
            "attempts": getattr(error, "attempts", None),
            "error_type": type(error.__cause__ or error).__qualname__,
            "traceback": getattr(error, "traceback", ""),
        }
        with suppress(LokkiError):
            self.store.write_error(self.flow, self.run_id, node, record, path=path)

    def _tell_retry(self, node: str, index: int | None, attempt: int, error: BaseException, wait_s: float) -> None:
        message = f"{type(error).__qualname__}: {error}"
        self.tell("step_retry", step=node, index=index, attempt=attempt, message=message, duration_s=wait_s)


def journal_nodes(link: MapLink) -> list[str]:
    """The nodes whose journals hold what became of a map's items: all of them, or only those that failed."""
    if link.nested:
        return [link.name]
    return [task.node for task in link.body if isinstance(task, TaskEntry)]


def _maps(chain: Chain) -> Iterator[MapLink]:
    for link in chain:
        if isinstance(link, MapLink):
            yield link
            yield from _maps(link.body)
