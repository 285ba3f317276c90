"""What is kept of a run with journals: how far its maps came, what they gave and what failed.

Input: a store with journals, the links of a graph. Output: manifests, results, failures, items that are left.
Reads the store; writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

from .errors import MapFailedError, ObjectMissingError, StoreFormatError
from .graph import Chain, MapLink, TaskEntry, result_node

if TYPE_CHECKING:
    from .failure import ItemFailure
    from .store.journal import JournalStore
    from .store.pack import Row

Path = tuple[int, ...]

_KEPT_MANIFESTS = 16


class KeptRun:
    """One run in a store, as one process reads it."""

    def __init__(self, store: JournalStore, flow: str, run_id: str, *, resuming: bool) -> None:
        self.store = store
        self.flow = flow
        self.run_id = run_id
        self.resuming = resuming
        """Whether results of an earlier process may be there already."""
        self._rows: dict[tuple[str, Path], Sequence[Row]] = {}
        self._lock = Lock()

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


def journal_nodes(link: MapLink) -> list[str]:
    """The nodes whose journals hold what became of a map's items: all of them, or only those that failed."""
    if link.nested:
        return [link.name]
    return [task.node for task in link.body if isinstance(task, TaskEntry)]
