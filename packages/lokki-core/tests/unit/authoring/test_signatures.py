"""What the parameters of functions of every kind are: as `inspect` says, at less cost."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import pytest
from lokki.params import MISSING
from lokki.signatures import Parameters, is_async
from lokki.where import of_function

from .conftest import Source


def none() -> None: ...
def plain(a, b=2): ...  # type: ignore[no-untyped-def]  # what is tested
def only(a, b=1, /, c=2, *, d, e=4): ...  # type: ignore[no-untyped-def]  # what is tested
def variadic(*args: int, k: str = "", **kwargs: float) -> None: ...
def keywords(*, a: int, b: int = 2) -> None: ...
def with_local(a: int) -> int:
    local = [a]
    local.append(a)
    return local[0]


def wrapping(fn: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)

    return wrapper


wrapped_twice = wrapping(wrapping(only))


def claims(*args: Any) -> None: ...


claims.__signature__ = inspect.signature(plain)  # type: ignore[attr-defined]  # as some decorators do

KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "positional_only",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "positional_or_keyword",
    inspect.Parameter.VAR_POSITIONAL: "var_positional",
    inspect.Parameter.KEYWORD_ONLY: "keyword_only",
    inspect.Parameter.VAR_KEYWORD: "var_keyword",
}


@pytest.mark.parametrize(
    "fn", [none, plain, only, variadic, keywords, with_local, wrapped_twice, claims, functools.partial(plain, 1)]
)
def test_parameters_are_what_inspect_says(fn: Callable[..., Any]) -> None:
    empty = inspect.Parameter.empty
    expected = [
        (
            p.name,
            KINDS[p.kind],
            MISSING if p.default is empty else p.default,
            MISSING if p.annotation is empty else p.annotation,
        )
        for p in inspect.signature(fn).parameters.values()
    ]
    assert [(p.name, p.kind, p.default, p.annotation) for p in Parameters(fn).all] == expected


@pytest.mark.parametrize(
    ("fn", "first"), [(none, None), (plain, "a"), (only, "a"), (variadic, "args"), (keywords, None), (claims, "a")]
)
def test_the_parameter_that_the_result_before_goes_to(fn: Callable[..., Any], first: str | None) -> None:
    found = Parameters(fn).first
    assert (found and found.name) == first


def test_how_parameters_are_told() -> None:
    assert [str(p) for p in Parameters(variadic).all] == ["*args", "k", "**kwargs"]
    assert list(Parameters(variadic).named) == ["k"]
    assert Parameters(variadic).takes_any
    assert not Parameters(only).takes_any


def lazy(xs: Iterable[int]) -> None: ...
def lazy_bare(xs: Iterable) -> None: ...  # type: ignore[type-arg]  # what is tested
def lazier(xs: Iterator[int], n: int) -> None: ...
def laziest(xs: Generator[int, None, None]) -> None: ...
def in_quotes(xs: "Iterator[int]") -> None: ...  # noqa: UP037  # authors write it
def dotted(xs: "collections.abc.Iterable[int]") -> None: ...  # type: ignore[name-defined]  # noqa: F821, UP037
def eager(xs: list[int]) -> None: ...
def eager_second(xs: list[int], ys: Iterator[int]) -> None: ...
def unknown(xs: "Nowhere[int]") -> None: ...  # type: ignore[name-defined]  # noqa: F821, UP037  # what is tested
def untyped(xs): ...  # type: ignore[no-untyped-def]  # what is tested


@pytest.mark.parametrize("fn", [lazy, lazy_bare, lazier, laziest, in_quotes, dotted, wrapping(lazy)])
def test_steps_that_are_fed_lazily(fn: Callable[..., Any]) -> None:
    assert Parameters(fn).wants_iterator()


@pytest.mark.parametrize("fn", [eager, eager_second, unknown, untyped, none, keywords])
def test_steps_that_are_fed_lists(fn: Callable[..., Any]) -> None:
    assert not Parameters(fn).wants_iterator()


async def coroutine() -> None: ...
async def generator() -> Any:
    yield 1


def made_plain(fn: Callable[..., Any]) -> Callable[..., Any]:
    return wrapping(fn)


@pytest.mark.parametrize(
    ("fn", "expected"),
    [(coroutine, True), (generator, True), (plain, False), (print, False), (made_plain(coroutine), False)],
)
def test_async_functions(fn: Callable[..., Any], expected: bool) -> None:
    assert is_async(fn) is expected


def test_annotations_are_objects_where_their_names_are_known(source: Callable[..., Source]) -> None:
    text = """
    from __future__ import annotations
    from datetime import date

    def fn(a: date, b: "date", c: Nowhere, d: "date | None", e): ...
    """
    parameters = Parameters(source(text, head="").load().fn)
    found = [parameters.annotation(parameter) for parameter in parameters.all]
    from datetime import date

    assert found == [date, date, "Nowhere", date | None, MISSING]


def test_what_wraps_itself_is_read_all_the_same() -> None:
    def loop(a: int) -> None: ...

    loop.__wrapped__ = loop  # type: ignore[attr-defined]  # what is tested
    assert [p.name for p in Parameters(loop).all] == ["a"]
    assert of_function(loop) is not None
