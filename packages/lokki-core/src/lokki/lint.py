"""What can be wrong with a flow, each finding as *file:line: what. hint*.

Input: flows, nodes and maps as written. Output: lists of findings, all of them at once. Pure.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from .canonical import canonical_module, find_step
from .chain import MapBlock, MapUse, StepDef, StepNode, TaskUse
from .decorators import Flow
from .params import MISSING, Param
from .record import Record
from .signatures import Parameter, Parameters, is_async

EXPRESS_LIMIT_S = 300
"""How long an EXPRESS execution may take."""

FAILURES = "failures"
"""The parameter through which an aggregation receives the items that failed."""


class NodeUse(Record, eq=False):
    """A step at its place in a graph."""

    node: str
    use: TaskUse
    parameters: Parameters
    is_first: bool
    """Whether nothing runs before it, so that it has no upstream result."""
    aggregates: bool
    """Whether it closes a map."""
    given: Mapping[str, Any] = {}  # nobody writes to a Mapping
    """{parameter: argument given from outside}, above what the flow body bound."""

    @property
    def step(self) -> StepDef:
        """The step."""
        return self.use.step

    @cached_property
    def fillable(self) -> dict[str, Parameter]:
        """{name: parameter} of those the upstream result does not take."""
        first = self.parameters.first
        taken = None if self.is_first or first is None else first.name
        return {name: p for name, p in self.parameters.named.items() if name != taken}

    @cached_property
    def bound(self) -> dict[str, Any]:
        """{parameter: argument bound in the flow body}; positional arguments of the first step by name."""
        names = [p.name for p in self.parameters.all if p.by_place]
        by_place = dict(zip(names, self.use.args, strict=False)) if self.is_first else {}
        return by_place | dict(self.use.kwargs) | dict(self.given)

    @property
    def extra(self) -> tuple[Any, ...]:
        """Positional arguments of the first step that its `*args` take."""
        names = [p for p in self.parameters.all if p.by_place]
        return self.use.args[len(names) :] if self.is_first else ()

    def takes_failures(self, name: str) -> bool:
        """Whether the parameter `name` receives the map's failed items."""
        parameter = self.fillable.get(name) if self.aggregates and name == FAILURES else None
        return parameter is not None and parameter.kind != "positional_only" and name not in self.bound

    def rebound(self, values: Mapping[str, Any]) -> NodeUse:
        """The same with arguments given from outside."""
        return self.replace(given=values)


def lint_flow(flow: Flow[Any], params: Mapping[str, Param]) -> list[str]:
    """Mistakes of the flow function and its options."""
    findings = []
    if flow.fn.__name__ == "<lambda>" or "." in flow.fn.__qualname__:
        findings.append(f"flow '{flow.fn.__qualname__}' is not at module level; move it there")
    if flow.schedule is not None:
        required = [name for name, param in params.items() if param.required]
        if required:
            findings.append(f"a scheduled flow needs defaults, but {', '.join(required)} must be given")
    if flow.schedule is not None or flow.timezone is not None:
        from .schedule import lint_schedule  # noqa: PLC0415  # most flows have none

        findings += lint_schedule(flow.schedule, flow.timezone)
    return [f"{flow.where}: {finding}." for finding in findings]


def lint_map(use: MapUse) -> list[str]:
    """Mistakes in how a map's options and body fit together."""
    findings = []
    options = use.options
    nested = any(isinstance(link, MapUse) for link in use.body)
    if nested and "batch_size" in use.given and options.batch_size not in (1, "auto"):
        findings.append("batch_size applies to maps without a map inside; leave it out here")
    if options.express:
        findings += _lint_express(use, nested=nested)
    return [f"{use.where}: {finding}." for finding in findings]


def _lint_express(use: MapUse, *, nested: bool) -> list[str]:
    steps = [link.step for link in use.body if isinstance(link, TaskUse)]
    findings = ["express is not possible for a map with a map inside"] if nested else []
    if any(step.options.job_type == "batch" for step in steps):
        findings.append("express is not possible with a Batch step in the map")
    total = sum(step.options.timeout_seconds or 0 for step in steps)
    if total > EXPRESS_LIMIT_S:
        findings.append(f"express children end after {EXPRESS_LIMIT_S} s, but the steps' timeouts add up to {total} s")
    return findings


def lint_node(flow: str, use: NodeUse, params: Mapping[str, Any]) -> list[str]:
    """Mistakes of one step and of what is bound to it."""
    definition = _lint_definition(use.step)
    binding = [f"{use.use.where}: {finding}." for finding in _lint_binding(flow, use, params)]
    return [*use.step.findings, *definition, *binding]


def _lint_definition(step: StepDef) -> list[str]:
    fn = step.fn
    finding = None
    if step.name == "<lambda>":
        finding = "a lambda cannot be a step, because other processes could not find it; write it with def"
    elif "<locals>" in fn.__qualname__:
        finding = (
            f"step '{fn.__qualname__}' is defined inside a function; move it to module level, so that other processes"
            f" find it (if a decorator below @step made it, that one needs functools.wraps)"
        )
    elif "." in fn.__qualname__:
        finding = f"step '{fn.__qualname__}' is not at module level; move it there, so that other processes find it"
    elif is_async(fn):
        finding = f"step '{step.name}' is async; write it with def and call asyncio.run(...) inside"
    elif fn.__module__ in sys.modules and _elsewhere(step):
        finding = (
            f"step '{step.name}' would not be found by other processes: module '{canonical_module(fn.__module__)}' has"
            f" something else under that name; give each step a name of its own"
        )
    return [f"{step.where}: {finding}."] if finding else []


def _elsewhere(step: StepDef) -> bool:
    return find_step(canonical_module(step.fn.__module__), step.name) is not step


def _lint_binding(flow: str, use: NodeUse, params: Mapping[str, Any]) -> list[str]:
    for value in (*use.use.args, *use.use.kwargs.values()):
        if isinstance(value, StepNode | MapBlock | Flow):
            finding = f"step '{use.node}' is given {value!r} as an argument, but steps hand results on by being chained"
            return [f"{finding}; write first().next(second)"]
    if not use.is_first and use.parameters.first is None:
        return [f"step '{use.node}' takes no argument by position, but receives the result of the step before it"]
    return [*_lint_arguments(use), *_lint_missing(flow, use, params)]


def _lint_arguments(use: NodeUse) -> list[str]:
    """Arguments the step cannot take."""
    findings = []
    name = use.node
    first = use.parameters.first
    if use.use.args and not use.is_first:
        findings.append(
            f"step '{name}' is given arguments by position, but its first parameter receives the result before it;"
            f" bind the others by name"
        )
    if not use.is_first and first is not None and first.name in use.use.kwargs:
        findings.append(f"parameter '{first.name}' of step '{name}' receives the result before it; do not bind it")
    if use.extra and not any(p.kind == "var_positional" for p in use.parameters.all):
        findings.append(f"step '{name}' is given {len(use.use.args)} arguments by position, more than it takes")
    if use.is_first and (twice := [n for n in use.use.kwargs if n in _by_place(use)]):
        findings.append(f"argument '{twice[0]}' of step '{name}' is given twice")
    if not use.parameters.takes_any:
        known = ", ".join(use.fillable) or "none that can be bound"
        unknown = [n for n in use.use.kwargs if n not in use.parameters.named]
        findings += [f"step '{name}' has no parameter '{n}'; it has {known}" for n in unknown]
    return findings


def _by_place(use: NodeUse) -> list[str]:
    return [p.name for p in use.parameters.all if p.by_place][: len(use.use.args)]


def _lint_missing(flow: str, use: NodeUse, params: Mapping[str, Any]) -> list[str]:
    """Parameters that nothing can fill."""
    missing = [
        name
        for name, p in use.fillable.items()
        if p.default is MISSING and name not in use.bound and name not in params and not use.takes_failures(name)
    ]
    return [
        f"flow '{flow}': nothing fills parameter '{name}' of step '{use.node}'; bind it ({use.step.name}({name}=...)),"
        f" give it a default, or make it a parameter of the flow"
        for name in missing
    ]
