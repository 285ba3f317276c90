"""`lokki.Run`: what a run did and what it made, read back from where it is kept.

Input: a flow's name and a run id. Output: statuses, results, inputs and errors. Runs on this machine are read by
`localrun`, deployed ones by the package lokki-cli, which registers itself in the entry-point group `lokki.runs`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from functools import cached_property
from typing import Any, Protocol, TypeVar

from .errors import ConfigError, LokkiError, MissingPackageError, ObjectMissingError
from .failure import ItemFailure
from .graph import FlowGraph, MapLink, TaskEntry
from .localrun import LocalRun
from .naming import flow_name
from .places import Path, depth, find, results_of_map

T = TypeVar("T")

BACKENDS = "lokki.runs"
"""Entry points: callables that take (flow name, run id) and return a RunBackend."""


class RunBackend(Protocol):
    """Where a run is kept."""

    def document(self) -> Mapping[str, Any]:
        """The run's document: status, times, parameters, graph. Raises ObjectMissingError for no such run."""

    def output(self, node: str, path: Path) -> Any:
        """The result of a node; of a map's body, the item at the end of `path`. Raises ObjectMissingError."""

    def outputs(self, node: str, path: Path) -> list[Any]:
        """The results of a node in a map without maps inside, for all items that succeeded, in item order."""

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

    Where the run is looked for:

    - `deployed=None`, the default: on this machine and, where it is not there, on AWS. The second needs the package
      lokki-cli and a configuration that names a bucket (`aws.artifact_bucket`, as in `lokki.toml` of the current
      folder or one above it); nothing is asked of AWS without one. The error says what is missing.
    - `deployed=False`: only on this machine. `root` is the folder that holds the runs, by default `.lokki` in the
      current folder or one above it; naming one means this, too.
    - `deployed=True`: only on AWS.

    A run id that exists in both places is the one on this machine. What is read is what the run has made so far;
    a new `Run` looks again. `backend` is for programs that know where the run is and need not look.

    Raises ObjectMissingError, or another LokkiError, where there is no such run.
    """

    def __init__(
        self,
        flow: str,
        run_id: str,
        *,
        root: str | None = None,
        deployed: bool | None = None,
        backend: RunBackend | None = None,
    ) -> None:
        self.flow = flow_name(flow)
        self.run_id = run_id
        if backend is not None:
            self._backend, self._document = backend, backend.document()
        else:
            self._backend, self._document = _opened(self.flow, run_id, root, deployed)

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
        place = find(self.graph.chain, node)
        return StepView(self._backend, node, (), depth=depth(self.graph.chain, node), leaf=place.in_leaf_map)

    def __repr__(self) -> str:
        return f"<run {self.run_id} of {self.flow}: {self.status}>"


class StepView:
    """One step of a run or, inside a map, one of its items: `view[3]`."""

    def __init__(self, backend: RunBackend, node: str, path: Path, *, depth: int, leaf: bool) -> None:
        self._backend = backend
        self._node = node
        self._path = path
        self._depth = depth
        self._leaf = leaf

    def __getitem__(self, index: int) -> StepView:
        """The item `index` of the map this step is in. Raises TypeError outside maps, IndexError beyond its end."""
        if self._depth == 0:
            raise TypeError(f"step '{self._node}' is not inside a map here; ask for .output")
        if not 0 <= index < len(self):
            raise IndexError(f"step '{self._node}' has {len(self)} items; there is no item {index}")
        return StepView(self._backend, self._node, (*self._path, index), depth=self._depth - 1, leaf=self._leaf)

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
        if self._depth == 1 and self._leaf:
            return self._backend.outputs(self._node, self._path)
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


def _results_of_open_map(run: Run, link: MapLink, path: Path) -> list[Any]:
    if run.status != "succeeded":
        raise ObjectMissingError(
            f"run '{run.run_id}' has not succeeded.", url=f"{run.flow}/runs/{run.run_id}", operation="read"
        )
    return results_of_map(run._backend, link, path)


def _opened(flow: str, run_id: str, root: str | None, deployed: bool | None) -> tuple[RunBackend, Mapping[str, Any]]:
    """Where the run is, and its document. Raises LokkiError."""

    def here() -> tuple[RunBackend, Mapping[str, Any]]:
        return _read(LocalRun(flow, run_id, root=root))

    def there() -> tuple[RunBackend, Mapping[str, Any]]:
        return _read(_deployed(flow, run_id))

    if deployed:
        return there()
    return here() if deployed is False or root is not None else first_found(here, there)


def first_found(here: Callable[[], T], there: Callable[[], T]) -> T:
    """What `here` gives, on this machine, else what `there` gives, on AWS.

    Raises the error of `here` where AWS cannot be asked, because a package or its configuration is missing; else that
    of `there`, with what both say.
    """
    try:
        return here()
    except LokkiError as error:
        missed = error
    try:
        return there()
    except (MissingPackageError, ConfigError) as error:
        missed.hint = " ".join(hint for hint in (missed.hint, f"AWS was not asked: {error}") if hint)
        raise missed from None
    except LokkiError as error:
        error.message = f"{missed.message} Nor is it on AWS: {error.message}"
        raise error from missed


def _read(backend: RunBackend) -> tuple[RunBackend, Mapping[str, Any]]:
    return backend, backend.document()


def _deployed(flow: str, run_id: str) -> RunBackend:
    from importlib.metadata import entry_points  # noqa: PLC0415  # slow, and only deployed runs need it

    found = sorted(entry_points(group=BACKENDS), key=lambda point: point.name)
    if not found:
        raise MissingPackageError("reading a deployed run", "lokki-cli")
    backend: RunBackend = found[0].load()(flow, run_id)
    return backend


__all__ = ["Run", "RunBackend", "StepView", "first_found"]
