"""What generated definitions do: executed by an interpreter of the States Language that nobody here wrote."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from lokki.graph import FlowGraph, MapLink
from lokki_builder.asl.sites import in_batches, walk_maps

from .conftest import Execute, Run, expected_events
from .flows import FLOWS, batch, each, graph, task
from .random_flows import graphs

Sources = dict[str, tuple[int, int]]


def sources_of(flow: FlowGraph, items: int = 3) -> Sources:
    """The same number of items for every map; batches as the map asks, "auto" as 2."""
    return {link.source: (items, _size(link)) for link, _ in walk_maps(flow.chain)}


def _size(link: MapLink) -> int:
    size = link.options.batch_size if in_batches(link) else 1
    return 2 if size == "auto" else size


def seen(run: Run) -> list[tuple[str, str, Any]]:
    return [(event["node"], event["path"], event["input"]) for event in run.events]


def by_place(events: list[tuple[str, str, Any]]) -> list[tuple[str, str, Any]]:
    return sorted(events, key=lambda event: (event[0], event[1]))


# moto knows no EXPRESS children.
@pytest.mark.parametrize("name", sorted(set(FLOWS) - {"express"}))
@pytest.mark.parametrize("items", [0, 2])
def test_every_event_is_what_the_contract_says(execute: Execute, name: str, items: int) -> None:
    flow = FLOWS[name]
    sources = sources_of(flow, items)
    run = execute(flow, sources, input={"limit": 5}, name=f"{name}-{items}")
    assert run.status == "SUCCEEDED"
    assert by_place(seen(run)) == by_place(expected_events(flow, sources, f"{name}-{items}"))
    assert {json.dumps(event["flow"]) for event in run.events} == {
        json.dumps({"run_id": f"{name}-{items}", "params": {"limit": 5}})
    }
    assert {(event["v"], event["attempt"]) for event in run.events} == {(1, 0)}


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flow=graphs(max_depth=2, longest=2, express=False))
def test_random_flows_give_their_events(execute: Execute, flow: FlowGraph) -> None:
    sources = sources_of(flow, 2)
    run = execute(flow, sources)
    assert run.status == "SUCCEEDED"
    run_id = run.events[0]["flow"]["run_id"]
    assert by_place(seen(run)) == by_place(expected_events(flow, sources, run_id))


def test_states_come_in_the_order_of_the_flow(execute: Execute) -> None:
    flow = FLOWS["nested"]
    order = [event["node"] for event in execute(flow, sources_of(flow, 1)).events]
    assert order == [task.node for task in flow.tasks()]


def test_the_state_does_not_grow(execute: Execute) -> None:
    run = execute(FLOWS["batch"], sources_of(FLOWS["batch"]), input={"limit": 5}, name="small")
    assert run.output == {"flow": {"run_id": "small", "params": {"limit": 5}}}


def test_a_node_runs_on_the_function_of_its_step(execute: Execute) -> None:
    run = execute(FLOWS["twice"], sources_of(FLOWS["twice"], 1))
    assert run.runtime.functions == ["CleanFunction", "CleanFunction", "SumFunction", "Sum2Function"]


@pytest.mark.parametrize(
    ("given_input", "run_id", "params"),
    [
        (None, "new", {}),
        ({}, "new", {}),
        ({"limit": 5}, "new", {"limit": 5}),
        ({"limit": {"resume": "x"}}, "new", {"limit": {"resume": "x"}}),
        ({"resume": "old"}, "old", {}),
        ({"resume": "old", "params": {"limit": 5}}, "old", {"limit": 5}),
        ({"params": {"limit": 5}}, "new", {"params": {"limit": 5}}),  # refused by the first step, which names it
        ({"resume": 5}, "new", {"resume": 5}),
        ({"resume": ""}, "new", {"resume": ""}),
    ],
)
def test_the_input_of_an_execution(execute: Execute, given_input: Any, run_id: str, params: Any) -> None:
    name = f"input-{hashlib.sha256(json.dumps(given_input).encode()).hexdigest()}"
    run = execute(FLOWS["birds"], sources_of(FLOWS["birds"], 1), input=given_input, name=name)
    expected = {"run_id": name if run_id == "new" else run_id, "params": params}
    assert [event["flow"] for event in run.events] == [expected] * 3


def test_an_input_that_is_no_object_reaches_the_first_step_which_refuses_it(execute: Execute) -> None:
    run = execute(FLOWS["birds"], sources_of(FLOWS["birds"], 1), input=[1])
    assert [event["flow"]["params"] for event in run.events] == [[1]]
    assert run.status == "FAILED"


def test_a_job_is_submitted_with_the_event_as_text(execute: Execute) -> None:
    run = execute(graph(batch("plan")), {}, input={"text": 'a "quoted" \\ {brace} ${x}'}, name="job")
    (job,) = run.runtime.jobs
    assert {key: job[key] for key in ("JobName", "JobDefinition", "JobQueue")} == {
        "JobName": "some-flow-plan",
        "JobDefinition": "PlanJobDefinition",
        "JobQueue": "JobQueue",
    }
    assert job["ContainerOverrides"]["Environment"][0]["Name"] == "LOKKI_EVENT"
    assert run.events[0]["flow"]["params"] == {"text": 'a "quoted" \\ {brace} ${x}'}


def test_an_attempt_is_counted_by_step_functions(execute: Execute) -> None:
    flow = graph(task("fetch", retry={"retries": 2, "delay": 0}))
    run = execute(flow, {}, reply=lambda _event, before: "LokkiRetryable" if before < 2 else None)
    assert run.status == "SUCCEEDED"
    assert [event["attempt"] for event in run.events] == [0, 1, 2]


def test_an_item_is_tried_no_more_than_its_policy_says(execute: Execute) -> None:
    flow = graph(task("ids"), each(task("load", retry={"retries": 1, "delay": 0})))
    run = execute(
        flow, {"ids": (2, 1)}, reply=lambda event, _before: "LokkiRetryable" if event["path"] == "1" else None
    )
    assert run.runtime.seen == {("ids", ""): 1, ("load", "0"): 1, ("load", "1"): 2}


@pytest.mark.parametrize("error", ["LokkiFatal", "ValueError", "Runtime.ImportModuleError"])
def test_what_cannot_help_is_not_tried_again(execute: Execute, error: str) -> None:
    flow = graph(task("fetch", retry={"retries": 3, "delay": 0}))
    run = execute(flow, {}, reply=lambda _event, _before: error)
    assert (run.status, run.error, len(run.events)) == ("FAILED", error, 1)


def test_a_batch_goes_on_where_it_stopped(execute: Execute) -> None:
    flow = graph(task("ids"), each(task("load"), batch_size=4, tolerated_failure_percentage=0))
    run = execute(
        flow,
        {"ids": (4, 4)},
        reply=lambda event, before: "LokkiContinue" if event["node"] == "load" and before < 2 else None,
    )
    assert run.status == "SUCCEEDED"
    assert [(event["node"], event["attempt"]) for event in run.events] == [("ids", 0), *(("load", n) for n in range(3))]
