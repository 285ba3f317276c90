"""Steps and the chains that `.next`, `.map` and `.agg` make of them.

Nodes are values: each call returns a new object and changes none. Nothing runs here; `resolve` turns a
finished chain into a FlowGraph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Literal, ParamSpec, TypeVar, cast, overload

from . import context
from .errors import ChainError, FlowDefinitionError
from .graph import MapOptions, StepOptions
from .record import Record
from .where import Where, caller

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")


class StepDef(Record, eq=False):
    """A decorated function and its options; one per `@step`, shared by all its uses."""

    fn: Callable[..., Any]
    name: str
    options: StepOptions
    where: Where | None
    findings: tuple[str, ...] = ()
    """What is wrong with the options; reported with the flow's other mistakes."""


class TaskUse(Record, eq=False):
    """A step at its place in a chain, with the arguments bound there."""

    step: StepDef
    where: Where
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = {}  # nobody writes to a Mapping


class MapUse(Record, eq=False):
    """A map at its place in a chain."""

    body: tuple[TaskUse | MapUse, ...]
    where: Where
    options: MapOptions
    given: frozenset[str]
    """The options the author wrote."""


Links = tuple[TaskUse | MapUse, ...]


class _Chain:
    """What all chains share: their links."""

    def __init__(self, links: Links) -> None:
        self.links = links


class StepNode(_Chain, Generic[P, R]):
    """A step, or a chain that ends with one.

    `@step` makes the first; calling it binds arguments, `.next`, `.map` and `.agg` make longer ones.
    """

    def __init__(self, fn: Callable[P, R], links: Links) -> None:
        super().__init__(links)
        self.fn = fn
        """The plain function of the (last) step, for unit tests."""
        self.__wrapped__ = fn
        self.__doc__ = fn.__doc__
        self.__module__ = fn.__module__

    @property
    def name(self) -> str:
        """The (last) step's name."""
        return self._last.step.name

    @property
    def _last(self) -> TaskUse:
        return cast("TaskUse", self.links[-1])

    def __repr__(self) -> str:
        return f"<step {self.name}>" if len(self.links) == 1 else f"<chain of {len(self.links)} ending in {self.name}>"

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> StepNode[P, R]: ...
    @overload
    def __call__(self, **bound: Any) -> StepNode[P, R]: ...
    def __call__(self, *args: Any, **kwargs: Any) -> StepNode[P, R]:
        """Bind arguments of the step; the function itself is not run.

        The first step of a flow takes any of its arguments; a later one takes all but its first, by name.
        Raises ChainError for arguments on a whole chain or for one bound twice.
        """
        where = caller()
        if context.current.get() is not None:
            raise FlowDefinitionError(
                f"step '{self.name}' was called inside a running step, where steps cannot be chained.",
                where=where,
                hint=f"Call the plain function: {self.name}.fn(...).",
            )
        if len(self.links) > 1:
            raise ChainError("arguments are bound to a step, not to a chain.", where=where, hint=_BIND_HINT)
        return StepNode(self.fn, (_bind(self._last, where, args, kwargs),))

    @overload
    def next(self, step_node: StepNode[..., S], /, **kwargs: Any) -> StepNode[..., S]: ...
    @overload
    def next(self, step_node: MapBlock, /, **kwargs: Any) -> MapBlock: ...
    def next(self, step_node: Any, /, **kwargs: Any) -> Any:
        """Run `step_node` on this step's result. Returns a StepNode, or a MapBlock after a chain that ends open."""
        where = caller()
        return _extend(self.links, _links_of(step_node, kwargs, where, ".next"))

    def map(
        self,
        step_node: StepNode[..., Any] | MapBlock | Sequence[StepNode[..., Any] | MapBlock],
        /,
        *,
        concurrency_limit: int | None = None,
        batch_size: int | Literal["auto"] | None = None,
        tolerated_failure_percentage: float | None = None,
        express: bool | None = None,
        **kwargs: Any,
    ) -> MapBlock:
        """Run a step, a chain or a list of them once per item of this step's result."""
        where = caller()
        given = _given(concurrency_limit, batch_size, tolerated_failure_percentage, express)
        body = _links_of(step_node, kwargs, where, ".map")
        block = MapUse(body, where, MapOptions(), frozenset())
        return MapBlock((*self.links, _with_options(block, given, where)))

    def agg(self, step_node: object, /, **kwargs: Any) -> StepNode[..., Any]:
        """Always raises ChainError: only a map can be aggregated."""
        raise ChainError(
            f".agg was called on step '{self.name}', but only a map has results to aggregate.",
            where=caller(),
            hint="Write .map(step).agg(other), or .next(other) to hand the whole result on.",
        )


class MapBlock(_Chain):
    """A chain that ends with an open map: `.next` and `.map` go on inside it, `.agg` closes it.

    A flow, or the body of another map, may end with one; its result is then the list of item results.
    """

    def __repr__(self) -> str:
        return f"<chain of {len(self.links)} ending in an open map>"

    @property
    def _open(self) -> MapUse:
        return cast("MapUse", self.links[-1])

    def next(self, step_node: StepNode[..., Any] | MapBlock, /, **kwargs: Any) -> MapBlock:
        """Run `step_node` after the steps already inside the map, per item."""
        return self._add(_links_of(step_node, kwargs, caller(), ".next"))

    def map(
        self,
        step_node: StepNode[..., Any] | MapBlock | Sequence[StepNode[..., Any] | MapBlock],
        /,
        *,
        concurrency_limit: int | None = None,
        batch_size: int | Literal["auto"] | None = None,
        tolerated_failure_percentage: float | None = None,
        express: bool | None = None,
        **kwargs: Any,
    ) -> MapBlock:
        """The same as `.next`, another spelling; options apply to the map as a whole."""
        where = caller()
        given = _given(concurrency_limit, batch_size, tolerated_failure_percentage, express)
        grown = self._add(_links_of(step_node, kwargs, where, ".map"))
        return MapBlock((*grown.links[:-1], _with_options(grown._open, given, where)))

    def agg(self, step_node: StepNode[..., S], /, **kwargs: Any) -> StepNode[..., S]:
        """Close the map: `step_node` receives the list of all item results, in item order."""
        where = caller()
        links = _links_of(step_node, kwargs, where, ".agg")
        if len(links) != 1 or not isinstance(step_node, StepNode):
            raise ChainError(
                ".agg takes one step, not a chain.", where=where, hint="Chain the rest after it: .agg(a).next(b)."
            )
        return StepNode(step_node.fn, self.links + links)

    def _add(self, links: Links) -> MapBlock:
        return MapBlock((*self.links[:-1], self._open.replace(body=self._open.body + links)))


_BIND_HINT = "Bind arguments by calling the step where it stands: first().next(second(limit=5))."


def _extend(before: Links, links: Links) -> StepNode[..., Any] | MapBlock:
    last = links[-1]
    return StepNode(last.step.fn, before + links) if isinstance(last, TaskUse) else MapBlock(before + links)


def _links_of(what: object, bound: Mapping[str, Any], where: Where, method: str) -> Links:
    """The links of a step, a chain or (for `.map`) a list of them."""
    if isinstance(what, list | tuple) and method == ".map":
        if not what:
            raise ChainError(".map was given an empty list.", where=where, hint="Give it at least one step.")
        links = tuple(link for one in what for link in _links_of(one, {}, where, method))
    elif isinstance(what, _Chain):
        links = (_placed(what.links[0], where), *what.links[1:])
    else:
        raise _not_a_step(what, where, method)
    return _bind_first(links, bound, where, method) if bound else links


def _placed(link: TaskUse | MapUse, where: Where) -> TaskUse | MapUse:
    """A step that was not called stands where it is chained, not where it is defined."""
    unbound = isinstance(link, TaskUse) and link.where is link.step.where
    return link.replace(where=where) if unbound else link


def _bind_first(links: Links, bound: Mapping[str, Any], where: Where, method: str) -> Links:
    if len(links) > 1 or not isinstance(links[0], TaskUse):
        raise ChainError(
            f"{method} was given both a chain and arguments ({', '.join(bound)}).", where=where, hint=_BIND_HINT
        )
    return (_bind(links[0], where, (), bound),)


def _bind(use: TaskUse, where: Where, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> TaskUse:
    twice = [name for name in kwargs if name in use.kwargs]
    if twice or (args and use.args):
        what = f"argument '{twice[0]}' of step '{use.step.name}' is" if twice else "arguments by position are"
        raise ChainError(f"{what} bound twice.", where=where, hint="Keep one of them.")
    return use.replace(where=where, args=use.args + args, kwargs={**use.kwargs, **kwargs})


_TAKES = {".next": "a step or a chain", ".map": "a step, a chain or a list of them", ".agg": "a step"}


def _not_a_step(what: object, where: Where, method: str) -> ChainError:
    name = getattr(what, "__name__", None)
    shown = repr(what)[:60] if name is None or name == "<lambda>" else name
    if type(what).__name__ == "Flow":
        hint = "A flow cannot be part of another; chain its steps instead."
    elif hasattr(what, "__code__") and str(name).isidentifier():
        hint = f"Decorate it at module level: @step above 'def {name}(...)'."
    elif callable(what):
        hint = "Write a function at module level that calls it, with @step above its def."
    else:
        hint = f"{method} takes {_TAKES[method]}."
    return ChainError(f"{method} was given {shown}, which is not a step.", where=where, hint=hint)


def _given(
    concurrency_limit: object, batch_size: object, tolerated_failure_percentage: object, express: object
) -> dict[str, Any]:
    options = {
        "concurrency_limit": concurrency_limit,
        "batch_size": batch_size,
        "tolerated_failure_percentage": tolerated_failure_percentage,
        "express": express,
    }
    return {name: value for name, value in options.items() if value is not None}


def _with_options(block: MapUse, given: Mapping[str, Any], where: Where) -> MapUse:
    for name, value in given.items():
        _check_option(name, value, where)
        if name in block.given and getattr(block.options, name) != value:
            raise ChainError(f"{name} of one map is given twice, with different values.", where=where)
    return block.replace(options=block.options.replace(**given), given=block.given | set(given))


def _check_option(name: str, value: object, where: Where) -> None:
    rules: dict[str, tuple[bool, str]] = {
        "concurrency_limit": (_whole(value) and cast("int", value) >= 1, "a whole number, at least 1"),
        "batch_size": (value == "auto" or (_whole(value) and cast("int", value) >= 1), 'a whole number ≥ 1, or "auto"'),
        "tolerated_failure_percentage": (_number(value) and 0 <= cast("float", value) <= 100, "between 0 and 100"),
        "express": (isinstance(value, bool), "True or False"),
    }
    fine, rule = rules[name]
    if not fine:
        raise ChainError(
            f"{name} is {rule}, not {value!r}.",
            where=where,
            hint=f"To bind a step's argument of this name, call the step: .map(step({name}=...)).",
        )


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
