"""Random flows: chains of tasks, Batch steps and maps, nested, with every option."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from lokki.graph import FlowGraph, TaskEntry

from .flows import Map, each, graph, task

RETRIES = st.none() | st.fixed_dictionaries(
    {
        "retries": st.integers(0, 5),
        "delay": st.floats(0, 100),
        "backoff": st.floats(1, 5),
        "max_delay": st.floats(0, 500),
    }
)


@st.composite
def graphs(draw: st.DrawFn, max_depth: int = 3, *, longest: int = 4, express: bool = True) -> FlowGraph:
    """A flow whose maps nest up to `max_depth` deep, of chains with up to `longest` links."""
    numbers = iter(range(10**6))
    names = draw(st.sampled_from(["a", "get_data", "x" * 40, "Load2", "clean_2"]))

    def new() -> TaskEntry:
        number = next(numbers)
        node = f"{names}_{number}z"
        options: dict[str, Any] = {"job_type": draw(st.sampled_from(["lambda", "lambda", "batch"]))}
        if draw(st.booleans()):
            options["timeout_seconds"] = draw(st.integers(60, 900))
        step = draw(st.sampled_from([node, node, "shared"])) if options["job_type"] == "lambda" else node
        return task(node, step, retry=draw(RETRIES), **options)

    return graph(*_chain(draw, new, max_depth, longest, express=express))


def _chain(
    draw: st.DrawFn, new: Callable[[], TaskEntry], depth: int, longest: int, *, express: bool
) -> tuple[TaskEntry | Map, ...]:
    links: list[TaskEntry | Map] = [new()]
    for _ in range(draw(st.integers(0, longest - 1))):
        if links and isinstance(links[-1], Map) and links[-1].agg is None:
            break
        links.append(_map(draw, new, depth, longest, express=express) if depth and draw(st.booleans()) else new())
    return tuple(links)


def _map(draw: st.DrawFn, new: Callable[[], TaskEntry], depth: int, longest: int, *, express: bool) -> Map:
    body = _chain(draw, new, depth - 1, longest, express=express)
    agg = new() if draw(st.booleans()) else None
    options: dict[str, Any] = {
        "concurrency_limit": draw(st.none() | st.integers(1, 10_000)),
        "batch_size": draw(st.sampled_from([1, 7, "auto"])),
        "tolerated_failure_percentage": draw(st.sampled_from([0, 0, 2.5, 100])),
    }
    if express and all(_quick(link) for link in body):
        options["express"] = (
            sum(link.options.timeout_seconds or 900 for link in body if isinstance(link, TaskEntry)) <= 300
        )
    return each(*body, agg=agg, **options)


def _quick(link: TaskEntry | Map) -> bool:
    return isinstance(link, TaskEntry) and link.options.job_type == "lambda" and link.step != "shared"
