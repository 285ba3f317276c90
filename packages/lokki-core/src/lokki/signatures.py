"""What a function's parameters are and say, also under `from __future__ import annotations`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any, get_origin

from .params import MISSING

Parameter = inspect.Parameter
_NAMED = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY, Parameter.POSITIONAL_ONLY)
_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD, Parameter.VAR_POSITIONAL)
_LAZY = ("Iterable", "Iterator", "Generator")


class Parameters:
    """A function's parameters, sorted by what lokki does with them."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn
        self.signature = inspect.signature(fn)
        self.all = list(self.signature.parameters.values())
        self.named = {p.name: p for p in self.all if p.kind in _NAMED}
        self.takes_any = any(p.kind is Parameter.VAR_KEYWORD for p in self.all)

    @property
    def first(self) -> inspect.Parameter | None:
        """The parameter an upstream result goes to; None where nothing can be passed by position."""
        return self.all[0] if self.all and self.all[0].kind in _POSITIONAL else None

    def annotation(self, parameter: inspect.Parameter) -> Any:
        """The annotation as an object; MISSING without one; the text itself where its names cannot be found."""
        value = parameter.annotation
        if value is Parameter.empty:
            return MISSING
        if not isinstance(value, str):
            return value
        space = getattr(inspect.unwrap(self.fn), "__globals__", {})  # of the function that has these annotations
        try:
            return eval(value, space)  # noqa: S307  # the author's own annotation
        except Exception:  # names under TYPE_CHECKING, and whatever else an annotation may do
            return value

    def wants_iterator(self) -> bool:
        """Whether the first parameter is annotated `Iterable` or `Iterator`, so that it is fed lazily."""
        first = self.first
        annotation = self.annotation(first) if first else MISSING
        if isinstance(annotation, str):
            return annotation.split("[")[0].split(".")[-1].strip() in _LAZY
        plain = get_origin(annotation) or annotation
        return plain in (Iterable, Iterator) or getattr(plain, "__name__", "") == "Generator"
