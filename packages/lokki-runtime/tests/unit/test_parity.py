"""Deployed flows give what the local runner gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from lokki.canonical import find_flow
from lokki.runner import LocalRunner
from lokki_runtime.testing import StateMachine

Deploy = Callable[..., StateMachine]

FLOWS = {
    "chain": """
        @step
        def a(limit: int = 3) -> int:
            return limit
        @step
        def b(x: int, factor: int) -> dict:
            return {"x": x * factor}
        @step
        def c(x: dict, *, extra: str = "e", **rest) -> tuple:
            return (x, extra, sorted(rest))
        @flow
        def main_flow(factor: int = 2, unused: bool = True):
            return a(limit=5).next(b).next(c)
        """,
    "birds": """
        @step
        def get() -> list:
            return ["goose", "duck", "seagul"]
        @step
        def flap(bird: str) -> str:
            return f"flappy {bird}"
        @step
        def join(birds: list) -> str:
            return ", ".join(birds)
        @flow
        def main_flow():
            return get().map(flap).agg(join)
        """,
    "batches of two steps": """
        @step
        def get() -> Iterator[int]:
            yield from range(25)
        @step
        def double(x: int) -> int:
            return 2 * x
        @step
        def named(x: int, prefix: str) -> str:
            return f"{prefix}{x}"
        @step
        def join(names: Iterable[str]) -> str:
            return ",".join(names)
        @flow
        def main_flow():
            return get().map([double, named(prefix="n")], batch_size=4).agg(join)
        """,
    "open map": """
        @step
        def get() -> list:
            return list(range(7))
        @step
        def square(x: int) -> int:
            return x * x
        @flow
        def main_flow():
            return get().map(square, batch_size="auto")
        """,
    "empty map": """
        @step
        def get() -> list:
            return []
        @step
        def square(x: int) -> int:
            return x * x
        @step
        def total(xs: list) -> list:
            return xs + ["end"]
        @flow
        def main_flow():
            return get().map(square, batch_size=3).agg(total)
        """,
    "nested": """
        @step
        def pages() -> list:
            return [3, 0, 2]
        @step
        def clean(n: int) -> int:
            return n
        @step
        def split(n: int) -> Iterator[int]:
            yield from range(n)
        @step
        def parse(x: int, factor: int = 1) -> int:
            return x + 100 * factor
        @step
        def merge(xs: list) -> list:
            return xs
        @step
        def label(xs: list) -> str:
            return f"{lokki.run().item_index}: {xs}"
        @step
        def report(labels: Iterable[str]) -> str:
            return "; ".join(labels)
        @flow
        def main_flow():
            inner = clean.next(split).map(parse, factor=3, batch_size=2).agg(merge).next(label)
            return pages().map(inner).agg(report)
        """,
    "nested and open": """
        @step
        def pages() -> list:
            return [3, 0, 2]
        @step
        def split(n: int) -> list:
            return [[i] * n for i in range(n)]
        @step
        def again(xs: list) -> list:
            return xs
        @step
        def parse(x: int) -> int:
            return x + 100
        @flow
        def main_flow():
            return pages().map(split.map(again.map(parse)))
        """,
    "map after an aggregation": """
        @step
        def get() -> list:
            return [1, 2, 3]
        @step
        def one(x: int) -> int:
            return x + 1
        @step
        def spread(xs: list) -> list:
            return xs * 2
        @flow
        def main_flow():
            return get().map(one).agg(spread).map(one, batch_size=4).agg(spread)
        """,
    "tolerant": """
        @step
        def get() -> list:
            return list(range(10))
        @step
        def check(x: int) -> int:
            if x % 5 == 3:
                raise ValueError(f"bad {x}")
            return x
        @step
        def half(x: int) -> float:
            return 1 / (x - 4) if x != 6 else x
        @step
        def gather(xs: list, failures: list) -> tuple:
            return xs, [(f.index, f.error_type, f.message, f.step, f.attempts) for f in failures]
        @flow
        def main_flow(size: int = 4):
            return get().map([check, half], batch_size=size, tolerated_failure_percentage=30).agg(gather)
        """,
    "tolerant, nested": """
        @step
        def get() -> list:
            return [1, 0, 2]
        @step
        def split(n: int) -> list:
            return [1 / n] * n
        @step
        def same(x: float) -> float:
            return x
        @step
        def merge(xs: list) -> list:
            return xs
        @step
        def gather(xs: Iterable[list], failures: list) -> tuple:
            return list(xs), [(f.index, f.error_type, f.message, f.step) for f in failures]
        @flow
        def main_flow():
            return get().map(split.map(same).agg(merge), tolerated_failure_percentage=40).agg(gather)
        """,
    "tolerant and open": """
        @step
        def get() -> list:
            return [1, 0, 2]
        @step
        def inverse(x: int) -> float:
            return 1 / x
        @flow
        def main_flow():
            return get().map(inverse, tolerated_failure_percentage=50)
        """,
    "on Batch": """
        @step(job_type="batch")
        def get() -> list:
            return [1, 2, 3]
        @step(job_type="batch", retry=RetryConfig(retries=2, delay=0))
        def flaky(x: int) -> int:
            if lokki.run().attempt < 3:
                raise OSError("again")
            return x
        @step
        def add(xs: list) -> int:
            return sum(xs)
        @flow
        def main_flow():
            return get().map(flaky).agg(add)
        """,
    "retries": """
        @step(retry=RetryConfig(retries=2, delay=0))
        def get() -> list:
            if lokki.run().attempt < 3:
                raise OSError("again")
            return list(range(6))
        @step(retry=RetryConfig(retries=1, delay=0))
        def flaky(x: int) -> tuple:
            if x % 2 and lokki.run().attempt == 1:
                raise OSError("again")
            return x, lokki.run().attempt
        @step
        def join(xs: list) -> list:
            return xs
        @flow
        def main_flow(size: int = 4):
            return get().map(flaky, batch_size=size).agg(join)
        """,
    "one step twice": """
        @step
        def get() -> list:
            return [1, 2]
        @step
        def add(x, n: int = 1) -> object:
            return x + n if isinstance(x, int) else [*x, n]
        @flow
        def main_flow():
            return get().map([add, add(n=10)]).agg(add(n=7)).next(add(n=8))
        """,
    "values of the flow file": """
        @dataclass(frozen=True)
        class Point:
            x: int
        @step
        def get(start: Point) -> list:
            return [start, Point(2)]
        @step
        def move(p: Point, by: Point) -> Point:
            return Point(p.x + by.x)
        @step
        def last(ps: list) -> int:
            assert all(isinstance(p, Point) for p in ps)
            return ps[-1].x
        @flow
        def main_flow():
            return get(Point(1)).map(move, by=Point(10)).agg(last)
        """,
}


@pytest.mark.parametrize("name", FLOWS)
def test_a_deployed_flow_gives_the_local_result(name: str, deploy: Deploy, module: Callable[..., Any]) -> None:
    machine = deploy(FLOWS[name])
    flow = find_flow(module(machine), "main_flow")
    assert flow is not None
    machine.run()
    assert machine.result() == LocalRunner(store_type="memory", workers=2).run(flow).value


@pytest.mark.parametrize("size", [1, 2, 3, 10, 50])
@pytest.mark.parametrize("name", ["tolerant", "retries"])
def test_batch_size_never_changes_results(name: str, size: int, deploy: Deploy, module: Callable[..., Any]) -> None:
    machine = deploy(FLOWS[name], params={"size": size})
    flow = find_flow(module(machine), "main_flow")
    assert flow is not None
    machine.run({"size": size})
    local = LocalRunner(store_type="memory", workers=2).run(flow, {"size": size}).value
    assert machine.result() == local


def test_a_second_execution_runs_nothing_again(deploy: Deploy) -> None:
    machine = deploy(FLOWS["nested"])
    machine.run()
    count = len(machine.replies)
    machine.run()
    assert len(machine.replies) == 2 * count
    assert all(reply["skipped"] for reply in machine.replies[count:])
    assert [r | {"skipped": True} for r in machine.replies[:count]] == machine.replies[count:]
