"""What `.next`, `.map` and `.agg` make: graphs, and nodes that are values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from lokki import FlowGraph, step
from lokki.graph import MapOptions

from .conftest import STEPS, Source, sketch

Chain = Callable[[str], FlowGraph]


@pytest.mark.parametrize(
    ("written", "graph"),
    [
        ("first", "first"),
        ("first()", "first"),
        ("first().next(a)", "first a"),
        ("first().next(a).next(b)", "first a b"),
        ("first().next(a.next(b))", "first a b"),
        ("first().next(a.next(b)).next(c.next(d))", "first a b c d"),
        ("first().map(a)", "first [ a ]"),
        ("first().map(a).agg(collect)", "first [ a ]>collect"),
        ("first().map(a).agg(collect).next(report)", "first [ a ]>collect report"),
        ("first().map(a).agg(collect).map(b).agg(report)", "first [ a ]>collect [ b ]>report"),
        ("first().next(a).map(b).agg(collect)", "first a [ b ]>collect"),
        ("first().next(a.map(b)).agg(collect)", "first a [ b ]>collect"),
        ("first().next(a.map(b)).next(c).agg(collect)", "first a [ b c ]>collect"),
        ("first().next(a.map(b).agg(collect))", "first a [ b ]>collect"),
        ("first().map(a.map(b)).agg(collect)", "first [ a [ b ] ]>collect"),
        ("first().map(a.map(b).agg(collect)).agg(report)", "first [ a [ b ]>collect ]>report"),
        ("first().map(a.map(b).agg(collect).next(c)).agg(report)", "first [ a [ b ]>collect c ]>report"),
        ("first().map([a, b.map(c).agg(collect), d])", "first [ a b [ c ]>collect d ]"),
        (
            "first().map(a.map(b.map(c.map(d).agg(collect)).agg(collect)).agg(collect)).agg(collect)",
            "first [ a [ b [ c [ d ]>collect ]>collect_2 ]>collect_3 ]>collect_4",
        ),
        ("first().map(a.map(b.map(c.map(d))))", "first [ a [ b [ c [ d ] ] ] ]"),
    ],
)
def test_a_chain_becomes_a_graph(chain: Chain, written: str, graph: str) -> None:
    assert sketch(chain(written)) == graph


@pytest.mark.parametrize(
    "body", [".map(a).next(b)", ".map(a).map(b)", ".map([a, b])", ".map((a, b))", ".map(a.next(b))"]
)
def test_spellings_of_a_body_are_one_thing(chain: Chain, body: str) -> None:
    graph = chain(f"first(){body}.agg(collect)")
    assert graph == chain("first().map([a, b]).agg(collect)")
    assert sketch(graph) == "first [ a b ]>collect"


@pytest.mark.parametrize("body", [".map(a.map(b)).next(c)", ".map(a.map(b)).map(c)", ".map([a.map(b), c])"])
def test_what_follows_an_open_map_inside_a_body_receives_its_results(chain: Chain, body: str) -> None:
    assert sketch(chain(f"first(){body}")) == "first [ a [ b ]>c ]"


def test_maps_name_their_source_and_are_named_by_their_first_step(chain: Chain) -> None:
    graph = chain("first().map(a.map(b).agg(collect)).agg(report).map(c)")
    maps = [(e.to_dict()["map"], e.to_dict()["source"]) for e in graph.entries if "map" in e.to_dict()]
    assert maps == [("a", "first"), ("b", "a"), ("c", "report")]


def test_options_of_a_map_are_recorded(chain: Chain) -> None:
    graph = chain(
        "first().map(a, concurrency_limit=3, batch_size='auto', tolerated_failure_percentage=12.5, express=True)"
    )
    assert graph.entries[1].options == MapOptions(3, "auto", 12.5, True)  # type: ignore[union-attr]  # a map opens here


def test_options_on_a_further_map_hold_for_the_whole_map(chain: Chain) -> None:
    graph = chain("first().map(a, batch_size=2).map(b, concurrency_limit=3, batch_size=2).agg(collect)")
    assert graph.entries[1].options == MapOptions(3, 2)  # type: ignore[union-attr]  # a map opens here
    assert sketch(graph) == "first [ a b ]>collect"


def test_an_option_of_none_is_not_given(chain: Chain) -> None:
    assert chain("first().map(a, batch_size=None)") == chain("first().map(a)")


def test_arguments_of_map_that_are_no_options_go_to_the_step(source: Callable[..., Source]) -> None:
    text = (
        "\n@step\ndef scale(x, factor):\n    return x\n\n@flow\ndef shop():\n    return first().map(scale, factor=3)\n"
    )
    assert source(text, head=STEPS).evaluate().calls()["scale"].kwargs == {"factor": 3}


def test_a_step_s_argument_named_like_a_map_option_is_bound_by_calling_it(source: Callable[..., Source]) -> None:
    text = """
    @step
    def send(x, batch_size, express):
        return x

    @flow
    def shop():
        return first().map(send(batch_size=500, express="DHL"), batch_size=2)
    """
    resolved = source(text, head=STEPS).evaluate()
    assert resolved.calls()["send"].kwargs == {"batch_size": 500, "express": "DHL"}
    assert resolved.graph.entries[1].options == MapOptions(batch_size=2)  # type: ignore[union-attr]  # a map opens here


def test_a_step_may_be_used_twice(chain: Chain) -> None:
    graph = chain("first().next(a).next(b).next(a).map(a).agg(b)")
    assert sketch(graph) == "first a b a_2 [ a_3 ]>b_2"
    assert [task.step for task in graph.tasks()] == ["first", "a", "b", "a", "a", "b"]


def test_a_step_really_named_like_a_second_use_keeps_its_name(source: Callable[..., Source]) -> None:
    text = "\n@step\ndef a_2(x):\n    return x\n\n@flow\ndef shop():\n    return first().next(a).next(a).next(a_2)\n"
    graph = source(text, head=STEPS).evaluate().graph
    assert [(task.node, task.step) for task in graph.tasks()] == [
        ("first", "first"),
        ("a", "a"),
        ("a_3", "a"),
        ("a_2", "a_2"),
    ]


def test_steps_of_the_same_name_from_two_modules(source: Callable[..., Source]) -> None:
    source("@step\ndef clean(x):\n    return x + 1\n", name="kitchen").load()
    text = """
    import kitchen

    @step
    def clean(x=0):
        return x

    @flow
    def shop():
        return clean().next(kitchen.clean)
    """
    resolved = source(text).evaluate()
    assert [(t.node, t.step, t.module) for t in resolved.graph.tasks()] == [
        ("clean", "clean", "shop"),
        ("clean_2", "clean", "kitchen"),
    ]
    assert resolved.steps["clean_2"].fn(1) == 2


def test_names_that_look_like_keywords_and_names_beyond_ascii(source: Callable[..., Source]) -> None:
    text = """
    @step
    def match():
        return 1

    @step
    def type(case):
        return case

    @step
    def class_(x):
        return x

    @step
    def größe_計算(x):
        return x

    @flow
    def übersicht():
        return match().next(type).next(class_).next(größe_計算)
    """
    graph = source(text).evaluate("übersicht").graph
    assert sketch(graph) == "match type class_ größe_計算"
    assert graph.name == "übersicht"
    assert FlowGraph.from_dict(graph.to_dict()) == graph


def test_two_calls_and_two_flows_share_nothing(source: Callable[..., Source]) -> None:
    text = """
    @step
    def scale(x, factor=1):
        return x * factor

    part = a.next(b)

    @flow
    def shop(factor: int = 2):
        return first(n=factor).next(part).next(scale(factor=factor)).map(a).agg(collect)

    @flow
    def other():
        return first().next(part).next(scale)
    """
    file = source(text, head=STEPS)
    once, again = file.evaluate(factor=5), file.evaluate()
    other = file.evaluate("other")
    assert sketch(once.graph) == sketch(again.graph) == "first a b scale [ a_2 ]>collect"
    assert sketch(other.graph) == "first a b scale"
    assert [r.calls()["scale"].kwargs for r in (once, again, other)] == [{"factor": 5}, {"factor": 2}, {}]
    assert [r.calls()["first"].kwargs for r in (once, again, other)] == [{"n": 5}, {"n": 2}, {}]


@step
def one() -> list[int]:
    return [1]


@step
def two(x: int, by: int = 1) -> int:
    return x * by


def test_chaining_returns_new_values_and_changes_none() -> None:
    start, block = one(), one().map(two)
    nodes: list[Any] = [one, two, start, block]
    before = [(node.links, repr(node)) for node in nodes]
    start.next(two)
    start.map(two, batch_size=4)
    start.next(block)
    block.next(two)
    block.map(two, batch_size=2)
    block.agg(two)
    two(by=3)
    assert [(node.links, repr(node)) for node in nodes] == before


def test_calling_a_step_runs_nothing_and_keeps_the_function() -> None:
    calls = []

    def record(x: int) -> None:
        calls.append(x)

    node = step(record)
    bound = node(3)
    assert calls == []
    assert bound is not node
    bound.fn(4)
    assert calls == [4]


def test_how_nodes_look() -> None:
    assert repr(one) == "<step one>"
    assert repr(one().next(two)) == "<chain of 2 ending in two>"
    assert repr(one().map(two)) == "<chain of 2 ending in an open map>"
    assert repr(one().map(two).agg(two)) == "<chain of 3 ending in two>"
    assert one().map(two).agg(two).name == "two"
    assert one().map(two).agg(two).fn is two.fn
