"""The source that looks names up: variables by their place in a row, constants as objects of the source's globals.

Stage: paths + `Scope` → source text and the objects it needs. Touches nothing.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from ..errors import TemplateError
from .check import NULL
from .scope import Key, Scope
from .space import NAMES


class Lookup:
    """Collects what the source of some templates refers to."""

    def __init__(self, scope: Scope, *, careful: bool) -> None:
        self._scope = scope
        self._careful = careful
        self.space: dict[str, Any] = dict(NAMES)
        """The globals of the source."""
        self.used: dict[Key, str] = {}
        """`{variable: its name in the source}`, in the order of first use."""

    def value(self, value: Any) -> str:
        """The source of a constant."""
        if value is None or type(value) in (bool, int, str):
            try:
                return repr(value)
            except ValueError:
                pass
        return self._bind(value)

    def _bind(self, value: Any) -> str:
        """A name for an object in the source."""
        name = f"k{len(self.space)}"
        self.space[name] = value
        return name

    def path(self, path: Key, forgiving: bool) -> str:
        """The source of `a.b.c`; with `forgiving` a missing last hop gives MISSING. Raises TemplateError."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._scope.variables:
                return self._variable(path[:length], path[length:], forgiving)
        if path == NULL:
            return "None"
        if self._scope.constant is None:
            raise TemplateError(f"There is no '{path[0]}' here.")
        value, length = self._scope.constant(path)
        return self._hop(self._bind(value), path[length:], forgiving)

    def _variable(self, key: Key, hops: Key, forgiving: bool) -> str:
        variable = self._scope.variables[key]
        name = self.used.setdefault(key, f"v{len(self.used)}_{'_'.join(key)}")
        if variable.columns is None:
            return self._hop(name, hops, forgiving)
        if not hops:
            columns = self._bind(variable.columns)
            return f"as_row({columns}, {name})" if variable.nullable else f"dict(zip({columns}, {name}))"
        if hops[0] not in variable.columns:
            if forgiving and len(hops) == 1:
                return "MISSING"
            raise _unknown_column(".".join(key), hops[0], variable.columns)
        index = variable.columns.index(hops[0])
        if forgiving and len(hops) == 1 and variable.nullable:
            return f"(MISSING if {name} is None else {name}[{index}])"
        careful = self._careful and variable.nullable
        source = f"hop({name}, {index}, {hops[0]!r})" if careful else f"{name}[{index}]"
        return self._hop(source, hops[1:], forgiving)

    def _hop(self, source: str, hops: Key, forgiving: bool) -> str:
        for place, hop in enumerate(hops):
            last = place == len(hops) - 1
            source = f"{'soft' if forgiving and last else 'get'}({source}, {hop!r})"
        return source


def _unknown_column(name: str, column: str, columns: tuple[str, ...]) -> TemplateError:
    """There is no such column; the closest is named."""
    close = get_close_matches(column, columns, n=1)
    shown = ", ".join(columns[:30])
    hint = f"Did you mean '{close[0]}'?" if close else f"It has: {shown}."
    return TemplateError(f"'{name}' has no column '{column}'.", hint=hint)
