"""The estimate: counted against what an execution really did, and the arithmetic of batches."""

from __future__ import annotations

import pytest
from lokki_builder.asl.estimate import Cost, estimate
from lokki_builder.asl.machine import build_machine

from .conftest import Execute
from .flows import FLOWS, each, graph, task


def test_a_run_of_birds() -> None:
    found = build_machine(FLOWS["birds"]).estimate
    assert found.run == Cost(transitions=5, s3_requests=8, invocations=2)
    (flapping,) = found.maps
    assert (flapping.name, flapping.items) == ("flap_bird", 1000)
    assert flapping.cost == Cost(transitions=1000, s3_requests=3000, invocations=1000)
    assert found.per_1000_items == Cost(transitions=1005, s3_requests=3008, invocations=1002)


@pytest.mark.parametrize(("size", "children"), [(1, 1000), (7, 143), (1000, 1), ("auto", 1000)])
def test_batches_are_what_a_map_pays_for(size: int, children: int) -> None:
    (cost,) = estimate(graph(task("a"), each(task("b"), task("c"), batch_size=size, agg=task("d")))).maps
    assert cost.cost == Cost(transitions=2 * children, s3_requests=5 * children, invocations=2 * children)


def test_express_children_cost_executions_instead_of_transitions() -> None:
    (cost,) = estimate(FLOWS["express"]).maps
    assert cost.cost == Cost(s3_requests=800, invocations=400, express_executions=200)


def test_jobs_are_counted_apart() -> None:
    found = estimate(FLOWS["batch"])
    assert (found.run.jobs, found.run.invocations, found.run.transitions) == (3, 0, 9)
    assert found.maps[0].cost == Cost(transitions=4000, s3_requests=5000, jobs=2000)


@pytest.mark.parametrize("name", ["tolerant-open", "batch-nested"])
def test_invocations_are_those_of_an_execution(execute: Execute, name: str) -> None:
    """With one item in each map, a thousandth of each map's cost joins that of the run."""
    found = estimate(FLOWS[name])
    run = execute(FLOWS[name], {one.source: (1, 1) for one in build_machine(FLOWS[name]).maps})
    assert len(run.events) - len(run.runtime.jobs) == found.run.invocations + sum(
        one.cost.invocations // 1000 for one in found.maps
    )
    assert len(run.runtime.jobs) == found.run.jobs + sum(one.cost.jobs // 1000 for one in found.maps)
