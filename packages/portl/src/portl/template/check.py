"""What may stand in an expression, and what it refers to; known before anything runs.

Stage: parsed expressions → mistakes and references. Touches nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from jinja2 import nodes

from .functions import FORGIVING, FUNCTIONS, OF_THE_RUN
from .syntax import Expr

TESTS = frozenset(
    "defined undefined none null number integer float string mapping sequence iterable boolean true false odd even "
    "divisibleby in eq equalto ne gt greaterthan ge lt lessthan le".split()
)
NULL = ("null",)
"""`null` is `none`, as YAML writes it."""
_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Name,
    nodes.Const,
    nodes.List,
    nodes.Tuple,
    nodes.Dict,
    nodes.Pair,
    nodes.CondExpr,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Slice,
    nodes.Filter,
    nodes.Test,
    nodes.Call,
    nodes.Keyword,
    nodes.Concat,
    nodes.Compare,
    nodes.Operand,
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.Div,
    nodes.FloorDiv,
    nodes.Mod,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Neg,
    nodes.Pos,
)


@dataclass(frozen=True)
class Reference:
    """A name that an expression looks up, with the hops after it that are known: `steps.read.rows`."""

    path: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.path)


def mistakes(expression: Expr) -> Iterator[tuple[str, str]]:
    """What is wrong whatever the data are: a sentence and a hint for each."""
    try:
        yield from _walk(expression.node)
    except RecursionError:
        yield "The expression is nested too deeply.", ""


def references(expression: Expr) -> Iterator[Reference]:
    """Every name it looks up, functions left out."""
    pending: list[nodes.Node] = [expression.node]
    while pending:
        node = pending.pop()
        path, rest = chain(node)
        if path:
            if path != NULL:
                yield Reference(path)
            pending.extend(rest)
        else:
            pending.extend(_parts(node))


def chain(node: nodes.Node) -> tuple[tuple[str, ...], list[nodes.Node]]:
    """`a.b['c']` as ("a", "b", "c"), and the nodes in other brackets on the way; ((), []) for anything else."""
    hops: list[str | None] = []
    inside: list[nodes.Node] = []
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        hop = hop_of(node)
        if hop is None and isinstance(node, nodes.Getitem):
            inside.append(node.arg)
        hops.append(hop if isinstance(hop, str) else None)
        node = node.node
    if not isinstance(node, nodes.Name):
        return (), []
    path = [node.name]
    for hop in reversed(hops):
        if hop is None:
            break
        path.append(hop)
    return tuple(path), inside


def hop_of(node: nodes.Getattr | nodes.Getitem) -> str | int | None:
    """The key of a dot or of brackets with a constant in them; None for other brackets."""
    if isinstance(node, nodes.Getattr):
        return node.attr
    if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str | int):
        return node.arg.value
    return None


def _parts(node: nodes.Node) -> Iterator[nodes.Node]:
    """The nodes inside `node`, but not the name of a called function."""
    for child in node.iter_child_nodes():
        if isinstance(node, nodes.Call) and child is node.node:
            if isinstance(child, nodes.Getattr):
                yield child.node
            continue
        yield child


def _walk(node: nodes.Node) -> Iterator[tuple[str, str]]:
    yield from _own(node)
    for child in _parts(node):
        yield from _walk(child)


def _own(node: nodes.Node) -> Iterator[tuple[str, str]]:
    if isinstance(node, nodes.Pow):
        yield "'**' is not available.", "Expressions are bounded; multiply instead."
    elif not isinstance(node, _ALLOWED):
        yield f"'{type(node).__name__}' is not available in expressions.", ""
    elif isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        yield f"'{node.attr}' is not available: names that begin with '_' are closed.", ""
    elif isinstance(node, nodes.CondExpr) and node.expr2 is None:
        yield "The condition has no 'else'.", "Write: {{ a if condition else b }}."
    elif isinstance(node, nodes.Filter):
        yield from _known(node.name, "filter", [*FUNCTIONS, *FORGIVING])
        yield from _plain(node)
    elif isinstance(node, nodes.Test):
        yield from _known(node.name, "test", list(TESTS))
    elif isinstance(node, nodes.Call):
        if isinstance(node.node, nodes.Name):
            yield from _known(node.node.name, "function", [*FUNCTIONS, *FORGIVING, *OF_THE_RUN])
        elif not isinstance(node.node, nodes.Getattr):
            yield "Only functions and methods can be called.", ""
        elif node.node.attr.startswith("_"):
            yield f"'{node.node.attr}' is not available: names that begin with '_' are closed.", ""
        yield from _plain(node)


def _known(name: str, what: str, known: list[str]) -> Iterator[tuple[str, str]]:
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"Did you mean '{close[0]}'?" if close else f"There are: {', '.join(sorted(known))}."
        yield f"There is no {what} '{name}'.", hint


def _plain(node: nodes.Filter | nodes.Call) -> Iterator[tuple[str, str]]:
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        yield "'*' and '**' are not available in calls.", ""
