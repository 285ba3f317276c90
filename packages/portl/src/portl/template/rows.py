"""One function for all rows of a chunk: the templates of a step fused into one expression per item.

Stage: templates + `Scope`, once per step → a function of chunks. Touches nothing. When it fails, the same templates are
computed again one by one, to name the item and the expression.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import TemplateError
from .lower import Lowering
from .scope import Key, Scope
from .syntax import Expr, Template


@dataclass(frozen=True)
class Chunk:
    """Some items that are worked on at once."""

    indexes: Sequence[int]
    """Their places in the whole source, ascending."""
    values: Mapping[Key, Sequence[Any]]
    """`{variable: one value per item}`; `("idx",)` is `indexes`."""

    def __len__(self) -> int:
        return len(self.indexes)

    def of(self, key: Key) -> Sequence[Any]:
        """The values of one variable."""
        return self.indexes if key == ("idx",) else self.values[key]

    def part(self, first: int, last: int) -> Chunk:
        """The items from `first` to before `last`."""
        return Chunk(self.indexes[first:last], {key: values[first:last] for key, values in self.values.items()})


class RowFailure(TemplateError):
    """An expression failed for one item; `__cause__` is a TemplateError or Python's own error."""

    place: int = 0
    """Which item of the chunk, from 0."""
    number: int = 0
    """Which of the templates, from 0."""
    column: str = ""
    """The column whose value failed; "" where it is not one."""
    index: int | None = None
    """The item's place in the whole source; None where only its place in the chunk is known."""


@dataclass(frozen=True)
class RowFunction:
    """Computes something for each item of a chunk. Raises RowFailure."""

    keys: tuple[Key, ...]
    """The variables it needs."""
    compute: Callable[[Chunk], list[Any]]
    """Raises whatever an expression raises."""
    explain: Callable[[Chunk], RowFailure | None] = lambda chunk: None
    """Which item and which expression it was."""

    def __call__(self, chunk: Chunk) -> list[Any]:
        try:
            return self.compute(chunk)
        except Exception as error:
            raise self.explain(chunk) or error from error

    def attempt(self, chunk: Chunk) -> list[Any] | None:
        """As a call, but None where an expression fails."""
        try:
            return self.compute(chunk)
        except Exception:
            return None


def rows_function(templates: Sequence[Template], scope: Scope) -> RowFunction:
    """A function that gives, for each item of a chunk, the tuple of the templates' values.

    Raises TemplateError for what is wrong whatever the items are; the function raises RowFailure.
    """
    whole = _untouched(templates, scope)
    if whole is not None:
        return RowFunction((whole,), lambda chunk: chunk.of(whole))  # type: ignore[arg-type,return-value]  # a list of tuples
    return _function(templates, scope, Lowering.template, as_tuple=True)


def values_function(template: Template, scope: Scope) -> RowFunction:
    """A function that gives the template's value for each item of a chunk. Raises as `rows_function`."""
    return _function([template], scope, Lowering.template)


def conditions_function(template: Template, scope: Scope) -> RowFunction:
    """A function that says for each item whether the condition holds. Raises as `rows_function`."""

    def lowered(lowering: Lowering, template: Template) -> str:
        if isinstance(template, Expr):
            return f"(True if {lowering.condition(template)} else False)"
        return f"truth({lowering.template(template)})"

    return _function([template], scope, lowered)


def _untouched(templates: Sequence[Template], scope: Scope) -> Key | None:
    """The variable whose rows are exactly the templates' values, if there is one."""
    lowering = Lowering(scope)
    columns = [lowering.column(template) for template in templates]
    first = columns[0] if columns else None
    if first is None or columns != [(first[0], index) for index in range(len(columns))]:
        return None
    variable = scope.variables[first[0]]
    return first[0] if len(variable.columns or ()) == len(columns) else None


def _function(
    templates: Sequence[Template],
    scope: Scope,
    lowered: Callable[[Lowering, Template], str],
    *,
    as_tuple: bool = False,
) -> RowFunction:
    lowering = Lowering(scope)
    sources = [lowered(lowering, template) for template in templates]
    body = f"({''.join(f'{source}, ' for source in sources)})" if as_tuple else sources[0]
    keys = tuple(lowering.lookup.used)
    computed = compiled(lowering, body)

    def explain(chunk: Chunk) -> RowFailure | None:
        from .singly import Singles  # noqa: PLC0415  # only on the way to an error

        return Singles(templates, scope, lowered).first(chunk)

    return RowFunction(keys, lambda chunk: computed(len(chunk), *(chunk.of(key) for key in keys)), explain)


def compiled(lowering: Lowering, body: str) -> Callable[..., list[Any]]:
    """`f(count, *values)`: the list of `body` for each item."""
    names = list(lowering.lookup.used.values())
    lists = [f"s_{number}" for number in range(len(names))]
    if not names:
        loop = "for _ in range(count)"
    elif len(names) == 1:
        loop = f"for {names[0]} in {lists[0]}"
    else:
        loop = f"for {', '.join(names)} in zip({', '.join(lists)})"
    source = f"def rows({', '.join(['count', *lists])}):\n    return [{body} {loop}]\n"
    space = {**lowering.lookup.space, "range": range}
    try:
        code = compile(source, "<expressions of the job>", "exec")
    except (RecursionError, MemoryError, SyntaxError):
        raise TemplateError("The expression is nested too deeply.") from None
    exec(code, space)  # noqa: S102  # the source is made by Lowering, out of checked parts
    function: Callable[..., list[Any]] = space["rows"]
    return function
