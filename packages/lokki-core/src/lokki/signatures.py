"""What a function's parameters are and say, also under `from __future__ import annotations`.

Plain functions are read from their code object: `inspect` would be a third of the time a short run takes to start.
Callables that claim another signature (`__signature__`) are still left to `inspect`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import CodeType
from typing import Any, Literal, get_origin

from .params import MISSING
from .record import Record

Kind = Literal["positional_only", "positional_or_keyword", "var_positional", "keyword_only", "var_keyword"]

_LAZY = ("Iterable", "Iterator", "Generator")
_VAR_POSITIONAL_FLAG, _VAR_KEYWORD_FLAG = 0x04, 0x08
_ASYNC_FLAGS = 0x80 | 0x200


class Parameter(Record):
    """One parameter of a function."""

    name: str
    kind: Kind
    default: Any = MISSING
    """MISSING without one."""
    annotation: Any = MISSING
    """As written: an object, or text under `from __future__ import annotations`; MISSING without one."""

    @property
    def is_named(self) -> bool:
        """Whether it takes one argument, not what is left over."""
        return not self.kind.startswith("var_")

    @property
    def by_place(self) -> bool:
        """Whether one argument can be given by position."""
        return self.kind in ("positional_only", "positional_or_keyword")

    def __str__(self) -> str:
        return {"var_positional": "*", "var_keyword": "**"}.get(self.kind, "") + self.name


class Parameters:
    """A function's parameters, sorted by what lokki does with them."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        self._code_owner = _innermost(fn)
        self.all = _read(self._code_owner)
        self.named = {p.name: p for p in self.all if p.is_named}
        self.takes_any = any(p.kind == "var_keyword" for p in self.all)

    @property
    def first(self) -> Parameter | None:
        """The parameter an upstream result goes to; None where nothing can be passed by position."""
        first = self.all[0] if self.all else None
        return first if first is not None and (first.by_place or first.kind == "var_positional") else None

    def annotation(self, parameter: Parameter) -> Any:
        """The annotation as an object; MISSING without one; the text itself where its names cannot be found."""
        value = parameter.annotation
        if not isinstance(value, str):
            return value
        try:
            space = getattr(self._code_owner, "__globals__", {})
            meant = eval(value, space)  # noqa: S307  # the author's annotation
            return eval(meant, space) if isinstance(meant, str) else meant  # noqa: S307  # in quotes besides
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


def is_async(fn: Callable[..., Any]) -> bool:
    """Whether a call of the function gives a coroutine; a decorator may have made it a plain one."""
    code = getattr(fn, "__code__", None)
    return isinstance(code, CodeType) and bool(code.co_flags & _ASYNC_FLAGS)


def _innermost(fn: Callable[..., Any]) -> Callable[..., Any]:
    """The function whose parameters count: what `functools.wraps` decorators wrap, as `inspect` sees it."""
    seen = {id(fn)}
    while not hasattr(fn, "__signature__") and hasattr(fn, "__wrapped__") and id(fn.__wrapped__) not in seen:
        fn = fn.__wrapped__
        seen.add(id(fn))
    return fn


def _read(fn: Callable[..., Any]) -> list[Parameter]:
    code = getattr(fn, "__code__", None)
    if not isinstance(code, CodeType) or hasattr(fn, "__signature__"):
        return _inspected(fn)
    names = iter(code.co_varnames)
    defaults: tuple[Any, ...] = getattr(fn, "__defaults__", None) or ()
    without = code.co_argcount - len(defaults)
    annotations = getattr(fn, "__annotations__", {})
    found: list[Parameter] = []

    def add(kind: Kind, default: Any = MISSING) -> None:
        name = next(names)
        found.append(Parameter(name, kind, default, annotations.get(name, MISSING)))

    for place in range(code.co_argcount):
        kind: Kind = "positional_only" if place < code.co_posonlyargcount else "positional_or_keyword"
        add(kind, defaults[place - without] if place >= without else MISSING)
    keywords = [next(names) for _ in range(code.co_kwonlyargcount)]
    if code.co_flags & _VAR_POSITIONAL_FLAG:
        add("var_positional")
    keyword_defaults = getattr(fn, "__kwdefaults__", None) or {}
    for name in keywords:
        default = keyword_defaults.get(name, MISSING)
        found.append(Parameter(name, "keyword_only", default, annotations.get(name, MISSING)))
    if code.co_flags & _VAR_KEYWORD_FLAG:
        add("var_keyword")
    return found


def _inspected(fn: Callable[..., Any]) -> list[Parameter]:
    import inspect  # noqa: PLC0415  # see the top of this module

    kinds: dict[Any, Kind] = {
        inspect.Parameter.POSITIONAL_ONLY: "positional_only",
        inspect.Parameter.POSITIONAL_OR_KEYWORD: "positional_or_keyword",
        inspect.Parameter.VAR_POSITIONAL: "var_positional",
        inspect.Parameter.KEYWORD_ONLY: "keyword_only",
        inspect.Parameter.VAR_KEYWORD: "var_keyword",
    }
    empty = inspect.Parameter.empty
    return [
        Parameter(
            p.name,
            kinds[p.kind],
            MISSING if p.default is empty else p.default,
            MISSING if p.annotation is empty else p.annotation,
        )
        for p in inspect.signature(fn).parameters.values()
    ]
