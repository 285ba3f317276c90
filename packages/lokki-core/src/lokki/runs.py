"""`lokki.Run`: what a run did and what it made, read back from where it is kept.

Input: a flow's name and a run id. Output: statuses, results, inputs and errors. Reads the store, and imports the
flow file where results hold classes it defines. Runs that are deployed are read by the package lokki-cli, which
registers itself in the entry-point group `lokki.runs`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Set
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Protocol

from .canonical import load_module
from .errors import LokkiError, MissingPackageError, ObjectMissingError
from .failure import ItemFailure
from .graph import FlowGraph, MapLink, TaskEntry
from .naming import flow_name
from .store.local import LocalStore

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

BACKENDS = "lokki.runs"
"""Entry points: callables that take (flow name, run id) and return a RunBackend."""

Path = tuple[int, ...]


class RunBackend(Protocol):
    """Where a run is kept."""

    def document(self) -> Mapping[str, Any]:
        """The run's document: status, times, parameters, graph. Raises ObjectMissingError for no such run."""

    def output(self, node: str, path: Path) -> Any:
        """The result of a node; of a map's body, the item at the end of `path`. Raises ObjectMissingError."""

    def input(self, node: str, path: Path) -> Any:
        """What the node received from upstream. Raises ObjectMissingError."""

    def error(self, node: str, path: Path) -> ItemFailure | None:
        """Why it failed; None where it did not."""

    def count(self, node: str, path: Path) -> int | None:
        """Items of the map whose body `node` is in; None outside maps."""

    def failed(self, node: str, path: Path) -> Set[int]:
        """The items that failed for good of the map whose body `node` begins, where it holds other maps."""


class Run:
    """A run of a flow: `Run("birds-flow", run_id)["flap_bird"][3].output`.

    `root` is the folder that holds the runs; by default `.lokki` in the current folder or one above it. `Run` with
    `deployed=True` reads a run on AWS. Raises LokkiError where there is no such run.
    """

    def __init__(self, flow: str, run_id: str, *, root: str | None = None, deployed: bool = False) -> None:
        self.flow = flow_name(flow)
        self.run_id = run_id
        self._backend = _deployed(self.flow, run_id) if deployed else LocalRun(self.flow, run_id, root=root)
        self._document = self._backend.document()

    @property
    def status(self) -> str:
        """`running`, `succeeded`, `failed` or `interrupted`."""
        return str(self._document["status"])

    @property
    def params(self) -> Mapping[str, Any]:
        """The run's parameters, as JSON carries them."""
        params: Mapping[str, Any] = self._document["params"]
        return params

    @property
    def error(self) -> str | None:
        """Why the run failed; None where it did not."""
        return self._document.get("error")

    @cached_property
    def graph(self) -> FlowGraph:
        """The flow's graph at the time of the run."""
        return FlowGraph.from_dict(self._document["graph"])

    @property
    def steps(self) -> list[str]:
        """The nodes of the flow, in order."""
        return [task.node for task in self.graph.tasks()]

    @property
    def result(self) -> Any:
        """What the run returned. Raises ObjectMissingError while it has not succeeded."""
        last = self.graph.chain[-1]
        if isinstance(last, TaskEntry):
            return self[last.node].output
        if last.agg is not None:
            return self[last.agg.node].output
        return _results_of_open_map(self, last, ())

    def __getitem__(self, node: str) -> StepView:
        """One step of the run. Raises KeyError for a name the flow does not have."""
        if node not in self.steps:
            raise KeyError(f"flow '{self.flow}' has no step '{node}'; it has {', '.join(self.steps)}")
        return StepView(self._backend, node, (), depth=_depth(self.graph.chain, node) or 0)

    def __repr__(self) -> str:
        return f"<run {self.run_id} of {self.flow}: {self.status}>"


class StepView:
    """One step of a run or, inside a map, one of its items: `view[3]`."""

    def __init__(self, backend: RunBackend, node: str, path: Path, *, depth: int) -> None:
        self._backend = backend
        self._node = node
        self._path = path
        self._depth = depth

    def __getitem__(self, index: int) -> StepView:
        """The item `index` of the map this step is in. Raises TypeError outside maps, IndexError beyond its end."""
        if self._depth == 0:
            raise TypeError(f"step '{self._node}' is not inside a map here; ask for .output")
        if not 0 <= index < len(self):
            raise IndexError(f"step '{self._node}' has {len(self)} items; there is no item {index}")
        return StepView(self._backend, self._node, (*self._path, index), depth=self._depth - 1)

    def __len__(self) -> int:
        """How many items the map has."""
        count = self._backend.count(self._node, self._path) if self._depth else None
        if count is None:
            raise TypeError(f"step '{self._node}' is not inside a map here")
        return count

    def __iter__(self) -> Iterator[StepView]:
        """The items, in order."""
        return (self[index] for index in range(len(self)))

    @property
    def output(self) -> Any:
        """What the step returned: for all items of a map, the list of those that succeeded.

        Raises ObjectMissingError where it has not succeeded.
        """
        if self._depth:
            return [view.output for view in self._items() if view.has_output]
        return self._backend.output(self._node, self._path)

    @property
    def input(self) -> Any:
        """What the step received from the step before it; None for the first.

        For all items of a map, the list for those that got so far. Raises ObjectMissingError where it received nothing.
        """
        if self._depth:
            return [value for view in self._items() for value in view._input()]
        return self._backend.input(self._node, self._path)

    @property
    def error(self) -> ItemFailure | None:
        """Why it failed; None where it did not. For all items of a map, the first failure."""
        if self._depth:
            return next((error for view in self._items() if (error := view.error) is not None), None)
        return self._backend.error(self._node, self._path)

    @property
    def has_output(self) -> bool:
        """Whether the step succeeded here; for all items of a map, whether the map began."""
        try:
            if self._depth:
                return len(self) >= 0
            self._backend.output(self._node, self._path)
        except ObjectMissingError:
            return False
        return True

    def _items(self) -> Iterator[StepView]:
        """The items of a map; none where it did not begin."""
        return iter(self) if self.has_output else iter(())

    def _input(self) -> list[Any]:
        """The input, if there is one."""
        try:
            return [self.input]
        except ObjectMissingError:
            return []

    def __repr__(self) -> str:
        item = "".join(f"[{index}]" for index in self._path)
        return f"<step {self._node}{item}>"


class LocalRun:
    """A run kept in a folder of this machine."""

    def __init__(self, flow: str, run_id: str, *, root: str | None = None) -> None:
        self._flow = flow
        self._run_id = run_id
        self._store = LocalStore(root or _find_root(flow), flow_name=flow)
        self._loaded = False

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
        where = _find(self._graph.chain, node)
        if path and where.in_leaf_map:
            return self._item_output(node, path)
        if where.feeds_map:
            return self._pack(node, path)
        return self._store.read(self._store.output_url(self._flow, self._run_id, node, path=path))

    def input(self, node: str, path: Path) -> Any:
        """See RunBackend."""
        where = _find(self._graph.chain, node)
        if where.aggregates is not None:
            return _results_of_map(self, where.aggregates, path)
        if where.before is not None:
            return self.output(where.before, path)
        if where.inside is not None:
            return self._pack(where.inside.source, path[:-1])[path[-1]]
        return None

    def error(self, node: str, path: Path) -> ItemFailure | None:
        """See RunBackend."""
        if path:
            journal = self._store.read_journal(self._flow, self._run_id, node, path=path[:-1])
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
        inside = _enclosing(self._graph.chain, node)
        if len(path) >= len(inside):
            return None
        url = self._store.manifest_url(self._flow, self._run_id, inside[len(path)].source, path=path)
        return sum(row.count for row in self._store.read_manifest(url))

    def failed(self, node: str, path: Path) -> Set[int]:
        """See RunBackend."""
        from .runner.execution import Execution  # noqa: PLC0415  # only maps with maps inside need it

        link = _find(self._graph.chain, node).inside
        assert link is not None  # noqa: S101  # it is asked for maps only
        view = Execution(
            store=self._store,
            graph=self._graph,
            steps={},
            calls={},
            run_id=self._run_id,
            started_at=_EPOCH,
            resuming=True,
        )
        return set(view.map_failures(link, path))

    def _is_done(self, node: str, path: Path) -> bool:
        return self._store.exists(self._store.output_url(self._flow, self._run_id, node, path=path))

    def _item_output(self, node: str, path: Path) -> Any:
        try:
            return self._store.read_journal(self._flow, self._run_id, node, path=path[:-1]).get(path[-1])
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


class _Where:
    """A node's place in a graph."""

    def __init__(self, task: TaskEntry) -> None:
        self.task = task
        self.before: str | None = None
        """The node before it in its chain."""
        self.feeds_map = False
        self.aggregates: MapLink | None = None
        self.inside: MapLink | None = None

    @property
    def in_leaf_map(self) -> bool:
        return self.inside is not None and not self.inside.nested


def _places(chain: tuple[TaskEntry | MapLink, ...], inside: MapLink | None) -> Iterator[_Where]:
    before: str | None = None
    for place, link in enumerate(chain):
        feeds = place + 1 < len(chain) and isinstance(chain[place + 1], MapLink)
        task = link if isinstance(link, TaskEntry) else link.agg
        if isinstance(link, MapLink):
            yield from _places(link.body, link)
        if task is None:
            continue
        where = _Where(task)
        where.feeds_map, where.inside = feeds, inside
        if isinstance(link, MapLink):
            where.aggregates = link
        else:
            where.before = before
        before = task.node
        yield where


def _find(chain: tuple[TaskEntry | MapLink, ...], node: str) -> _Where:
    return next(where for where in _places(chain, None) if where.task.node == node)


def _enclosing(chain: tuple[TaskEntry | MapLink, ...], node: str) -> list[MapLink]:
    """The maps around a node, outermost first."""
    for link in chain:
        if isinstance(link, MapLink) and any(where.task.node == node for where in _places(link.body, link)):
            return [link, *_enclosing(link.body, node)]
    return []


def _depth(chain: tuple[TaskEntry | MapLink, ...], node: str) -> int:
    return len(_enclosing(chain, node))


def _results_of_map(backend: RunBackend, link: MapLink, path: Path) -> list[Any]:
    """The item results of a map, in item order, without those that failed."""
    results = []
    failed = backend.failed(link.name, path) if link.nested else ()
    for index in range(backend.count(link.name, path) or 0):
        if index in failed:
            continue
        try:
            results.append(_result_of_chain(backend, link.body, (*path, index)))
        except ObjectMissingError:
            continue
    return results


def _result_of_chain(backend: RunBackend, chain: tuple[TaskEntry | MapLink, ...], path: Path) -> Any:
    last = chain[-1]
    if isinstance(last, MapLink) and last.agg is None:
        return _results_of_map(backend, last, path)
    task = last.agg if isinstance(last, MapLink) else last
    assert task is not None  # noqa: S101  # an open map was dealt with above
    return backend.output(task.node, path)


def _results_of_open_map(run: Run, link: MapLink, path: Path) -> list[Any]:
    if run.status != "succeeded":
        raise ObjectMissingError(
            f"run '{run.run_id}' has not succeeded.", url=f"{run.flow}/runs/{run.run_id}", operation="read"
        )
    return _results_of_map(run._backend, link, path)


def _find_root(flow: str) -> str:
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


def _deployed(flow: str, run_id: str) -> RunBackend:
    from importlib.metadata import entry_points  # noqa: PLC0415  # slow, and only deployed runs need it

    found = sorted(entry_points(group=BACKENDS), key=lambda point: point.name)
    if not found:
        raise MissingPackageError("reading a deployed run", "lokki-cli")
    backend: RunBackend = found[0].load()(flow, run_id)
    return backend


__all__ = ["Run", "RunBackend", "StepView"]
