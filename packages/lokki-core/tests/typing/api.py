"""What type checkers see of the public API. Never run: mypy, strict, judges it with the sources.

A right use is held by assert_type. A wrong use carries the error it must give; mypy reports the comment as unused where
the error is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any, assert_type

import lokki
from lokki import FlowGraph, ItemFailure, LokkiError, RetryConfig, Run, flow, main, run, step
from lokki.chain import MapBlock, StepNode
from lokki.context import RunInfo
from lokki.decorators import Flow
from lokki.decorators import RetryConfig as SameRetryConfig
from lokki.graph import MapCloseEntry, MapOpenEntry, TaskEntry
from lokki.retry import RetryConfig as RetryModuleConfig


@step
def get_birds(limit: int, kind: str = "goose") -> list[str]:
    return [kind] * limit


@step(retry=RetryConfig(retries=3), timeout_seconds=60, memory_mb=512, ephemeral_storage_mb=1024, env={"A": "1"})
def flap(bird: str, times: int = 1) -> str:
    return bird * times


@step(job_type="batch", vcpu=0.5, retry={"retries": 2, "exceptions": [TimeoutError]})
def weigh(bird: str) -> float:
    return len(bird) / 2


@step()
def join(birds: list[str], failures: list[ItemFailure] | None = None) -> str:
    return ", ".join(birds)


@step
def stream(birds: Iterator[str]) -> Iterator[int]:
    return (len(bird) for bird in birds)


# Decorators keep what a function takes and returns.
assert_type(get_birds.fn(2), list[str])
assert_type(get_birds.fn(2, kind="duck"), list[str])
assert_type(flap.fn("duck"), str)
assert_type(weigh.fn("duck"), float)
assert_type(stream.fn(iter([])), Iterator[int])
assert_type(get_birds.name, str)
get_birds.fn("two")  # type: ignore[arg-type]  # refused
get_birds.fn()  # type: ignore[call-arg]  # refused
flap.fn("duck", tiems=2)  # type: ignore[call-arg]  # refused
_ = flap.fn("duck").nope  # type: ignore[attr-defined]  # refused

# Calling a step binds arguments and gives a step.
assert_type(get_birds(2).fn(1), list[str])
assert_type(get_birds(limit=2).fn(1), list[str])
assert_type(flap(times=3).fn("duck"), str)  # all but the first, for a later step
get_birds("two")  # type: ignore[call-overload]  # refused
get_birds(1, "goose", 3)  # type: ignore[call-overload]  # refused
flap()[0]  # type: ignore[index]  # refused

# .next gives the step it leads to, or an open map.
assert_type(get_birds(2).next(join), StepNode[..., str])
assert_type(get_birds(2).next(join).next(weigh), StepNode[..., float])
assert_type(get_birds(2).next(join(failures=[])), StepNode[..., str])
assert_type(get_birds(2).next(join, failures=[]), StepNode[..., str])
assert_type(get_birds(2).next(get_birds.map(flap)), MapBlock)
get_birds(2).next(print)  # type: ignore[call-overload]  # refused
get_birds(2).next()  # type: ignore[call-overload]  # refused
get_birds(2).next([join])  # type: ignore[call-overload]  # refused
get_birds(2).next("join")  # type: ignore[call-overload]  # refused

# .map gives an open map, which .agg closes.
assert_type(get_birds(2).map(flap), MapBlock)
assert_type(get_birds(2).map(flap, times=3), MapBlock)
assert_type(get_birds(2).map([flap, weigh]), MapBlock)
assert_type(get_birds(2).map((flap, get_birds.map(weigh))), MapBlock)
assert_type(get_birds(2).map(get_birds.map(flap).agg(join)), MapBlock)
assert_type(get_birds(2).map(flap).next(weigh), MapBlock)
assert_type(get_birds(2).map(flap).map(weigh), MapBlock)
assert_type(get_birds(2).map(flap).agg(join), StepNode[..., str])
assert_type(get_birds(2).map(flap).agg(join, failures=None), StepNode[..., str])
assert_type(get_birds(2).map(flap).agg(join).fn(["duck"]), str)
assert_type(get_birds(2).map(flap).agg(join).next(weigh), StepNode[..., float])
assert_type(
    get_birds(2).map(flap, concurrency_limit=5, batch_size="auto", tolerated_failure_percentage=2.5, express=True),
    MapBlock,
)
assert_type(get_birds(2).map(flap).map(weigh, batch_size=5), MapBlock)
get_birds(2).map(flap, batch_size="some")  # type: ignore[arg-type]  # refused
get_birds(2).map(flap, concurrency_limit="5")  # type: ignore[arg-type]  # refused
get_birds(2).map(flap, express="yes")  # type: ignore[arg-type]  # refused
get_birds(2).map(print)  # type: ignore[arg-type]  # refused
get_birds(2).map([print])  # type: ignore[list-item]  # refused
get_birds(2).map(flap).agg(print)  # type: ignore[arg-type]  # refused
get_birds(2).map(flap).agg([join])  # type: ignore[arg-type]  # refused
get_birds(2).map(flap).agg(get_birds.map(flap))  # type: ignore[arg-type]  # refused
get_birds(2).map(flap)()  # type: ignore[operator]  # refused
_ = get_birds(2).map(flap).fn  # type: ignore[attr-defined]  # refused

# Options of a step are typed.
step(memory="512")  # type: ignore[call-overload]  # refused
step(memory_mb="512")  # type: ignore[call-overload]  # refused
step(job_type="spark")  # type: ignore[call-overload]  # refused
step(retry=3)  # type: ignore[call-overload]  # refused
step(env={"A": 1})  # type: ignore[dict-item]  # refused
step(3)  # type: ignore[call-overload]  # refused
RetryConfig(retries="3")  # type: ignore[arg-type]  # refused
RetryConfig(tries=3)  # type: ignore[call-arg]  # refused
RetryConfig().retries = 3  # type: ignore[misc]  # refused
assert_type(RetryConfig(retries=3, delay=0.5, backoff=1, exceptions=(ValueError, "a.B")).retries, int)
assert_type(SameRetryConfig(), RetryModuleConfig)


# A flow takes what its function takes, and gives a graph.
@flow
def birds_flow(limit: int, day: date = date(2024, 1, 15)) -> StepNode[..., str]:
    return get_birds(limit=limit).map(flap).agg(join)


@flow(schedule="rate(1 day)", timezone="Europe/Helsinki")
def daily_flow() -> MapBlock:
    return get_birds(2).map(flap)


@flow()
def bare_flow() -> object:
    return get_birds(2)


assert_type(birds_flow(3), FlowGraph)
assert_type(birds_flow(limit=3, day=date(2024, 1, 15)), FlowGraph)
assert_type(daily_flow(), FlowGraph)
assert_type(birds_flow.name, str)
assert_type(birds_flow.schedule, str | None)
birds_flow()  # type: ignore[call-arg]  # refused
birds_flow("three")  # type: ignore[arg-type]  # refused
birds_flow(3, days=1)  # type: ignore[call-arg]  # refused
daily_flow(1)  # type: ignore[call-arg]  # refused
flow(schedule=5)  # type: ignore[call-overload]  # refused
flow(5)  # type: ignore[call-overload]  # refused
get_birds(2).next(birds_flow)  # type: ignore[call-overload]  # refused


def graphs(graph: FlowGraph) -> None:
    for entry in graph.entries:
        assert_type(entry, TaskEntry | MapOpenEntry | MapCloseEntry)
    assert_type(graph.to_dict(), dict[str, Any])
    assert_type(FlowGraph.from_dict({}), FlowGraph)
    assert_type(graph.shape_hash(), str)
    graph.name = "other"  # type: ignore[misc]  # refused
    _ = graph.nodes  # type: ignore[attr-defined]  # refused


def runs(history: Run) -> None:
    info = run()
    assert_type(info, RunInfo)
    assert_type(info.item_index, int | None)
    assert_type(info.started_at, datetime)
    assert_type(lokki.__version__, str)
    info.attempt = 2  # type: ignore[misc]  # refused


def ends(known: Flow[...], handle: Callable[[LokkiError], None]) -> int:
    main(known)
    return 0  # type: ignore[unreachable]  # refused


main(get_birds)  # type: ignore[arg-type]  # refused
