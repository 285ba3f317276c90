"""The results of a deployed map, gathered from its batches in item order.

Input: a store, a map of the graph and its place. Output: results and failures, a batch at a time. Every key follows
from the manifest of the map's source. Reads only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ..errors import LokkiError, MapFailedError, ObjectMissingError, StoreFormatError
from ..failure import ItemFailure
from ..graph import MapLink, TaskEntry, result_node
from .batch import Batch, read_output

if TYPE_CHECKING:
    from .pack import Row
    from .protocol import TransientStore

S = TypeVar("S")
T = TypeVar("T")

WORKERS = 16
"""Batches that are fetched at once."""

AHEAD = 32
"""Batches that wait in memory for their turn."""

NO_RESULT = "NoResult"
"""The error type of an item whose batch left neither a result nor an error."""


class Piece(NamedTuple):
    """What became of one batch."""

    values: Iterable[Any]
    """The results of the items that succeeded, in item order; may be unpickled as they are taken."""
    failures: list[ItemFailure]
    """The items that failed for good, in item order."""


class MapResults:
    """The results of a map at one place of a run. Threads may share it."""

    def __init__(
        self, store: TransientStore, flow: str, run_id: str, link: MapLink, path: tuple[int, ...], *, title: str = ""
    ) -> None:
        self.link = link
        self.path = path
        self._store = store
        self._flow = flow
        self._run_id = run_id
        self._title = title or flow

    def rows(self, manifest_url: str | None = None) -> list[Row]:
        """The manifest of what the map ran over. Raises `ObjectMissingError` where its source did not run."""
        url = manifest_url or self._store.manifest_url(self._flow, self._run_id, self.link.source, path=self.path)
        return self._store.read_manifest(url)

    def pieces(self, rows: Iterable[Row]) -> Iterator[Piece]:
        """What became of each batch, in order, some of them fetched in advance."""
        return prefetched(self.piece, rows)

    def piece(self, row: Row) -> Piece:
        """What became of one batch.

        Where the map tolerates failures, a batch without a result counts as failed; else `ObjectMissingError` comes.
        """
        try:
            if self.link.nested:
                return Piece([self._nested_value((*self.path, row.first))], [])
            batch = self._batch(row)
        except (ObjectMissingError, MapFailedError) as error:
            if not self.link.options.tolerated_failure_percentage:
                raise
            return Piece((), self._lost(row, error))
        return Piece(batch.values(), [batch.failures[index] for index in sorted(batch.failures)])

    def values(self) -> Iterator[Any]:
        """The results of all items that succeeded. Raises MapFailedError where too many failed."""
        rows = self.rows()
        if self.link.options.tolerated_failure_percentage:
            self.judge(rows)
        yield from self.results(rows)

    def results(self, rows: Iterable[Row]) -> Iterator[Any]:
        """The results of the items of `rows` that succeeded, without judging the others."""
        for piece in self.pieces(rows):
            yield from piece.values

    def judge(self, rows: list[Row]) -> list[ItemFailure]:
        """The items that failed for good. Raises MapFailedError where they are more than the map tolerates."""
        failures = [failure for piece in self.pieces(rows) for failure in piece.failures]
        check_tolerance(self._title, self.link, self.path, total_of(rows), failures)
        return failures

    def _batch(self, row: Row) -> Batch:
        last = self.link.body[-1]
        assert isinstance(last, TaskEntry)  # noqa: S101  # a body without a map inside ends with a task
        url = self._store.output_url(self._flow, self._run_id, last.node, path=(*self.path, row.first))
        batch = read_output(self._store, url)
        if (batch.first, batch.count) != (row.first, row.count):
            raise StoreFormatError(
                f"this holds items {batch.first}+{batch.count}, but the manifest says {row.first}+{row.count}.",
                url=url,
                operation="read",
                hint="Start a new run.",
            )
        return batch

    def _nested_value(self, path: tuple[int, ...]) -> Any:
        """The result of a body that holds a map, for the one item at `path`."""
        last = result_node(self.link.body)
        if isinstance(last, TaskEntry):
            return self._store.read(self._store.output_url(self._flow, self._run_id, last.node, path=path))
        return list(MapResults(self._store, self._flow, self._run_id, last, path, title=self._title).values())

    def _lost(self, row: Row, error: LokkiError) -> list[ItemFailure]:
        """The failures of a batch without a result: what its error record says, for each of its items."""
        node, record = self._error_record((*self.path, row.first))
        if not record and isinstance(error, MapFailedError):
            record = {"error_type": "MapFailedError", "error_message": error.message}
        kind = str(record.get("error_type") or NO_RESULT)
        text = str(record.get("error_message") or record.get("message") or _UNKNOWN)
        trace = str(record.get("traceback") or "")
        attempts = record.get("attempts")
        tried = attempts if isinstance(attempts, int) else 1
        return [ItemFailure(index, kind, text, trace, node, tried) for index in range(row.first, row.first + row.count)]

    def _error_record(self, path: tuple[int, ...]) -> tuple[str, dict[str, Any]]:
        """The last step of the body that left an error, and the error."""
        nodes = [node for link in self.link.body for node in _nodes_at_this_level(link)]
        for node in reversed(nodes):
            with suppress(LokkiError):
                if record := self._store.read_error(self._flow, self._run_id, node, path=path):
                    return node, record
        return self.link.name, {}


_UNKNOWN = "its batch left no result: it timed out, ran out of memory or was stopped"


def total_of(rows: list[Row]) -> int:
    """How many items a manifest covers."""
    return rows[-1].first + rows[-1].count if rows else 0


def check_tolerance(flow: str, link: MapLink, path: tuple[int, ...], total: int, failures: list[ItemFailure]) -> None:
    """Raise MapFailedError where more of `total` items failed than the map tolerates."""
    percent = link.options.tolerated_failure_percentage
    if len(failures) * 100 <= percent * total:
        return
    first = failures[0]
    place = f" (inside item {'/'.join(map(str, path))})" if path else ""
    raise MapFailedError(
        f"flow '{flow}', map '{link.name}'{place}: {len(failures):,} of {total:,} items failed, more than the"
        f" {percent:g} % it tolerates. The first was item {first.index}: {first.error_type}: {first.message}",
        flow=flow,
        step=link.name,
        failures=failures,
        total=total,
    )


def prefetched(
    fetch: Callable[[S], T], keys: Iterable[S], *, workers: int = WORKERS, ahead: int = AHEAD
) -> Iterator[T]:
    """`fetch` of each key, in order, by some threads and at most `ahead` results in advance.

    An error comes at its place in the order; an abandoned iterator ends its threads.
    """
    from concurrent.futures import Future, ThreadPoolExecutor  # noqa: PLC0415  # a cold start does not need it

    pool = ThreadPoolExecutor(workers, thread_name_prefix="lokki-fetch")
    waiting: deque[Future[T]] = deque()
    try:
        for key in keys:
            waiting.append(pool.submit(fetch, key))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _nodes_at_this_level(link: TaskEntry | MapLink) -> list[str]:
    if isinstance(link, TaskEntry):
        return [link.node]
    return [link.agg.node] if link.agg else []
