"""Templates computed one by one, for the items that their fused function failed for: which of them fail, and why.

Stage: on the way to an error, or to what a step leaves out. Touches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

from ..errors import TemplateError
from .lower import Lowering
from .rows import Chunk, RowFailure, compiled
from .scope import Key, Scope
from .syntax import Expr, Template, expressions


class Singles:
    """Some templates; each is compiled once, when it is first needed."""

    def __init__(
        self,
        templates: Sequence[Template],
        scope: Scope,
        lowered: Callable[[Lowering, Template], str] = Lowering.template,
    ) -> None:
        self._templates = templates
        self._scope = scope
        self._lowered = lowered

    def first(self, chunk: Chunk) -> RowFailure | None:
        """The first failure of a chunk, with its item and its expression; None where there is none."""
        return next((failure for place in range(len(chunk)) for failure in self.failures(chunk, place)), None)

    def failures(self, chunk: Chunk, place: int) -> Iterator[RowFailure]:
        """What fails for one item of a chunk."""
        for number, single in enumerate(self._singles):
            try:
                single(chunk, place)
            except Exception as error:
                failure = RowFailure(_reason(error), expression=single.culprit(chunk, place), hint=_hint(error))
                failure.__cause__ = error
                failure.place, failure.number, failure.index = place, number, chunk.indexes[place]
                yield failure

    @cached_property
    def _singles(self) -> list[_Single]:
        return [_Single(template, self._scope, self._lowered) for template in self._templates]


class _Single:
    """One template."""

    def __init__(self, template: Template, scope: Scope, lowered: Callable[[Lowering, Template], str]) -> None:
        lowering = Lowering(scope, careful=True)
        self._function = compiled(lowering, lowered(lowering, template))
        self._keys: tuple[Key, ...] = tuple(lowering.lookup.used)
        self._template = template
        self._scope = scope

    def __call__(self, chunk: Chunk, place: int) -> Any:
        return self._function(1, *(chunk.of(key)[place : place + 1] for key in self._keys))[0]

    def culprit(self, chunk: Chunk, place: int) -> str:
        """The expression that fails, or the last one; "" for a template without any."""
        text = ""
        for expression, single in self._parts:
            text = expression.text
            try:
                single(chunk, place)
            except Exception:
                break
        return text

    @cached_property
    def _parts(self) -> list[tuple[Expr, Callable[[Chunk, int], Any]]]:
        found = list(expressions(self._template))
        if len(found) == 1:
            return [(found[0], lambda chunk, place: None)]
        return [(expression, _Single(expression, self._scope, Lowering.template)) for expression in found]


def _hint(error: Exception) -> str | None:
    return getattr(error, "hint", None)


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
