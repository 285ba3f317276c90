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


class RowFailure(TemplateError):
    """An expression failed for one item; `__cause__` is a TemplateError or Python's own error."""

    place: int = 0
    """Which item of the chunk, from 0."""
    number: int = 0
    """Which of the templates, from 0."""


@dataclass(frozen=True)
class RowFunction:
    """Computes something for each item of a chunk. Raises RowFailure."""

    keys: tuple[Key, ...]
    """The variables it needs."""
    compute: Callable[[Chunk], list[Any]]

    def __call__(self, chunk: Chunk) -> list[Any]:
        return self.compute(chunk)


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
    computed = _compiled(lowering, body)

    def rows(chunk: Chunk) -> list[Any]:
        try:
            return computed(len(chunk), *(chunk.of(key) for key in keys))
        except Exception as error:
            raise _explained(templates, scope, lowered, chunk, error) from error

    return RowFunction(keys, rows)


def _compiled(lowering: Lowering, body: str) -> Callable[..., list[Any]]:
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
    compiled: Callable[..., list[Any]] = space["rows"]
    return compiled


def _explained(
    templates: Sequence[Template],
    scope: Scope,
    lowered: Callable[[Lowering, Template], str],
    chunk: Chunk,
    original: Exception,
) -> Exception:
    """The failure with its item and its expression; `original` where it cannot be found again."""
    singles = []
    for template in templates:
        lowering = Lowering(scope, careful=True)
        body = lowered(lowering, template)
        singles.append((template, tuple(lowering.lookup.used), _compiled(lowering, body)))
    for place in range(len(chunk)):
        for number, (template, keys, function) in enumerate(singles):
            try:
                function(1, *(chunk.of(key)[place : place + 1] for key in keys))
            except Exception as error:
                return _failure(error, template, place, number, scope, chunk)
    return original


def _failure(error: Exception, template: Template, place: int, number: int, scope: Scope, chunk: Chunk) -> RowFailure:
    from .syntax import expressions  # noqa: PLC0415  # only on the way to an error

    text = ""
    for expression in expressions(template):
        lowering = Lowering(scope, careful=True)
        function = _compiled(lowering, lowering.expression(expression))
        text = expression.text
        try:
            function(1, *(chunk.of(key)[place : place + 1] for key in lowering.lookup.used))
        except Exception:
            break
    failure = RowFailure(_reason(error), expression=text, hint=getattr(error, "hint", None))
    failure.__cause__ = error
    failure.place, failure.number = place, number
    return failure


def _reason(error: Exception) -> str:
    """One sentence about an error of an expression."""
    if isinstance(error, TemplateError):
        return error.message
    if isinstance(error, ZeroDivisionError):
        return "This divides by zero."
    if isinstance(error, ArithmeticError):
        return "This is no number that can be computed."
    message = str(error).replace("'NoneType'", "null").replace("'str'", "text")
    return f"{message[:1].upper()}{message[1:]}."
