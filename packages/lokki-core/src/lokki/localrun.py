"""A run kept in a folder of this machine, read back.

Input: the folder. Output: the run's document, results, inputs and errors. Imports the flow file where results hold
classes it defines.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Set
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .canonical import load_module
from .errors import LokkiError, ObjectMissingError
from .failure import ItemFailure
from .graph import FlowGraph
from .places import Path, enclosing, find, results_of_map
from .store.local import LocalStore

if TYPE_CHECKING:
    from .store.results import Journal


class LocalRun:
    """A run kept in a folder of this machine."""

    def __init__(self, flow: str, run_id: str, *, root: str | None = None) -> None:
        self._flow = flow
        self._run_id = run_id
        self._store = LocalStore(root or find_root(flow), flow_name=flow)
        self._loaded = False
        self._last: tuple[tuple[str, Path], Journal] | None = None

    def document(self) -> Mapping[str, Any]:
        """See RunBackend."""
        document = self._store.read_json(self._flow, self._run_id, "run.json")
        if document is None:
            kept = ", ".join(self._store.runs(self._flow)[-5:]) or "none"
            raise ObjectMissingError(
                f"flow '{self._flow}' has no run '{self._run_id}'.",
                url=self._store.run_dir(self._flow, self._run_id),
                operation="read",
                hint=f"Kept are: {kept}.",
            )
        self._load_flow(document)
        found: Mapping[str, Any] = document
        return found

    @cached_property
    def _graph(self) -> FlowGraph:
        return FlowGraph.from_dict(self.document()["graph"])

    def output(self, node: str, path: Path) -> Any:
        """See RunBackend."""
        where = find(self._graph.chain, node)
        if path and where.in_leaf_map:
            return self._item_output(node, path)
        if where.feeds_map:
            return self._pack(node, path)
        return self._store.read(self._store.output_url(self._flow, self._run_id, node, path=path))

    def outputs(self, node: str, path: Path) -> list[Any]:
        """See RunBackend."""
        return list(self._journal(node, path).values())

    def input(self, node: str, path: Path) -> Any:
        """See RunBackend."""
        where = find(self._graph.chain, node)
        if where.aggregates is not None:
            return results_of_map(self, where.aggregates, path)
        if where.before is not None:
            return self.output(where.before, path)
        if where.inside is not None:
            return self._pack(where.inside.source, path[:-1])[path[-1]]
        return None

    def error(self, node: str, path: Path) -> ItemFailure | None:
        """See RunBackend."""
        if path:
            journal = self._journal(node, path[:-1])
            failure = journal.failures.get(path[-1])
            if failure is not None and failure.step == node:
                return failure
            if journal.has(path[-1]):
                return None
        record = self._store.read_error(self._flow, self._run_id, node, path=path)
        if record is None or self._is_done(node, path):
            return None
        return ItemFailure(
            record.get("index") or (path[-1] if path else 0),
            record["error_type"],
            record["message"],
            record["traceback"],
            node,
            record.get("attempts") or 1,
        )

    def count(self, node: str, path: Path) -> int | None:
        """See RunBackend."""
        inside = enclosing(self._graph.chain, node)
        if len(path) >= len(inside):
            return None
        url = self._store.manifest_url(self._flow, self._run_id, inside[len(path)].source, path=path)
        return sum(row.count for row in self._store.read_manifest(url))

    def failed(self, node: str, path: Path) -> Set[int]:
        """See RunBackend."""
        from .kept import KeptRun  # noqa: PLC0415  # only maps with maps inside need it

        link = find(self._graph.chain, node).inside
        assert link is not None  # noqa: S101  # it is asked for maps only
        kept = KeptRun(self._store, self._flow, self._run_id, resuming=True)
        return set(kept.map_failures(link, path))

    def _is_done(self, node: str, path: Path) -> bool:
        return self._store.exists(self._store.output_url(self._flow, self._run_id, node, path=path))

    def _journal(self, node: str, path: Path) -> Journal:
        """The log of a node's results; the one asked for last is kept."""
        if self._last is None or self._last[0] != (node, path):
            self._last = (node, path), self._store.read_journal(self._flow, self._run_id, node, path=path)
        return self._last[1]

    def _item_output(self, node: str, path: Path) -> Any:
        try:
            return self._journal(node, path[:-1]).get(path[-1])
        except KeyError:
            raise ObjectMissingError(
                f"step '{node}' has no result for item {path[-1]}.",
                url=self._store.output_url(self._flow, self._run_id, node, path=path),
                operation="read",
            ) from None

    def _pack(self, node: str, path: Path) -> list[Any]:
        rows = self._store.read_manifest(self._store.manifest_url(self._flow, self._run_id, node, path=path))
        return list(self._store.iter_pack(self._store.output_url(self._flow, self._run_id, node, path=path), rows))

    def _load_flow(self, document: Mapping[str, Any]) -> None:
        """Import the flow file, if it still is there, so that its classes can be unpickled."""
        if self._loaded:
            return
        self._loaded = True
        # Results of plain types can be read without it, and others say what is missing. Its author's code runs here.
        with suppress(Exception, SystemExit):
            load_module(document["module"], document["file"])


def find_root(flow: str) -> str:
    """The nearest `.lokki` that has runs of `flow`, from the current folder upwards."""
    folder = os.getcwd()
    while True:
        root = os.path.join(folder, ".lokki")
        if os.path.isdir(os.path.join(root, flow, "runs")):
            return root
        parent = os.path.dirname(folder)
        if parent == folder:
            raise LokkiError(
                f"no runs of flow '{flow}' were found in {os.path.join(os.getcwd(), '.lokki')} or above.",
                hint="Go to the flow's folder, or give root='path/to/.lokki'.",
            )
        folder = parent
