"""Evaluates a flow's body once and turns the chain it returns into a graph, its steps and their arguments.

Input: a Flow and its parameters. Output: `Resolved`. Runs the author's flow body, nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import CoroutineType, GeneratorType
from typing import Any

from . import canonical
from .chain import Links, MapBlock, MapUse, StepDef, StepNode, TaskUse
from .decorators import Flow
from .errors import FlowDefinitionError, GraphError, LokkiError, ParamError
from .graph import Entry, FlowGraph, MapCloseEntry, MapOpenEntry, TaskEntry
from .lint import NodeUse, lint_flow, lint_map, lint_node
from .naming import NodeNames
from .params import MISSING, Param, param_type
from .record import Record
from .signatures import Parameter, Parameters

RESERVED = frozenset("help debug params param resume executor workers store run_id json wait".split())
"""Names no parameter may have: the command line uses them."""


class Call(Record):
    """What a step is called with besides the upstream result."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = {}  # nobody writes to a Mapping


class Resolved(Record, eq=False):
    """A flow evaluated with one run's parameters."""

    flow: Flow[Any]
    graph: FlowGraph
    uses: Mapping[str, NodeUse]
    """{node: its step at its place}."""
    params: Mapping[str, Any]
    """{flow parameter: value}, defaults included."""
    implicit: Mapping[str, Param]
    """{argument bound to the first step: how it may be given from outside}."""

    @property
    def steps(self) -> dict[str, StepDef]:
        """{node: step}."""
        return {node: use.step for node, use in self.uses.items()}

    def calls(self, implicit: Mapping[str, Any] | None = None) -> dict[str, Call]:
        """{node: what its step is called with}; `implicit` replaces arguments bound to the first step."""
        calls = {node: _call(use, self.params) for node, use in self.uses.items()}
        first = next(iter(self.uses))
        if implicit:
            calls[first] = _call(self.uses[first].rebound(implicit), self.params)
        return calls


def flow_params(flow: Flow[Any]) -> dict[str, Param]:
    """{name: parameter} of the flow function, in order.

    Raises GraphError where lokki cannot serve one of them, with all other mistakes that can be told as well.
    """
    params, findings = _read_parameters(flow)
    if findings:
        defaults = {p.name: p.default for p in _plain_parameters(flow)}
        if not any(default is MISSING for default in defaults.values()):
            try:
                resolve(flow, defaults)
            except GraphError:
                raise
            except LokkiError:  # the body cannot be evaluated, so the findings so far are all there are
                pass
        raise GraphError(flow.name, findings + lint_flow(flow, params))
    return params


def _read_parameters(flow: Flow[Any]) -> tuple[dict[str, Param], list[str]]:
    """The parameters that lokki can serve, and what is wrong with the others."""
    params: dict[str, Param] = {}
    findings: list[str] = []
    signature = Parameters(flow.fn)
    for parameter in signature.all:
        finding = _check_flow_parameter(flow, parameter)
        annotation = signature.annotation(parameter)
        kind = param_type(annotation, parameter.default)
        if finding is None and kind is None:
            finding = _annotation_finding(parameter.name, annotation)
        if finding is not None:
            findings.append(f"{flow.where}: {finding}")
        elif kind is not None:
            params[parameter.name] = Param(parameter.name, kind, parameter.default)
    return params, findings


def _annotation_finding(name: str, annotation: Any) -> str:
    if isinstance(annotation, str):
        return f"parameter '{name}' is annotated {annotation}, which is not known when the flow file runs. Import it."
    shown = annotation.__qualname__ if isinstance(annotation, type) else str(annotation)
    return (
        f"parameter '{name}' is annotated {shown}, which lokki cannot convert to. Use int, float, bool, str, list,"
        f" dict, date, datetime, an Enum, Literal or Optional of these."
    )


def _plain_parameters(flow: Flow[Any]) -> list[Parameter]:
    return [p for p in Parameters(flow.fn).all if p.is_named]


def bind_parameters(flow: Flow[Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Typed parameters as a call of the flow function would bind them. Raises ParamError."""
    import inspect  # noqa: PLC0415  # 15 ms that only a flow called by hand costs

    try:
        bound = inspect.signature(flow.fn).bind(*args, **kwargs)
    except TypeError as error:
        raise ParamError(f"flow '{flow.name}': {error}.") from error
    bound.apply_defaults()
    return dict(bound.arguments)


def resolve(flow: Flow[Any], params: Mapping[str, Any]) -> Resolved:
    """Evaluate `flow` with typed `params` (all of its parameters).

    Raises GraphError with every mistake of the flow, ChainError from a chain written wrongly, and
    FlowDefinitionError with the author's traceback where the body itself fails.
    """
    links = _links(flow, _evaluate(flow, params))
    steps = [use.step for use in _uses(links)]
    for fn in (flow.fn, *(step.fn for step in steps)):
        canonical.adopt(fn)
    builder = _Builder(NodeNames([step.name for step in steps]))
    entries = builder.chain(links)
    known, findings = _read_parameters(flow)
    findings += lint_flow(flow, known) + builder.findings
    for use in builder.uses.values():
        findings += lint_node(flow.name, use, params)
    if findings:
        raise GraphError(flow.name, list(dict.fromkeys(findings)))
    graph = FlowGraph(flow.name, tuple(entries), flow.schedule, flow.timezone)
    return Resolved(flow, graph, builder.uses, params, _implicit(next(iter(builder.uses.values())), known))


class _Builder:
    """Walks a chain, names its nodes and writes its entries."""

    def __init__(self, names: NodeNames) -> None:
        self.names = names
        self.uses: dict[str, NodeUse] = {}
        self.findings: list[str] = []

    def chain(self, links: Links) -> list[Entry]:
        entries: list[Entry] = []
        source = ""
        for place, link in enumerate(links):
            if isinstance(link, MapUse):
                entries += self._map(link, source)
                continue
            aggregation = place > 0 and isinstance(links[place - 1], MapUse)
            task = self._task(link, is_first=not self.uses, aggregates=aggregation)
            source = task.node
            if aggregation:
                entries[-1] = MapCloseEntry(entries[-1].name, task)  # type: ignore[union-attr]  # a map was just closed
            else:
                entries.append(task)
        return entries

    def _map(self, use: MapUse, source: str) -> list[Entry]:
        body = self.chain(use.body)
        name = body[0].node if isinstance(body[0], TaskEntry) else ""
        self.findings += lint_map(use)
        return [MapOpenEntry(name, source, use.options), *body, MapCloseEntry(name)]

    def _task(self, use: TaskUse, *, is_first: bool, aggregates: bool) -> TaskEntry:
        step = use.step
        node = self.names.give(step.name)
        self.uses[node] = NodeUse(node, use, Parameters(step.fn), is_first=is_first, aggregates=aggregates)
        return TaskEntry(node, step.name, canonical.canonical_module(step.fn.__module__), step.options)


def _evaluate(flow: Flow[Any], params: Mapping[str, Any]) -> object:
    parameters = _plain_parameters(flow)
    positional = [p.name for p in parameters if p.kind == "positional_only"]
    named = {p.name: params[p.name] for p in parameters if p.name not in positional}
    try:
        return flow.fn(*[params[n] for n in positional], **named)
    except LokkiError:
        raise
    except Exception as error:
        raise FlowDefinitionError(
            f"the body of flow '{flow.name}' raised {type(error).__name__}: {error}.", where=flow.where
        ) from error


def _links(flow: Flow[Any], result: object) -> Links:
    if isinstance(result, StepNode | MapBlock):
        return result.links
    if isinstance(result, CoroutineType):
        result.close()
    what = "nothing" if result is None else f"a {type(result).__name__}"
    hint = "End it with: return first().next(second)."
    if isinstance(result, CoroutineType | GeneratorType):
        hint = "Write it with def and return, without async and yield."
    raise FlowDefinitionError(
        f"flow '{flow.name}' returned {what} instead of a chain of steps.", where=flow.where, hint=hint
    )


def _uses(links: Links) -> list[TaskUse]:
    uses: list[TaskUse] = []
    for link in links:
        uses += [link] if isinstance(link, TaskUse) else _uses(link.body)
    return uses


def _check_flow_parameter(flow: Flow[Any], parameter: Parameter) -> str | None:
    if not parameter.is_named:
        return f"flow '{flow.name}' takes {parameter}; name each parameter, so that a run can be given it."
    if parameter.name in RESERVED:
        return f"parameter '{parameter.name}' has the name of a command-line option; call it something else."
    return None


def _implicit(first: NodeUse, known: Mapping[str, Param]) -> dict[str, Param]:
    implicit = {}
    for name, value in first.bound.items():
        if name in known or name in RESERVED:
            continue
        parameter = first.parameters.named.get(name)  # None: `**kwargs` take it
        kind = param_type(first.parameters.annotation(parameter) if parameter else MISSING, value)
        if kind is not None:
            implicit[name] = Param(name, kind, value, implicit=True)
    return implicit


def _call(use: NodeUse, params: Mapping[str, Any]) -> Call:
    """Fill a step's parameters: bound arguments first, then flow parameters; the rest keep their defaults."""
    filled = {n: use.bound[n] if n in use.bound else params[n] for n in use.fillable if _is_filled(use, n, params)}
    by_place = [n for n, p in use.fillable.items() if _goes_by_place(use, p)]
    while by_place and by_place[-1] not in filled and not use.extra:
        by_place.pop()
    args = [filled.pop(n, use.fillable[n].default) for n in by_place]
    if use.parameters.takes_any:
        named = use.parameters.named
        filled |= {n: v for n, v in (dict(params) | use.bound).items() if n not in named}
    return Call((*args, *use.extra), filled)


def _is_filled(use: NodeUse, name: str, params: Mapping[str, Any]) -> bool:
    return name in use.bound or (name in params and not use.takes_failures(name))


def _goes_by_place(use: NodeUse, parameter: Parameter) -> bool:
    return parameter.kind == "positional_only" or (bool(use.extra) and parameter.by_place)
