"""Every value a run made, node by node: of a local run, and of a deployed one, to be compared.

A node's value is what the step returned; inside a map it is the list of its items', inside two maps a list of lists.
The source of a map gives the list of its items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lokki.graph import Chain, FlowGraph, MapLink, TaskEntry
from lokki.runs import Run, StepView
from lokki.store.batch import read_output
from lokki.store.protocol import TransientStore

Values = Mapping[str, Any]
RunLocally = Callable[..., Run]
"""`run_locally(flow, params)`: a run on this machine."""

Path = tuple[int, ...]


def local_values(run: Run) -> Values:
    """The values of a run on this machine."""
    return {node: _output(run[node], depth) for node, depth in _nodes(run.graph.chain, 0)}


def _output(view: StepView, depth: int) -> Any:
    return [_output(item, depth - 1) for item in view] if depth else view.output


def _nodes(chain: Chain, depth: int) -> Iterator[tuple[str, int]]:
    for link in chain:
        if isinstance(link, TaskEntry):
            yield link.node, depth
            continue
        yield from _nodes(link.body, depth + 1)
        if link.agg is not None:
            yield link.agg.node, depth


class StoredValues:
    """The values of a deployed run, read from its objects by nothing but stores and keys."""

    def __init__(self, store: TransientStore, flow: str, run_id: str, graph: FlowGraph) -> None:
        self._store = store
        self._run = (flow, run_id)
        self._graph = graph

    def all(self) -> Values:
        """Those of every node."""
        return self._chain(self._graph.chain, ())

    def _chain(self, chain: Chain, path: Path) -> dict[str, Any]:
        """Those of a chain outside maps, or in a map that holds another: an object per node."""
        found: dict[str, Any] = {}
        for place, link in enumerate(chain):
            task = link if isinstance(link, TaskEntry) else link.agg
            if isinstance(link, MapLink):
                found |= self._map(link, path)
            if task is not None:
                feeds = place + 1 < len(chain) and isinstance(chain[place + 1], MapLink)
                found[task.node] = self.items(task.node, path) if feeds else self._object(task.node, path)
        return found

    def _map(self, link: MapLink, path: Path) -> dict[str, list[Any]]:
        rows = self._store.read_manifest(self._store.manifest_url(*self._run, link.source, path=path))
        if not link.nested:
            nodes = [task.node for task in link.body if isinstance(task, TaskEntry)]
            return {node: [value for row in rows for value in self._batch(node, (*path, row.first))] for node in nodes}
        items = [self._chain(link.body, (*path, row.first)) for row in rows]
        return {node: [item[node] for item in items] for node, _ in _nodes(link.body, 0)}

    def _object(self, node: str, path: Path) -> Any:
        return self._store.read(self._store.output_url(*self._run, node, path=path))

    def items(self, node: str, path: Path = ()) -> list[Any]:
        """What a node made that feeds a map."""
        rows = self._store.read_manifest(self._store.manifest_url(*self._run, node, path=path))
        return list(self._store.iter_pack(self._store.output_url(*self._run, node, path=path), rows))

    def _batch(self, node: str, path: Path) -> list[Any]:
        return list(read_output(self._store, self._store.output_url(*self._run, node, path=path)).values())


def comparable(value: Any) -> Any:
    """`value` with arrays as what they hold, because these do not compare as a whole."""
    if isinstance(value, Mapping):
        return {key: comparable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(comparable(one) for one in value)
    return (str(value.dtype), value.tolist()) if hasattr(value, "dtype") else value
