"""The flow's code: its module, its steps, and what its body bound for a run.

Input: a deployment and, once a run, its parameters. Output: steps and `Bound`. Imports the author's module; only a
run's first process evaluates the flow body.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from lokki.bindings import BINDINGS_VERSION, bindings_record, calls_of, differences, shape_differences
from lokki.canonical import find_flow, find_step, load_module
from lokki.describe import describe
from lokki.errors import LokkiError, ObjectMissingError, ParamError, ResumeError, StoreFormatError
from lokki.params import Param, check_size, complete, convert_json, params_limit_bytes
from lokki.resolve import Call, Resolved, flow_params, resolve
from lokki.where import PACKAGE_DIR

from .deployment import Deployment
from .errors import DeploymentError, FlowImportError, ShapeChangedError, StepMissingError
from .roles import Role, roles_of

if TYPE_CHECKING:
    from datetime import datetime
    from types import ModuleType, TracebackType

    from lokki.chain import StepDef
    from lokki.clock import Clock
    from lokki.decorators import Flow
    from lokki.store.protocol import TransientStore


class Bound(NamedTuple):
    """What a run's steps are called with."""

    calls: Mapping[str, Call]
    """{node: what its step is called with besides the upstream result}."""
    started_at: datetime
    """When the run started, in UTC."""


class RunPlace(NamedTuple):
    """A run, where its data are, and what it was started with."""

    store: TransientStore
    flow: str
    """The deployed flow's name."""
    run_id: str
    params: Mapping[str, Any]
    """The parameters as they came, as JSON."""


class Program(Protocol):
    """What the rest of the runtime asks of a flow's code."""

    title: str
    """The flow's name, for messages and for `lokki.run()`."""
    deployed_name: str
    """The name the flow is deployed under unless the environment says another."""
    roles: Mapping[str, Role]
    """{node: what it has to do}."""

    def load(self) -> None:
        """Import the code; again and again without harm. Raises DeploymentError."""

    def step(self, role: Role) -> StepDef:
        """The step of a node. Raises DeploymentError."""

    def bound(self, role: Role, place: RunPlace, clock: Clock) -> Bound:
        """What the run's steps are called with. Raises LokkiError."""


class FlowProgram:
    """The code of a deployed flow."""

    def __init__(self, deployment: Deployment, task_root: str) -> None:
        self.deployment = deployment
        self.title = deployment.graph.name
        self.deployed_name = deployment.flow
        self.roles: Mapping[str, Role] = roles_of(deployment.graph)
        self._task_root = task_root

    def load(self) -> None:
        """Import the flow's module under its canonical name. Raises FlowImportError."""
        self._module(self.deployment.module)

    def step(self, role: Role) -> StepDef:
        """The step of a node. Raises StepMissingError and FlowImportError."""
        task = role.task
        if task is None:
            raise StepMissingError(f"node '{role.node}' judges a map and has no step.")
        self._module(task.module)
        step = find_step(task.module, task.step)
        if step is None:
            raise StepMissingError(
                f"node '{role.node}': the module '{task.module}' has no step '{task.step}'.",
                hint="It was renamed or removed since the flow was built; build and deploy again.",
            )
        return step

    def flow(self) -> Flow[Any]:
        """The flow. Raises DeploymentError."""
        flow = find_flow(self._module(self.deployment.module), self.deployment.function)
        if flow is None:
            raise DeploymentError(
                f"the module '{self.deployment.module}' has no flow '{self.deployment.function}'.",
                hint="It was renamed or removed since the flow was built; build and deploy again.",
            )
        return flow

    def bound(self, role: Role, place: RunPlace, clock: Clock) -> Bound:
        """What the flow body bound; a run's first step evaluates it, unless an earlier process has.

        Raises ParamError, GraphError, ShapeChangedError, ResumeError and StoreError.
        """
        self.load()
        if role.is_first:
            record = self._first_record(place, clock)
        else:
            record = place.store.read_bindings(place.flow, place.run_id)
        return self._checked(record, place)

    def _first_record(self, place: RunPlace, clock: Clock) -> Any:
        try:
            record = place.store.read_bindings(place.flow, place.run_id)
        except ObjectMissingError:
            record = self._evaluate(place.params, clock)
            if place.store.create_bindings(place.flow, place.run_id, record):
                return record
            record = place.store.read_bindings(place.flow, place.run_id)
        _check_repeated(self.flow(), place, record)
        return record

    def _evaluate(self, given: Mapping[str, Any], clock: Clock) -> dict[str, Any]:
        """The bindings of a new run."""
        flow = self.flow()
        known = flow_params(flow)
        values = convert_json(known, {name: value for name, value in given.items() if name in known})
        resolved = resolve(flow, _complete(flow, known, values, given))
        rest = {name: value for name, value in given.items() if name not in known}
        implicit = convert_json({**known, **resolved.implicit}, rest)
        params = {**resolved.params, **implicit}
        check_size(params, params_limit_bytes(self.deployment.graph))
        self._check_shape(resolved)
        return bindings_record(resolved, params, implicit, clock.now())

    def _check_shape(self, resolved: Resolved) -> None:
        if resolved.graph.shape_hash() != self.deployment.shape:
            raise _shape_changed(self.title, self.deployment.graph.shape(), resolved.graph.shape())

    def _checked(self, record: Any, place: RunPlace) -> Bound:
        if not isinstance(record, dict) or record.get("v") != BINDINGS_VERSION:
            found = record.get("v") if isinstance(record, dict) else type(record).__name__
            raise StoreFormatError(
                f"the bindings should have version {BINDINGS_VERSION}, but have {found!r}.",
                url=f"{place.flow}/{place.run_id}",
                operation="read",
                hint="Start a new run.",
            )
        if record["shape"] != self.deployment.graph.shape():
            raise _shape_changed(self.title, record["shape"], self.deployment.graph.shape())
        return Bound(calls_of(record), record["started_at"])

    def _module(self, name: str) -> ModuleType:
        if self._task_root not in sys.path:
            sys.path.insert(0, self._task_root)
        own = name == self.deployment.module
        try:
            return load_module(name, self.deployment.file if own else None)
        except (Exception, SystemExit) as error:  # importing runs the author's code: anything may come
            error.__traceback__ = _of_the_author(error.__traceback__)
            raise FlowImportError(
                f"the module '{name}' cannot be imported: {describe(error)}.",
                hint="`python -m lokki_runtime check` in the image shows this before anything is deployed.",
            ) from error


def _of_the_author(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames that led to the author's module: ours, and those of Python's import."""
    ours = (os.path.dirname(__file__) + os.sep, PACKAGE_DIR, "<frozen importlib", os.path.dirname(importlib.__file__))
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(ours):
        trace = trace.tb_next
    return trace


def _complete(
    flow: Flow[Any], known: Mapping[str, Param], values: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    try:
        return complete(flow.name, known, values)
    except ParamError as error:
        raise ParamError(
            error.message, hint=f"The execution's input has {', '.join(given) or 'no parameters'}."
        ) from error


def _check_repeated(flow: Flow[Any], place: RunPlace, record: Any) -> None:
    """Raise ResumeError where a run that goes on is given other parameters than it was started with."""
    if not place.params or not isinstance(record, dict):
        return
    stored = record.get("params") or {}
    try:
        now = convert_json({**_as_stored(stored), **flow_params(flow)}, place.params)
    except LokkiError as error:
        raise ResumeError(f"run '{place.run_id}' was started with other parameters: {error}") from error
    if changed := differences({name: stored.get(name) for name in now}, now):
        raise ResumeError(
            f"run '{place.run_id}' was started with other parameters:\n  " + "\n  ".join(changed) + "\n",
            hint="Resume without parameters, or start a new run.",
        )


def _as_stored(stored: Mapping[str, Any]) -> dict[str, Param]:
    """Stored parameters as ones whose values are of the kind they have."""
    from lokki.params import param_type  # noqa: PLC0415  # only a run that goes on gets here

    kinds = {name: param_type(type(value)) for name, value in stored.items()}
    return {name: Param(name, kind, stored[name]) for name, kind in kinds.items() if kind is not None}


def _shape_changed(flow: str, before: Any, now: Any) -> ShapeChangedError:
    lines = "\n  ".join(shape_differences(before, now))
    return ShapeChangedError(
        f"flow '{flow}': this run's graph differs from the one that was built:\n  {lines}\n",
        hint="The shape of a graph is fixed when it is built: parameters may change arguments, not steps and maps.",
    )
