"""One function as a program, for state machines written by hand: see `handler.make_handler`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from lokki.chain import StepDef, StepNode, TaskUse
from lokki.graph import FlowGraph, MapCloseEntry, MapOpenEntry, MapOptions, StepOptions, TaskEntry
from lokki.params import Param, convert_json, param_type
from lokki.resolve import Call
from lokki.signatures import Parameters

from .errors import DeploymentError
from .program import Bound, RunPlace
from .roles import Role, roles_of

if TYPE_CHECKING:
    from lokki.clock import Clock

_BODY = "items"


class SingleProgram:
    """A function and the node it is called by."""

    def __init__(self, fn: Any, event: Any, *, feeds_map: bool, batch_size: int | Literal["auto"]) -> None:
        self._step = _step_of(fn)
        node = str(event.get("node") or self._step.name) if isinstance(event, Mapping) else self._step.name
        is_first = not isinstance(event, Mapping) or event.get("input") is None
        self.key = f"{node} {is_first}"
        """What tells apart programs of one function."""
        self.title = node
        self.deployed_name = node
        role = _role(node, self._step, batch_size if feeds_map else None)
        self.roles: Mapping[str, Role] = {node: role._replace(is_first=is_first)}

    def load(self) -> None:
        """Nothing to import: the function is here."""

    def step(self, role: Role) -> StepDef:
        """The function as a step."""
        return self._step

    def bound(self, role: Role, place: RunPlace, clock: Clock) -> Bound:
        """The parameters of the event that the function has. Raises ParamError for ill-typed ones."""
        parameters = Parameters(self._step.fn)
        first = parameters.first
        taken = None if role.is_first or first is None else first.name
        wanted = {n: p for n, p in parameters.named.items() if n in place.params and n != taken}
        known = {n: Param(n, _kind(parameters, p)) for n, p in wanted.items()}
        values = convert_json(known, {n: place.params[n] for n in known})
        return Bound({role.node: Call((), values)}, clock.now())


def _kind(parameters: Parameters, parameter: Any) -> Any:
    return param_type(parameters.annotation(parameter)) or param_type(object)


def _step_of(fn: Any) -> StepDef:
    if isinstance(fn, StepNode):
        link = fn.links[0]
        if len(fn.links) == 1 and isinstance(link, TaskUse):
            return link.step
        raise DeploymentError("make_handler takes a function or a step, not a chain.")
    if not callable(fn) or not hasattr(fn, "__code__"):
        raise DeploymentError(f"make_handler takes a function or a step, not {fn!r}.")
    return StepDef(fn, fn.__name__, StepOptions(), None)


def _role(node: str, step: StepDef, batch_size: int | Literal["auto"] | None) -> Role:
    task = TaskEntry(node, step.name, step.fn.__module__)
    if batch_size is None:
        return roles_of(FlowGraph(node, (task,)))[node]
    item = TaskEntry(_BODY, _BODY, "")
    entries = (task, MapOpenEntry(_BODY, node, MapOptions(batch_size=batch_size)), item, MapCloseEntry(_BODY))
    return roles_of(FlowGraph(node, entries))[node]
