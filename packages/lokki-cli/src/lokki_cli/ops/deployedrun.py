"""A deployed run, read back: `lokki.runs.RunBackend` over Step Functions and S3.

Input: a Place and a run id. Output: the run's document, results, inputs and errors. Reads only; unpickles what the
run's own flow has stored in its own bucket.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Set
from contextlib import suppress
from functools import cached_property
from typing import Any

from lokki.errors import ObjectMissingError
from lokki.failure import ItemFailure
from lokki.graph import MapLink, TaskEntry
from lokki.places import Path, enclosing, find, results_of_map
from lokki.store.batch import Batch, read_output, read_partial
from lokki.store.collect import prefetched, total_of
from lokki.store.pack import Row

from .failures import run_failure
from .machine import COLLECT, Machine, read_machine
from .place import Place
from .runhistory import RunHistory, history_of

BATCHES_KEPT = 64
"""Batches in memory: items are read one after another."""


class DeployedRun:
    """A run on AWS."""

    def __init__(self, place: Place, run_id: str) -> None:
        self._place = place
        self._asked = run_id
        self._flow = place.names.deployed
        self._manifests: dict[tuple[str, Path], list[Row]] = {}
        self._batches: dict[tuple[str, Path], Batch] = {}

    @cached_property
    def history(self) -> RunHistory:
        """The executions over this run. Raises ObjectMissingError where there is none."""
        return history_of(self._place, self._asked)

    @property
    def _run_id(self) -> str:
        """The run's own id, where it was asked for by an execution that resumed it."""
        return self.history.run_id

    @cached_property
    def machine(self) -> Machine:
        """What its last execution runs by."""
        return read_machine(self._place.executions.definition(self.history.last.arn))

    def document(self) -> Mapping[str, Any]:
        """See RunBackend."""
        history = self.history
        document: dict[str, Any] = {
            "flow": self.machine.graph.name,
            "run_id": self._run_id,
            "status": history.status,
            "started_at": history.first.started_at.isoformat(),
            "finished_at": history.last.stopped_at.isoformat() if history.last.stopped_at else None,
            "params": history.params,
            "graph": self.machine.graph.to_dict(),
        }
        if history.status in ("failed", "interrupted"):
            document["error"] = run_failure(self._place, self.machine, history).message
        return document

    def output(self, node: str, path: Path) -> Any:
        """See RunBackend."""
        where = find(self.machine.graph.chain, node)
        if path and where.in_leaf_map:
            return self._item_output(node, path)
        if where.feeds_map:
            return self._pack(node, path)
        return self._place.store.read(self._url(node, path))

    def outputs(self, node: str, path: Path) -> list[Any]:
        """See RunBackend."""
        link = find(self.machine.graph.chain, node).inside
        assert link is not None  # noqa: S101  # it is asked for maps only

        def values(row: Row) -> list[Any]:
            batch = self._stored(node, (*path, row.first))
            return list(batch.values()) if batch else []

        return [value for found in prefetched(values, self._rows(link, path)) for value in found]

    def input(self, node: str, path: Path) -> Any:
        """See RunBackend."""
        where = find(self.machine.graph.chain, node)
        if where.aggregates is not None:
            return results_of_map(self, where.aggregates, path)
        if where.before is not None:
            return self.output(where.before, path)
        if where.inside is not None:
            row = self._row(where.inside, path)
            items = self._place.store.read_batch(self._url(where.inside.source, path[:-1]), row)
            return items[path[-1] - row.first]
        return None

    def error(self, node: str, path: Path) -> ItemFailure | None:
        """See RunBackend."""
        place = path
        where = find(self.machine.graph.chain, node)
        if path and where.inside is not None and where.in_leaf_map:
            place = (*path[:-1], self._row(where.inside, path).first)
            batch = self._stored(node, place)
            if batch is not None and path[-1] in batch.payloads:
                return None
            failure = batch.failures.get(path[-1]) if batch is not None else None
            if failure is not None:
                return failure if failure.step == node else None
        elif self._is_done(node, path, feeds=where.feeds_map):
            return None
        return self._kept_error(node, place, path)

    def count(self, node: str, path: Path) -> int | None:
        """See RunBackend."""
        inside = enclosing(self.machine.graph.chain, node)
        return total_of(self._rows(inside[len(path)], path)) if len(path) < len(inside) else None

    def failed(self, node: str, path: Path) -> Set[int]:
        """See RunBackend."""
        link = find(self.machine.graph.chain, node).inside
        assert link is not None  # noqa: S101  # it is asked for maps only
        last = link.body[-1]
        if isinstance(last, TaskEntry) or last.agg is not None:
            return set()  # whoever has a result has not failed
        return {row.first for row in self._rows(link, path) if self._map_failed(last, (*path, row.first))}

    def _map_failed(self, link: MapLink, path: Path) -> bool:
        """Whether an open map inside another one failed: what it gave is then no result."""
        if link.options.tolerated_failure_percentage:
            return self._place.store.read_error(self._flow, self._run_id, link.name + COLLECT, path=path) is not None
        last = link.body[-1]
        node = last.node if isinstance(last, TaskEntry) else (last.agg.node if last.agg else last.name)
        with suppress(ObjectMissingError):
            return not all(self._place.store.exists(self._url(node, (*path, r.first))) for r in self._rows(link, path))
        return True

    def _kept_error(self, node: str, place: Path, path: Path) -> ItemFailure | None:
        """What `error.json` says, if it is about the item at the end of `path`."""
        record = self._place.store.read_error(self._flow, self._run_id, node, path=place)
        index = path[-1] if path else 0
        if record is None or record.get("index") not in (None, index):
            return None
        return ItemFailure(
            index,
            str(record.get("error_type", "")),
            str(record.get("error_message") or record.get("message", "")),
            str(record.get("traceback", "")),
            node,
            int(record.get("attempts") or 1),
        )

    def _item_output(self, node: str, path: Path) -> Any:
        link = find(self.machine.graph.chain, node).inside
        assert link is not None  # noqa: S101  # it is asked for maps only
        batch = self._stored(node, (*path[:-1], self._row(link, path).first))
        if batch is None or path[-1] not in batch.payloads:
            raise ObjectMissingError(
                f"step '{node}' has no result for item {path[-1]}.", url=self._url(node, path), operation="read"
            )
        return batch.value(path[-1])

    def _stored(self, node: str, place: Path) -> Batch | None:
        """What is stored of a batch, sealed or not; some sealed ones are kept in memory."""
        if (node, place) in self._batches:
            return self._batches[node, place]
        try:
            batch = read_output(self._place.store, self._url(node, place))
        except ObjectMissingError:
            return read_partial(self._place.store, self._flow, self._run_id, node, path=place)
        if len(self._batches) == BATCHES_KEPT:
            del self._batches[next(iter(self._batches))]
        self._batches[node, place] = batch
        return batch

    def _is_done(self, node: str, path: Path, *, feeds: bool) -> bool:
        store = self._place.store
        name = (self._flow, self._run_id, node)
        return store.exists(store.manifest_url(*name, path=path) if feeds else store.output_url(*name, path=path))

    def _pack(self, node: str, path: Path) -> list[Any]:
        rows = self._read_rows(node, path)
        return list(self._place.store.iter_pack(self._url(node, path), rows))

    def _row(self, link: MapLink, path: Path) -> Row:
        """The row that holds the item at the end of `path`. Raises ObjectMissingError beyond the end."""
        rows = self._rows(link, path[:-1])
        place = bisect_right(rows, path[-1], key=lambda row: row.first) - 1
        if place < 0 or path[-1] >= rows[place].first + rows[place].count:
            raise ObjectMissingError(
                f"the map over '{link.source}' has no item {path[-1]}.",
                url=self._url(link.source, ()),
                operation="read",
            )
        return rows[place]

    def _rows(self, link: MapLink, path: Path) -> list[Row]:
        return self._read_rows(link.source, path)

    def _read_rows(self, source: str, path: Path) -> list[Row]:
        if (source, path) not in self._manifests:
            url = self._place.store.manifest_url(self._flow, self._run_id, source, path=path)
            self._manifests[source, path] = self._place.store.read_manifest(url)
        return self._manifests[source, path]

    def _url(self, node: str, path: Path) -> str:
        return self._place.store.output_url(self._flow, self._run_id, node, path=path)
