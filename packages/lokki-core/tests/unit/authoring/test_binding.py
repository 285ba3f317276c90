"""Which argument a step's parameter receives: the result before it, what the body bound, flow parameters, defaults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from lokki.bindings import BINDINGS_VERSION, bindings_record, calls_of, check_kept, differences, shape_differences
from lokki.errors import FlowDefinitionError, ParamError
from lokki.resolve import Call
from lokki.testing import EPOCH

from .conftest import STEPS, Source

MakeSource = Callable[..., Source]


def calls(source: MakeSource, step: str, chain: str, flow: str = "", **params: Any) -> dict[str, Call]:
    """The calls of a flow with the parameters `flow` that returns `chain`; `step` is the signature of step `s`."""
    text = f"\n@step\ndef s({step}):\n    return 1\n\n@flow\ndef shop({flow}):\n    return {chain}\n"
    return source(text, head=STEPS).evaluate(**params).calls()


@pytest.mark.parametrize(
    ("step", "chain", "flow", "args", "kwargs"),
    [
        # nothing to fill
        ("x", "first().next(s)", "", (), {}),
        ("x, n=1", "first().next(s)", "", (), {}),
        # bound in the body, also on later steps and inside maps
        ("x, n", "first().next(s(n=2))", "", (), {"n": 2}),
        ("x, n", "first().next(s, n=2)", "", (), {"n": 2}),
        ("x, n", "first().map(s, n=2)", "", (), {"n": 2}),
        ("x, n", "first().map([a, s(n=2)])", "", (), {"n": 2}),
        ("x, n", "first().map(a).agg(s, n=2)", "", (), {"n": 2}),
        ("x, n, k", "first().map(a).agg(s(n=2), k=None)", "", (), {"n": 2, "k": None}),
        ("x, *, n", "first().map(a).map(b).next(s(n=2))", "", (), {"n": 2}),
        # flow parameters of the same name
        ("x, n", "first().next(s)", "n=3", (), {"n": 3}),
        ("x, n=1", "first().next(s)", "n=3", (), {"n": 3}),
        ("x, n=1", "first().map(s)", "n=3", (), {"n": 3}),
        ("x, n=1", "first().map(a).agg(s)", "n=3", (), {"n": 3}),
        ("x, *, n=1", "first().next(s)", "n=3", (), {"n": 3}),
        ("n=1", "s()", "n=3", (), {"n": 3}),
        # a bound argument is above a flow parameter
        ("x, n", "first().next(s(n=2))", "n=3", (), {"n": 2}),
        # the result before it goes to the first parameter, whatever its name
        ("n", "first().next(s)", "n=3", (), {}),
        ("n, /", "first().next(s)", "n=3", (), {}),
        # the first step takes arguments by position and by name
        ("n, k", "s(1, 2)", "", (), {"n": 1, "k": 2}),
        ("n, k", "s(1, k=2)", "", (), {"n": 1, "k": 2}),
        ("n, k, /", "s(1, 2)", "", (1, 2), {}),
        ("n, k, /", "s(1, k=2)", "", (1, 2), {}),
        ("n, *more", "s(1, 2, 3)", "", (1, 2, 3), {}),
        ("n=0, *more, k=0", "s(1, 2, k=3)", "", (1, 2), {"k": 3}),
        ("*more", "s(1, 2)", "", (1, 2), {}),
        # positional-only parameters of later steps
        ("x, n, /", "first().next(s(n=2))", "", (2,), {}),
        ("x, n=1, k=2, /", "first().next(s)", "k=5", (1, 5), {}),
        ("x, n=1, k=2, /", "first().next(s)", "n=5", (5,), {}),
        ("x, n=1, k=2, /", "first().next(s)", "", (), {}),
        ("*xs, n", "first().next(s(n=2))", "", (), {"n": 2}),
        # **kwargs receive all flow parameters, and what is bound
        ("x, **rest", "first().next(s)", "n=3, k=4", (), {"n": 3, "k": 4}),
        ("x, **rest", "first().next(s(n=5, z=6))", "n=3", (), {"n": 5, "z": 6}),
        ("x, n=0, **rest", "first().next(s)", "n=3, k=4", (), {"n": 3, "k": 4}),
        ("x, **rest", "first().next(s)", "x=3, k=4", (), {"k": 4}),
        ("**rest", "s(z=1)", "n=3", (), {"n": 3, "z": 1}),
        # names that a command line or a map uses are fine for steps
        ("x, workers, resume=0", "first().next(s(workers=2))", "", (), {"workers": 2}),
        ("x, store=1, debug=2", "first().next(s(store=5))", "", (), {"store": 5}),
    ],
)
def test_what_a_step_is_called_with(
    source: MakeSource, step: str, chain: str, flow: str, args: tuple[object, ...], kwargs: dict[str, object]
) -> None:
    call = calls(source, step, chain, flow)["s"]
    assert (call.args, call.kwargs) == (args, kwargs)


@pytest.mark.parametrize(
    ("step", "chain", "missing"),
    [
        ("x, n", "first().next(s)", "n"),
        ("x, n, /", "first().next(s)", "n"),
        ("x, *, n", "first().map(s)", "n"),
        ("n", "s()", "n"),
        ("x, failures", "first().next(s)", "failures"),
        ("x, failures", "first().map(s)", "failures"),
        ("x, failures, /", "first().map(a).agg(s)", "failures"),
    ],
)
def test_a_parameter_that_nothing_fills_is_named(source: MakeSource, step: str, chain: str, missing: str) -> None:
    text = f"\n@step\ndef s({step}):\n    return 1\n\n@flow\ndef shop():\n    return {chain}\n"
    [finding] = source(text, head=STEPS).mistakes()
    assert f"flow 'shop': nothing fills parameter '{missing}' of step 's'" in finding


@pytest.mark.parametrize(
    ("step", "chain", "kwargs"),
    [
        ("x, failures", "first().map(a).agg(s)", {}),
        ("x, *, failures", "first().map(a).agg(s)", {}),
        ("x, failures=None", "first().map(a).agg(s)", {}),
        ("x, failures=None", "first().map(a).agg(s(failures=1))", {"failures": 1}),
        ("failures", "first().map(a).agg(s)", {}),
        ("x, failures", "first().next(s)", {"failures": 9}),
    ],
)
def test_failures_of_a_map_are_left_to_the_run(
    source: MakeSource, step: str, chain: str, kwargs: dict[str, object]
) -> None:
    """Even where a flow parameter has that name: an aggregation that declares it wants the failed items."""
    flow = "failures=9" if kwargs == {"failures": 9} else ""
    assert calls(source, step, chain, flow)["s"].kwargs == kwargs


def test_failures_are_above_a_flow_parameter_of_that_name(source: MakeSource) -> None:
    assert calls(source, "x, failures", "first().map(a).agg(s)", "failures=9")["s"].kwargs == {}


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("first(1)(2)", "arguments by position are bound twice. Keep one of them."),
        ("first().next(s(n=1)(n=2))", "argument 'n' of step 's' is bound twice. Keep one of them."),
        ("first().next(s(n=1), n=1)", "argument 'n' of step 's' is bound twice. Keep one of them."),
        ("first().next(a)(y=1)", "arguments are bound to a step, not to a chain. Bind arguments by calling the step"),
        ("first().map(a.next(b), n=1)", ".map was given both a chain and arguments (n). Bind arguments by calling"),
        ("first().next(a.map(b), n=1, k=2)", ".next was given both a chain and arguments (n, k). Bind arguments by"),
        ("first().map([a, b], n=1)", ".map was given both a chain and arguments (n). Bind arguments by calling"),
    ],
)
def test_arguments_that_cannot_be_bound(source: MakeSource, written: str, message: str) -> None:
    text = f"\n@step\ndef s(x, n):\n    return 1\n\n@flow\ndef shop():\n    return {written}\n"
    file = source(text, head=STEPS)
    [found] = file.mistakes()
    assert found.startswith(
        f"{file.line('    return first().' if 'first()' in written else 'return first(1)')}: {message}"
    )


def test_a_step_may_be_bound_in_two_calls(source: MakeSource) -> None:
    assert calls(source, "n, k", "s(1)(k=2)")["s"].kwargs == {"n": 1, "k": 2}


class TestImplicitParameters:
    """Arguments bound to the first step may be given from outside."""

    def test_they_take_type_and_default_from_the_step_and_the_body(self, source: MakeSource) -> None:
        resolved = source(
            """
            from datetime import date

            @step
            def fetch(url: str, limit: int = 10, since: date | None = None, tags=(), page=1):
                return []

            @flow
            def shop(page=2):
                return fetch("http://birds", limit=100, since=None, page=page)
            """
        ).evaluate()
        assert {n: (p.type.label, p.default, p.implicit) for n, p in resolved.implicit.items()} == {
            "url": ("str", "http://birds", True),
            "limit": ("int", 100, True),
            "since": ("date (YYYY-MM-DD) or null", None, True),
        }

    def test_given_ones_replace_what_the_body_bound(self, source: MakeSource) -> None:
        text = "\n@flow\ndef shop():\n    return first(n=5).next(a)\n"
        resolved = source(text, head=STEPS).evaluate()
        assert resolved.calls({"n": 7})["first"].kwargs == {"n": 7}
        assert resolved.calls()["first"].kwargs == {"n": 5}
        assert resolved.calls({})["first"].kwargs == {"n": 5}

    def test_arguments_that_kwargs_take_are_among_them(self, source: MakeSource) -> None:
        text = "\n@step\ndef get(**options):\n    return 1\n\n@flow\ndef shop():\n    return get(limit=100)\n"
        resolved = source(text).evaluate()
        assert resolved.implicit["limit"].type.label == "int"
        assert resolved.calls({"limit": 5})["get"].kwargs == {"limit": 5}

    @pytest.mark.parametrize(
        ("step", "call"), [("n", "n=1"), ("wait", "wait=1"), ("x: set", "x={1}"), ("x: 'Nowhere'", "x=1")]
    )
    def test_some_arguments_cannot_be_given(self, source: MakeSource, step: str, call: str) -> None:
        """Flow parameters, names of command-line options, and types that text and JSON cannot carry."""
        text = f"\n@step\ndef get({step}):\n    return 1\n\n@flow\ndef shop(n=0):\n    return get({call})\n"
        assert source(text).evaluate().implicit == {}

    def test_only_the_first_step_has_them(self, source: MakeSource) -> None:
        text = "\n@step\ndef s(x, k):\n    return 1\n\n@flow\ndef shop():\n    return first().next(s(k=1))\n"
        assert source(text, head=STEPS).evaluate().implicit == {}


class TestCallingAFlow:
    def test_it_gives_the_graph(self, source: MakeSource) -> None:
        shop = source("\n@flow\ndef shop(n, *, k=1):\n    return first(n=n + k)\n", head=STEPS).load().shop
        assert shop(1).name == shop(n=1, k=2).name == "shop"

    def test_parameters_by_position_only(self, source: MakeSource) -> None:
        shop = source("\n@flow\ndef shop(n, /, k=1):\n    return first(n=n + k)\n", head=STEPS).load().shop
        assert len(shop(1, 2).entries) == 1

    @pytest.mark.parametrize(
        ("args", "kwargs", "message"),
        [
            ((), {}, "flow 'shop': missing a required argument: 'n'."),
            ((1, 2), {}, "flow 'shop': too many positional arguments."),
            ((1,), {"m": 2}, "flow 'shop': got an unexpected keyword argument 'm'."),
        ],
    )
    def test_wrong_arguments_are_refused(
        self, source: MakeSource, args: tuple[Any, ...], kwargs: dict[str, Any], message: str
    ) -> None:
        shop = source("\n@flow\ndef shop(n):\n    return first(n=n)\n", head=STEPS).load().shop
        with pytest.raises(ParamError) as caught:
            shop(*args, **kwargs)
        assert str(caught.value) == message


def test_the_record_of_a_run_s_bindings_restores_its_calls(source: MakeSource) -> None:
    text = "\n@flow\ndef shop(k=2):\n    return first(n=k).map(a)\n"
    resolved = source(text, head=STEPS).evaluate()
    record = bindings_record(resolved, {"k": 2, "n": 9}, {"n": 9}, EPOCH)
    assert record == {
        "v": BINDINGS_VERSION,
        "params": {"k": 2, "n": 9},
        "calls": {"first": ((), {"n": 9}), "a": ((), {})},
        "started_at": EPOCH,
        "shape": ["first", {"map": ["a"], "batch_size": 1}],
    }
    assert calls_of(record) == resolved.calls({"n": 9})


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((1, print, lambda: 1), {}, "flow 'shop': argument 3 of step 's', a function, cannot be pickled: "),
        (
            (),
            {"n": 1, "by": iter(lambda: 1, 2)},
            "flow 'shop': argument 'by' of step 's', a callable_iterator, cannot be pickled: ",
        ),
    ],
)
def test_arguments_that_cannot_reach_other_processes_are_refused(
    args: tuple[Any, ...], kwargs: dict[str, Any], message: str
) -> None:
    with pytest.raises(FlowDefinitionError) as caught:
        check_kept("shop", {"calls": {"first": ((1,), {"a": None}), "s": (args, kwargs)}})
    assert str(caught.value).startswith(message)
    assert caught.value.hint == "Bind plain data, or an object of a class defined at module level."


def test_differences_of_parameters_are_told_a_line_each() -> None:
    assert differences({"a": 1, "b": 2}, {"b": 3, "c": 4}) == [
        "a: was 1, is None",
        "b: was 2, is 3",
        "c: was None, is 4",
    ]
    assert differences({"a": 1}, {"a": 1}) == []


def test_differences_of_shapes_are_told_a_line_each() -> None:
    before = ["first", {"map": ["a"], "batch_size": 1}]
    after = ["first", {"map": ["a", "b"], "batch_size": 1}]
    assert [line.split() for line in shape_differences(before, after)] == [["-", '"a"'], ["+", '"a",'], ["+", '"b"']]
    assert shape_differences(before, before) == []
