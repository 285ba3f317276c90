"""Turns parsed expressions into Python source: every name bound, every operation bounded.

Stage: `Expr` + `Scope` → source text and the objects it needs. Touches nothing. The source calls only what is in
`portl.template.access`, `bounds` and `functions`; it has no attribute access of its own, so no object can be reached
but those that are handed in.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable, Sequence
from typing import Any

from jinja2 import nodes

from ..errors import TemplateError
from .check import chain, hop_of
from .functions import FUNCTIONS
from .lookup import Lookup
from .scope import Key, Scope
from .syntax import Expr, ListOf, Literal, Mixed, Template


class Lowering:
    """Collects the source of some templates, and what it refers to.

    With `careful`, rows that are null give a message instead of Python's own error; slower.
    """

    def __init__(self, scope: Scope, *, careful: bool = False) -> None:
        self.scope = scope
        self.lookup = Lookup(scope, careful=careful)
        """What the source refers to."""
        self._temporaries = 0

    def template(self, template: Template) -> str:
        """The source of a value. Raises TemplateError for what is wrong whatever the items are."""
        if isinstance(template, Literal):
            return self.lookup.value(template.value)
        if isinstance(template, Expr):
            return self.expression(template)
        if isinstance(template, Mixed):
            parts = (
                repr(part) if isinstance(part, str) else self._text(self.expression(part)) for part in template.parts
            )
            return f"({' + '.join(parts)})"
        if isinstance(template, ListOf):
            return f"[{', '.join(self.template(item) for item in template.items)}]"
        pairs = (f"{key!r}: {self.template(item)}" for key, item in template.items)
        return f"{{{', '.join(pairs)}}}"

    def expression(self, expression: Expr) -> str:
        """The source of an expression. Raises TemplateError."""
        try:
            return self.node(expression.node)
        except TemplateError as error:
            if not error.expression:
                error.expression = expression.text
            raise
        except RecursionError:
            raise TemplateError("The expression is nested too deeply.", expression=expression.text) from None

    def condition(self, expression: Expr) -> str:
        """The source of an expression that decides something."""
        self.expression(expression)  # for its errors, which name the expression
        return self._condition(expression.node)

    def column(self, template: Template) -> tuple[Key, int] | None:
        """The variable and column that `template` is, if it is nothing but a column of rows that are never null."""
        if not isinstance(template, Expr):
            return None
        path, rest = chain(template.node)
        for length in range(len(path), 0, -1):
            variable = self.scope.variables.get(path[:length])
            if variable is not None and variable.columns and not variable.nullable and not rest:
                hops = path[length:]
                if len(hops) == 1 and hops[0] in variable.columns and _hops(template.node) == len(path) - 1:
                    return path[:length], variable.columns.index(hops[0])
        return None

    def node(self, node: nodes.Node, *, forgiving: bool = False) -> str:
        """The source of one node; with `forgiving` a missing last hop gives MISSING."""
        if isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem):
            return self._lookup(node, forgiving)
        if isinstance(node, nodes.CondExpr):
            test = self._condition(node.test)
            first = self.node(node.expr1, forgiving=forgiving)
            assert node.expr2 is not None  # noqa: S101  # portl.template.check refuses it
            return f"({first} if {test} else {self.node(node.expr2, forgiving=forgiving)})"
        method = _METHODS[type(node)]
        return method(self, node)

    def _lookup(self, node: nodes.Node, forgiving: bool) -> str:
        if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice):
            parts = (node.arg.start, node.arg.stop, node.arg.step)
            cuts = ", ".join("None" if part is None else self.node(part) for part in parts)
            return f"cut({self.node(node.node)}, {cuts})"
        path, _ = chain(node)
        if path and _hops(node) == len(path) - 1:
            return self.lookup.path(path, forgiving)
        assert isinstance(node, nodes.Getattr | nodes.Getitem)  # noqa: S101  # a name alone is a path
        hop = hop_of(node)
        key = self.node(node.arg) if hop is None and isinstance(node, nodes.Getitem) else repr(hop)
        return f"{'soft' if forgiving else 'get'}({self.node(node.node)}, {key})"

    def _text(self, source: str) -> str:
        return f"text({source})"

    def _condition(self, node: nodes.Node) -> str:
        """The source of something that decides; texts are refused, also as a part of it."""
        if isinstance(node, nodes.And | nodes.Or):
            return f"({self._condition(node.left)} {node.operator} {self._condition(node.right)})"
        return self.node(node) if _is_boolean(node) else f"truth({self.node(node)})"

    def _temporary(self) -> str:
        self._temporaries += 1
        return f"t{self._temporaries}"

    def _coalesce(self, arguments: Sequence[nodes.Node]) -> str:
        """The first argument that is neither missing nor null; the others are not computed."""
        source = "None"
        for node in reversed(arguments):
            name = self._temporary()
            value = self.node(node, forgiving=True)
            source = f"({name} if ({name} := {value}) is not None and {name} is not MISSING else {source})"
        return source

    def _default(self, arguments: Sequence[nodes.Node], keywords: Sequence[Any]) -> str:
        named = {item.key: item.value for item in keywords}
        other: nodes.Node = arguments[1] if len(arguments) > 1 else named.get("default_value", nodes.Const(""))
        flag = arguments[2] if len(arguments) > 2 else named.get("boolean")
        name = self._temporary()
        falsy = f" and {name}" if isinstance(flag, nodes.Const) and flag.value else ""
        value = self.node(arguments[0], forgiving=True)
        return f"({name} if ({name} := {value}) is not MISSING{falsy} else {self.node(other)})"

    def _call_named(self, name: str, arguments: Sequence[nodes.Node], keywords: Sequence[Any]) -> str:
        if name == "coalesce":
            return self._coalesce(arguments)
        if name in ("default", "d"):
            if not arguments:
                raise TemplateError(f"{name} needs a value.")
            return self._default(arguments, keywords)
        function = self.scope.functions.get(name) or FUNCTIONS.get(name)
        if function is None:
            raise TemplateError(f"There is no function '{name}'.")
        self.lookup.space[f"f_{name}"] = function
        return f"f_{name}({self._arguments(arguments, keywords)})"

    def _arguments(self, arguments: Sequence[nodes.Node], keywords: Sequence[Any]) -> str:
        for item in keywords:
            if not item.key.isidentifier() or keyword.iskeyword(item.key):
                raise TemplateError(f"'{item.key}' cannot name an argument.")
        named = (f"{item.key}={self.node(item.value)}" for item in keywords)
        return ", ".join([*(self.node(item) for item in arguments), *named])

    def _filter(self, node: nodes.Filter) -> str:
        assert node.node is not None  # noqa: S101  # only in statements
        return self._call_named(node.name, [node.node, *node.args], node.kwargs)

    def _call(self, node: nodes.Call) -> str:
        if isinstance(node.node, nodes.Name):
            return self._call_named(node.node.name, node.args, node.kwargs)
        if not isinstance(node.node, nodes.Getattr) or node.node.attr.startswith("_"):
            raise TemplateError("Only functions and methods can be called.")
        rest = self._arguments(node.args, node.kwargs)
        return f"call({self.node(node.node.node)}, {node.node.attr!r}{', ' if rest else ''}{rest})"

    def _test(self, node: nodes.Test) -> str:
        if node.name in ("defined", "undefined"):
            sign = "is not" if node.name == "defined" else "is"
            return f"({self.node(node.node, forgiving=True)} {sign} MISSING)"
        value = self.node(node.node)
        if node.name in ("none", "null"):
            return f"({value} is None)"
        arguments = "".join(f", {self.node(item)}" for item in node.args)
        return f"test_{node.name}({value}{arguments})"

    def _concat(self, node: nodes.Concat) -> str:
        return f"join_text({', '.join(self.node(item) for item in node.nodes)})"

    def _compare(self, node: nodes.Compare) -> str:
        parts = [self.node(node.expr)]
        for operand in node.ops:
            parts += [_OPERATORS[operand.op], self.node(operand.expr)]
        return f"({' '.join(parts)})"

    def _binary(self, node: nodes.BinExpr) -> str:
        left, right = self.node(node.left), self.node(node.right)
        if isinstance(node, nodes.Mul | nodes.Mod):
            return f"{'multiply' if isinstance(node, nodes.Mul) else 'modulo'}({left}, {right})"
        return f"({left} {node.operator} {right})"

    def _unary(self, node: nodes.UnaryExpr) -> str:
        if isinstance(node, nodes.Not):
            return f"(not {self._condition(node.node)})"
        return f"({node.operator}{self.node(node.node)})"

    def _list(self, node: nodes.List | nodes.Tuple) -> str:
        return f"[{', '.join(self.node(item) for item in node.items)}]"

    def _dict(self, node: nodes.Dict) -> str:
        return f"{{{', '.join(f'{self.node(pair.key)}: {self.node(pair.value)}' for pair in node.items)}}}"

    def _const(self, node: nodes.Const) -> str:
        return self.lookup.value(node.value)


def _hops(node: nodes.Node) -> int:
    count = 0
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        count += 1
        node = node.node
    return count


def _is_boolean(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Const):
        return isinstance(node.value, bool)
    return isinstance(node, nodes.Compare | nodes.Test | nodes.Not)


_METHODS: dict[type[nodes.Node], Callable[[Lowering, Any], str]] = {
    nodes.Const: Lowering._const,
    nodes.List: Lowering._list,
    nodes.Tuple: Lowering._list,
    nodes.Dict: Lowering._dict,
    nodes.Filter: Lowering._filter,
    nodes.Call: Lowering._call,
    nodes.Test: Lowering._test,
    nodes.Concat: Lowering._concat,
    nodes.Compare: Lowering._compare,
    **dict.fromkeys(
        (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.And, nodes.Or), Lowering._binary
    ),
    **dict.fromkeys((nodes.Not, nodes.Neg, nodes.Pos), Lowering._unary),
}
_OPERATORS = {"eq": "==", "ne": "!=", "gt": ">", "gteq": ">=", "lt": "<", "lteq": "<=", "in": "in", "notin": "not in"}
