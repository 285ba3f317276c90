"""What a flow returns: the same with threads and processes, kept in files or in memory."""

from __future__ import annotations

import datetime
import decimal
import multiprocessing
from typing import Any

import pytest
from lokki.errors import LokkiError

from ..conftest import Project

ENGINES = [("thread", "local"), ("thread", "memory"), ("process", "local"), ("process", "memory")]


@pytest.fixture(params=ENGINES, ids="-".join)
def engine(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Options of a runner."""
    executor, store_type = request.param
    return {"executor": executor, "store_type": store_type, "workers": 3}


MAP = """
    @step
    def items(): return {items}
    @step
    def work(x): return {work}
    @step
    def gather(xs): return xs
    @flow
    def job(): return items().map(work){end}
"""


def fan(items: str, work: str = "x", end: str = ".agg(gather)") -> str:
    return MAP.format(items=items, work=work, end=end)


def test_results_come_in_item_order(project: Project, engine: dict[str, Any]) -> None:
    slow_first = "(time.sleep(0.02 if x % 7 == 0 else 0), x * 2)[1]"
    assert project.value(fan("list(range(40))", slow_first), **engine) == [x * 2 for x in range(40)]


def test_an_empty_source_runs_no_item(project: Project, engine: dict[str, Any]) -> None:
    assert project.value(fan("[]", "mark('work')"), **engine) == []
    assert project.value(fan("[]", "mark('work')", end=""), **engine) == []
    assert project.marks("work") == []


def test_an_open_map_gives_the_list_of_results(project: Project, engine: dict[str, Any]) -> None:
    assert project.value(fan("range(5)", "x + 1", end=""), **engine) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "items", ["(3, 1, 2)", "range(1, 4)", "(x for x in [3, 1, 2])", "iter([3, 1, 2])", "[3, 1, 2]"]
)
def test_any_iterable_feeds_a_map(project: Project, items: str) -> None:
    expected = [1, 2, 3] if "range" in items else [3, 1, 2]
    assert project.value(fan(items)) == expected
    assert sorted(project.value(fan("{3, 1, 2}"))) == [1, 2, 3]


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ("'abc'", "a str"),
        ("b'abc'", "a bytes"),
        ("bytearray(b'abc')", "a bytearray"),
        ("{1: 2}", "a dict. Return list(d.items()) or list(d)."),
        ("None", "nothing (None)"),
        ("7", "a int, which has no items"),
    ],
)
def test_what_cannot_be_fanned_out_is_refused(project: Project, engine: dict[str, Any], items: str, said: str) -> None:
    with pytest.raises(LokkiError, match="step 'items' feeds a map but returned") as caught:
        project.value(fan(items), **engine)
    assert said in str(caught.value)


def test_none_is_a_result_like_any_other(project: Project, engine: dict[str, Any]) -> None:
    source = """
        @step
        def first(): return None
        @step
        def second(before): return [None, before]
        @step
        def each(x): return None
        @step
        def third(xs): return xs == [None, None] and None
        @step
        def last(before): return [before]
        @flow
        def job(): return first().next(second).map(each).agg(third).next(last)
    """
    assert project.value(source, **engine) == [None]


VALUES: list[Any] = [
    (1, (2, 3)),
    datetime.date(2024, 2, 29),
    datetime.datetime(2024, 2, 29, 1, 2, 3, tzinfo=datetime.UTC),
    decimal.Decimal("1.10"),
    b"\x00\xff",
    {1: {2, 3}, (4, 5): frozenset([6])},
    float("inf"),
    1 << 200,
    "\ud800 lone",
    complex(1, 2),
]


def test_values_that_json_cannot_carry_pass_unchanged(project: Project, engine: dict[str, Any]) -> None:
    module = project.load(fan("VALUES").replace("@step", "VALUES = None\n    @step", 1))
    module.VALUES = VALUES
    result = project.run(module.job, **engine).value
    assert result == VALUES
    assert [type(value) for value in result] == [type(value) for value in VALUES]


def test_a_data_frame_passes_unchanged(project: Project, engine: dict[str, Any]) -> None:
    source = """
        import pandas
        @step
        def frames(): return [pandas.DataFrame({"a": [1, n], "b": ["x", None]}) for n in range(3)]
        @step
        def grow(frame): return frame.assign(c=frame["a"] * 2)
        @step
        def join(frames): return pandas.concat(list(frames))
        @flow
        def job(): return frames().map(grow).agg(join)
    """
    frame = project.value(source, **engine)
    assert list(frame.columns) == ["a", "b", "c"]
    assert frame["c"].tolist() == [2, 0, 2, 2, 2, 4]


def test_bodies_of_several_steps_in_each_spelling(project: Project, engine: dict[str, Any]) -> None:
    source = """
        @step
        def items(): return range(6)
        @step
        def double(x): return x * 2
        @step
        def add(x, by=1): return x + by
        @step
        def total(xs): return list(xs)
        @flow
        def job(): return items().map(double).next(add(by=5)).map(add).agg(total)
        @flow
        def other(): return items().map([double, add(by=5), add]).agg(total)
    """
    module = project.load(source)
    assert project.run(module.job, **engine).value == [x * 2 + 6 for x in range(6)]
    assert project.run(module.other, **engine).value == [x * 2 + 6 for x in range(6)]


DEEP = """
    @step
    def areas(n=3): mark('areas'); return range(n)
    @step
    def places(area): mark('places', area); return [(area, n) for n in range(area)]
    @step
    def shops(place): mark('shops', *place); return [(*place, n) for n in range(2)]
    @step
    def price(shop): mark('price', *shop); return sum(shop)
    @step
    def best(prices): mark('best'); return list(prices)
    @step
    def merge(bests): mark('merge'); return tuple(bests)
    @step
    def report(merged): mark('report'); return list(merged)
    @flow
    def job(): return areas().map(places.map(shops.map(price).agg(best)).agg(merge)).agg(report)
    @flow
    def open_job(): return areas().map(places.map(shops.map(price)))
"""


def test_maps_inside_maps_inside_maps(project: Project, engine: dict[str, Any]) -> None:
    module = project.load(DEEP)
    expected = [[[sum((a, p, s)) for s in range(2)] for p in range(a)] for a in range(3)]
    assert project.run(module.job, **engine).value == [tuple(places) for places in expected]
    assert len(project.marks("price")) == 6
    assert len(project.marks("merge")) == 3
    assert project.run(module.open_job, **engine).value == expected


def test_a_map_runs_over_an_aggregation(project: Project, engine: dict[str, Any]) -> None:
    source = """
        @step
        def items(): return range(4)
        @step
        def square(x): return x * x
        @step
        def again(xs): return (x + 1 for x in xs)
        @step
        def total(xs): return sum(xs)
        @step
        def show(x): return f"<{x}>"
        @flow
        def job(): return items().map(square).agg(again).map(square).agg(total).next(show)
    """
    assert project.value(source, **engine) == f"<{1 + 4 + 25 + 100}>"


def test_a_step_may_be_used_twice(project: Project, engine: dict[str, Any]) -> None:
    source = """
        @step
        def items(xs=(1, 2)): return list(xs)
        @step
        def double(x): return x * 2
        @flow
        def job(): return items().map(double).next(double).agg(items).map(double).agg(items)
    """
    assert project.value(source, **engine) == [8, 16]


def test_thousands_of_items_with_a_streaming_aggregation(project: Project, engine: dict[str, Any]) -> None:
    source = """
        @step
        def items(): yield from range(3000)
        @step
        def odd(x): return x % 2
        @step
        def count(xs: Iterable[int]):
            assert iter(xs) is xs and not isinstance(xs, list)
            return sum(xs)
        @flow
        def job(): return items().map(odd).agg(count)
    """
    assert project.value(source, **engine) == 1500


def test_without_the_annotation_an_aggregation_gets_a_list(project: Project, engine: dict[str, Any]) -> None:
    source = fan("range(3)").replace("def gather(xs): return xs", "def gather(xs): return type(xs).__name__")
    assert project.value(source, **engine) == "list"


ISOLATED = """
    @step
    def items(): return [{"n": n, "seen": []} for n in range(70)]
    @step(retry=RetryConfig(retries=2, delay=0))
    def spoil(x):
        x["seen"].append(1)
        if run().attempt < 2 + x["n"] % 2:
            raise ValueError(x["seen"])
        return x
    @step(retry=RetryConfig(retries=1, delay=0))
    def spoil_again(x):
        x["seen"].append(2)
        if run().attempt < 2:
            raise ValueError
        return x
    @step(retry=RetryConfig(retries=1, delay=0))
    def gather(xs):
        assert all(x["seen"] == [1, 2] for x in xs), xs
        for x in xs:
            x["seen"].append(3)
        if run().attempt < 2:
            raise ValueError
        return xs
    @step
    def last(xs): return [x["seen"] for x in xs]
    @flow
    def job(): return items().map(spoil).next(spoil_again).agg(gather).next(last)
"""


def test_what_a_step_does_to_its_input_nobody_else_sees(project: Project, engine: dict[str, Any]) -> None:
    assert project.value(ISOLATED, **engine) == [[1, 2, 3]] * 70


def test_what_a_step_does_to_its_bound_arguments_nobody_else_sees(project: Project, engine: dict[str, Any]) -> None:
    source = """
        @step
        def items(): return range(20)
        @step(retry=RetryConfig(retries=1, delay=0))
        def spoil(x, seen, limits):
            seen.append(x)
            limits.pop("a")
            if run().attempt < 2:
                raise ValueError
            return list(seen)
        @step
        def gather(xs, seen): return [*xs, seen]
        @flow
        def job(limits: dict = {"a": 1}):
            seen = []
            return items().map(spoil(seen=seen)).agg(gather(seen=seen))
    """
    assert project.value(source, **engine) == [*([x] for x in range(20)), []]


FILE_CLASSES = """
    import enum
    from dataclasses import dataclass
    class Color(enum.Enum):
        RED = "red"
        BLUE = "blue"
    @dataclass(frozen=True)
    class Point:
        x: int
        color: Color
    @step
    def points(): return [Point(n, Color.RED) for n in range(5)]
    @step
    def move(point):
        assert type(point) is Point, type(point).__module__
        assert point.color is Color.RED
        return Point(point.x + 1, Color.BLUE)
    @step
    def gather(points):
        assert all(point == Point(n + 1, Color.BLUE) for n, point in enumerate(points))
        return points
    @flow
    def job(): return points().map(move).agg(gather)
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_classes_of_the_flow_file_cross_processes(project: Project, method: str) -> None:
    before = multiprocessing.get_start_method(allow_none=True)
    multiprocessing.set_start_method(method, force=True)
    try:
        module = project.load(FILE_CLASSES)
        value = project.run(module.job, executor="process", workers=2).value
    finally:
        multiprocessing.set_start_method(before, force=True)
    assert value == [module.Point(n + 1, module.Color.BLUE) for n in range(5)]


READER = """
import sys
from lokki import Run
run = Run("job", sys.argv[1])
print([(type(view.output).__module__, view.input.x, view.output) for view in run["move"]][0], run.result[4].color)
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_another_process_reads_classes_of_a_script(project: Project, method: str) -> None:
    head = f"import multiprocessing\nif __name__ == '__main__': multiprocessing.set_start_method({method!r})\n"
    project.write(FILE_CLASSES, head=head)
    (project.folder / "reader.py").write_text(READER, encoding="utf-8")
    made = project.cli("run", "--executor", "process", "--workers", "2", "--run-id", "one")
    assert made.returncode == 0, made.stderr
    read = project.cli("one", file="reader.py")
    assert read.stdout == "('work', 0, Point(x=1, color=<Color.BLUE: 'blue'>)) Color.BLUE\n", read.stderr


def test_run_information_reaches_every_step(project: Project, engine: dict[str, Any]) -> None:
    source = """
        @step
        def items(): return [run(), run()]
        @step
        def sub(info): return [info, run()]
        @step(retry=RetryConfig(retries=1, delay=0))
        def leaf(info):
            if run().attempt == 1:
                raise ValueError
            return [info, run()]
        @step
        def gather(found): return [found, run()]
        @step
        def report(found): return [found, run()]
        @flow
        def job(): return items().map(sub.map(leaf).agg(gather)).agg(report)
    """
    result = project.run(project.load(source).job, run_id="the-run", **engine)
    found, last = result.value
    assert (last.node, last.item_index, last.attempt) == ("report", None, 1)
    for index, (leaves, gathered) in enumerate(found):
        assert (gathered.node, gathered.item_index) == ("gather", index)
        for place, (seen, leaf) in enumerate(leaves):
            assert (leaf.node, leaf.item_index, leaf.attempt) == ("leaf", place, 2)
            assert seen.node == ("items" if place == 0 else "sub")
            assert seen.item_index == (None if place == 0 else index)
            assert (leaf.run_id, leaf.flow, leaf.started_at) == ("the-run", "job", last.started_at)


def test_a_step_has_its_environment(project: Project, engine: dict[str, Any]) -> None:
    source = fan("range(2)", "os.environ['LOKKI_TEST_GREETING']").replace(
        "@step\n    def work", "@step(env={'LOKKI_TEST_GREETING': 'hei'})\n    def work"
    )
    assert project.value(source, **engine) == ["hei", "hei"]


def test_what_cannot_be_stored_is_refused_where_it_is_returned(project: Project, engine: dict[str, Any]) -> None:
    with pytest.raises(LokkiError, match=r"flow 'job', step 'work', item 1: its result, a function, cannot be pickled"):
        project.value(fan("range(3)", "(lambda: 1) if x == 1 else x"), **engine)
    with pytest.raises(LokkiError, match=r"its result, a generator, cannot be pickled.*Return a list; only a step"):
        project.value(fan("range(3)", "(y for y in [])"), **engine)
    with pytest.raises(LokkiError, match=r"step 'gather': its result, a function"):
        project.value(fan("range(3)").replace("return xs", "return lambda: 1"), **engine)
    with pytest.raises(LokkiError, match=r"step 'items', item 1: its result, a function"):
        project.value(fan("[1, lambda: 1]"), **engine)


def test_the_flow_body_is_evaluated_once(project: Project, engine: dict[str, Any]) -> None:
    source = """
        import uuid
        @step
        def items(token): return [token, token]
        @step(retry=RetryConfig(retries=1, delay=0))
        def each(x, token):
            if run().attempt == 1:
                raise ValueError
            return {x, token}
        @step
        def gather(found, token): return set.union(*found) | {token}
        @flow
        def job():
            mark("body")
            token = str(uuid.uuid4())
            return items(token=token).map(each(token=token)).agg(gather(token=token))
    """
    assert len(project.value(source, **engine)) == 1
    assert len(project.marks("body")) == 1


def test_kwargs_receive_the_flow_parameters(project: Project, engine: dict[str, Any]) -> None:
    source = """
        @step
        def items(n, **rest): return [(n, rest)] * 2
        @step
        def each(x, extra=0, **rest): return (x, extra, rest)
        @flow
        def job(n: int, word: str = "a"): return items().map(each(extra=9))
    """
    expected = ((3, {"word": "b"}), 9, {"n": 3, "word": "b"})
    assert project.run(project.load(source).job, {"n": 3, "word": "b"}, **engine).value == [expected] * 2
