"""Graphs for the tests of `lokki_builder.asl`, written as short as they can be.

Run as a script, it writes the golden definitions anew: python packages/lokki-builder/tests/unit/asl/flows.py
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lokki.graph import Entry, FlowGraph, MapCloseEntry, MapOpenEntry, MapOptions, StepOptions, TaskEntry
from lokki.retry import RetryConfig

GOLDEN = Path(__file__).parents[2] / "golden" / "asl"


@dataclass(frozen=True)
class Map:
    """A map over the result of the task before it."""

    body: tuple[TaskEntry | Map, ...]
    agg: TaskEntry | None = None
    options: MapOptions = field(default_factory=MapOptions)


def task(
    node: str, step: str = "", *, module: str = "flow", retry: dict[str, Any] | None = None, **options: Any
) -> TaskEntry:
    """A use of a step; `step` where it is another than the node's name says."""
    return TaskEntry(node, step or node, module, StepOptions(retry=RetryConfig.of(retry), **options))


def batch(node: str, **options: Any) -> TaskEntry:
    """A step on Batch."""
    return task(node, job_type="batch", **options)


def each(*body: TaskEntry | Map, agg: TaskEntry | None = None, **options: Any) -> Map:
    """A map."""
    return Map(body, agg, MapOptions(**options))


def graph(*links: TaskEntry | Map, name: str = "some-flow") -> FlowGraph:
    """A flow."""
    return FlowGraph(name, tuple(_entries(links)))


def _entries(links: tuple[TaskEntry | Map, ...]) -> list[Entry]:
    entries: list[Entry] = []
    source = ""
    for link in links:
        if isinstance(link, TaskEntry):
            entries.append(link)
            source = link.node
            continue
        first = link.body[0]
        assert isinstance(first, TaskEntry)
        entries += [MapOpenEntry(first.node, source, link.options), *_entries(link.body)]
        entries.append(MapCloseEntry(first.node, link.agg))
        source = link.agg.node if link.agg else ""
    return entries


RETRY = {"retries": 3, "delay": 0.5, "backoff": 1.5, "max_delay": 20}

FLOWS: dict[str, FlowGraph] = {
    "birds": graph(task("get_birds"), each(task("flap_bird"), agg=task("join_birds")), name="birds-flow"),
    "plain": graph(task("fetch"), task("clean"), task("save")),
    "nested": graph(
        task("regions"),
        each(
            task("cities"),
            each(task("streets"), each(task("houses"), task("measure"), agg=task("by_street")), agg=task("by_city")),
            task("tidy"),
            agg=task("by_region"),
        ),
        task("report"),
    ),
    "open": graph(task("pages"), each(task("split"), each(task("parse"), batch_size=10))),
    "chained": graph(task("ids"), each(task("load"), agg=task("group")), each(task("store"), agg=task("count"))),
    "batch": graph(
        batch("plan"),
        each(batch("crunch", timeout_seconds=600), batch("polish"), agg=batch("merge")),
        batch("publish"),
    ),
    "batch-nested": graph(task("plan"), each(task("part"), each(batch("crunch"), agg=batch("merge")), batch("sign"))),
    "tolerant": graph(
        task("ids"), each(task("load"), task("check"), agg=task("report"), tolerated_failure_percentage=5)
    ),
    "tolerant-open": graph(
        task("ids"),
        each(
            task("load"),
            each(task("check"), tolerated_failure_percentage=0.5),
            tolerated_failure_percentage=100,
            concurrency_limit=3,
        ),
    ),
    "express": graph(
        task("ids"),
        each(task("load", timeout_seconds=60), task("check", timeout_seconds=200), express=True, batch_size=5),
    ),
    "retries": graph(
        task("ids", retry=RETRY),
        each(task("load", retry=RETRY), batch("crunch", retry=RETRY), agg=task("count", retry={"retries": 1})),
        each(task("store", retry=RETRY), batch_size="auto"),
    ),
    "twice": graph(
        task("clean"), each(task("clean_2", "clean"), agg=task("sum")), task("sum_2", "sum", module="other")
    ),
}
"""{golden file: flow}."""


if __name__ == "__main__":
    from lokki_builder.asl.machine import build_machine

    for key, flow in FLOWS.items():
        (GOLDEN / f"{key}.json").write_text(build_machine(flow).text, encoding="utf-8")
