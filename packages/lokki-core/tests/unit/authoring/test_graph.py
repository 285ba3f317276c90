"""FlowGraph: frozen data that survives JSON, whose shape says where data lie."""

from __future__ import annotations

import json
import pickle
import subprocess
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lokki import FlowGraph, RetryConfig, flow, step
from lokki.chain import MapBlock, StepNode
from lokki.graph import (
    Entry,
    MapCloseEntry,
    MapLink,
    MapOpenEntry,
    MapOptions,
    StepOptions,
    TaskEntry,
    result_node,
)

from .conftest import sketch

Make = Callable[[str], FlowGraph]


@step
def source() -> list[int]:
    return []


@step
def work(x: Any) -> Any:
    return x


@step(retry={"retries": 2, "exceptions": ["a.B"]}, job_type="batch", vcpu=0.5, memory_mb=64, env={"A": "1"})
def heavy(x: Any) -> Any:
    return x


@step(timeout_seconds=5, ephemeral_storage_mb=600)
def collect(xs: Any) -> Any:
    return xs


CHAINS: list[StepNode[..., Any] | MapBlock] = []


@flow
def any_flow() -> Any:
    return CHAINS[-1]


def graph_of(chain: StepNode[..., Any] | MapBlock) -> FlowGraph:
    CHAINS.append(chain)
    try:
        return any_flow()
    finally:
        CHAINS.pop()


tasks = st.sampled_from([work, heavy, collect])
map_options = st.fixed_dictionaries(
    {},
    optional={
        "concurrency_limit": st.integers(1, 1000),
        "tolerated_failure_percentage": st.floats(0, 100),
    },
)


def extended(bodies: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Chains made of shorter ones: one after the other, or one fanned out by the other."""

    def follow(before: Any, after: Any) -> Any:
        return before.next(after)

    def fan_out(before: Any, body: Any, options: dict[str, Any], agg: Any) -> Any:
        block = before.map(body, **({} if isinstance(before, MapBlock) else options))
        return block if agg is None else block.agg(agg)

    return st.builds(follow, bodies, bodies) | st.builds(fan_out, bodies, bodies, map_options, st.none() | tasks)


chains: st.SearchStrategy[Any] = st.recursive(cast("st.SearchStrategy[Any]", tasks), extended, max_leaves=8).map(
    lambda chain: source().next(chain)
)


@given(chains)
def test_a_graph_survives_json(chain: Any) -> None:
    graph = graph_of(chain)
    plain = json.loads(json.dumps(graph.to_dict()))
    back = FlowGraph.from_dict(plain)
    assert back == graph
    assert hash(back) == hash(graph)
    assert back.to_dict() == plain
    assert back.shape() == graph.shape()
    assert pickle.loads(pickle.dumps(graph)) == graph


@given(chains)
def test_entries_and_the_tree_tell_the_same(chain: Any) -> None:
    graph = graph_of(chain)
    nodes = [task.node for task in graph.tasks()]
    assert len(set(nodes)) == len(nodes)
    assert [task.node for task in _tasks(graph.chain)] == nodes
    opened = [entry for entry in graph.entries if isinstance(entry, MapOpenEntry)]
    closed = [entry for entry in graph.entries if isinstance(entry, MapCloseEntry)]
    assert sorted(entry.name for entry in opened) == sorted(entry.name for entry in closed)
    for entry in opened:
        before = nodes[: nodes.index(entry.name)]
        assert entry.source in before


def _tasks(chain: Any) -> Any:
    for link in chain:
        if isinstance(link, MapLink):
            yield from _tasks(link.body)
            if link.agg is not None:
                yield link.agg
        else:
            yield link


def test_what_a_graph_looks_like_as_json() -> None:
    graph = graph_of(source().map(work.map(heavy).agg(collect), concurrency_limit=2).next(work))
    assert graph.to_dict() == {
        "name": "any-flow",
        "entries": [
            {"task": "source", "step": "source", "module": __name__, "options": {"job_type": "lambda"}},
            {"map": "work", "source": "source", "options": {"concurrency_limit": 2}},
            {"task": "work", "step": "work", "module": __name__, "options": {"job_type": "lambda"}},
            {"map": "heavy", "source": "work"},
            {
                "task": "heavy",
                "step": "heavy",
                "module": __name__,
                "options": {
                    "job_type": "batch",
                    "vcpu": 0.5,
                    "memory_mb": 64,
                    "env": {"A": "1"},
                    "retry": {"retries": 2, "delay": 1.0, "backoff": 2.0, "max_delay": 60.0, "exceptions": ["a.B"]},
                },
            },
            {
                "close": "heavy",
                "agg": {
                    "task": "collect",
                    "step": "collect",
                    "module": __name__,
                    "options": {"job_type": "lambda", "timeout_seconds": 5, "ephemeral_storage_mb": 600},
                },
            },
            {"task": "work_2", "step": "work", "module": __name__, "options": {"job_type": "lambda"}},
            {"close": "work"},
        ],
    }


def test_a_schedule_is_part_of_it() -> None:
    graph = FlowGraph("f", (TaskEntry("a", "a", "m"),), "rate(1 day)", "UTC")
    assert graph.to_dict()["schedule"] == "rate(1 day)"
    assert FlowGraph.from_dict(graph.to_dict()) == graph


@pytest.mark.parametrize(
    ("thing", "name"),
    [
        (FlowGraph("f", ()), "name"),
        (TaskEntry("a", "a", "m"), "node"),
        (MapOpenEntry("a", "b"), "source"),
        (MapCloseEntry("a"), "agg"),
        (MapOptions(), "batch_size"),
        (StepOptions(), "retry"),
        (RetryConfig(), "retries"),
    ],
)
def test_graphs_are_frozen(thing: Any, name: str) -> None:
    before = repr(thing)
    with pytest.raises(AttributeError):
        setattr(thing, name, "other")
    with pytest.raises(AttributeError):
        delattr(thing, name)
    assert repr(thing) == before
    assert name in before


TASK = {"task": "a", "step": "a", "module": "m"}


@pytest.mark.parametrize(
    ("entries", "error", "message"),
    [
        ([{"tsak": "a"}], ValueError, "an entry has one of task, map, close, but this has tsak"),
        ([{}], ValueError, "an entry has one of task, map, close, but this has nothing"),
        ([{"task": "a"}], KeyError, "step"),
        ([{**TASK, "options": {"memory": 1}}], TypeError, "memory"),
        ([{**TASK, "options": {"retry": {"retries": -1}}}], ValueError, "retry.retries"),
        ([TASK, {"map": "b", "source": "a", "options": {"batch": 1}}], TypeError, "batch"),
        ([TASK, {"map": "b", "source": "a"}, {**TASK, "task": "b"}], ValueError, "map 'b' is not closed"),
        ([TASK, {"close": "b"}], ValueError, "entry 1 closes a map that is not open"),
    ],
)
def test_other_data_are_refused(entries: list[Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        FlowGraph.from_dict({"name": "f", "entries": entries})


class TestShape:
    BASE = "first().map(a.map(b).agg(collect)).next(c)"

    def test_nodes_nesting_and_batch_sizes(self, chain: Make) -> None:
        assert chain("first().map(a.map(b, batch_size=5).agg(collect)).next(a)").shape() == [
            "first",
            {
                "map": ["a", {"map": ["b"], "batch_size": 5, "agg": "collect"}, "a_2=a"],
                "batch_size": 1,
            },
        ]

    @pytest.mark.parametrize(
        "other",
        [
            "first().map(a.map(b).agg(collect)).next(d)",
            "first().map(a.map(b).agg(collect)).agg(c)",
            "first().map(a.map(b.next(c)).agg(collect))",
            "first().map(a.map(b)).next(c)",
            "first().map(a.map(b, batch_size=2).agg(collect)).next(c)",
            "first().map(a.map(b, batch_size='auto').agg(collect)).next(c)",
            "first().map(a.next(b).next(collect)).next(c)",
            "first().map(b.map(a).agg(collect)).next(c)",
        ],
    )
    def test_another_structure_has_another_hash(self, chain: Make, other: str) -> None:
        assert chain(other).shape_hash() != chain(self.BASE).shape_hash()

    @pytest.mark.parametrize(
        "other",
        [
            "first(5).map(a.map(b).agg(collect)).next(c)",
            "first().map([a.map(b).agg(collect), c])",
            "first().map(a.map(b, concurrency_limit=5).agg(collect), tolerated_failure_percentage=5).next(c)",
        ],
    )
    def test_what_moves_no_data_keeps_the_hash(self, chain: Make, other: str) -> None:
        assert chain(other).shape_hash() == chain(self.BASE).shape_hash()

    def test_the_hash_is_the_same_in_every_process_and_release(
        self, chain: Make, script: Callable[..., subprocess.CompletedProcess[str]]
    ) -> None:
        graph = chain(self.BASE)
        assert graph.shape_hash() == "8663e60cb1319600"
        code = "import json, sys, lokki; print(lokki.FlowGraph.from_dict(json.loads(sys.argv[1])).shape_hash())"
        for seed in ("1", "2"):
            done = script("-c", code, json.dumps(graph.to_dict()), env={"PYTHONHASHSEED": seed})
            assert done.stdout.strip() == graph.shape_hash()


@pytest.mark.parametrize(
    ("written", "result"),
    [
        ("first()", "first"),
        ("first().next(a)", "a"),
        ("first().map(a).agg(collect)", "collect"),
        ("first().map(a).agg(collect).next(b)", "b"),
    ],
)
def test_a_result_lies_with_the_last_task(chain: Make, written: str, result: str) -> None:
    found = result_node(chain(written).chain)
    assert isinstance(found, TaskEntry)
    assert found.node == result


def test_the_result_of_an_open_map_lies_with_the_map(chain: Make) -> None:
    found = result_node(chain("first().map(a.map(b))").chain)
    assert isinstance(found, MapLink)
    assert (found.name, found.nested, found.agg) == ("a", True, None)
    inner = found.body[1]
    assert isinstance(inner, MapLink)
    assert not inner.nested


def test_entries_are_in_order_nesting_included(chain: Make) -> None:
    graph = chain("first().map(a.map(b).agg(collect)).agg(report)")
    kinds: list[type[Entry]] = [type(entry) for entry in graph.entries]
    assert kinds == [TaskEntry, MapOpenEntry, TaskEntry, MapOpenEntry, TaskEntry, MapCloseEntry, MapCloseEntry]
    assert sketch(graph) == "first [ a [ b ]>collect ]>report"
