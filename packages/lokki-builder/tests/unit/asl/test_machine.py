"""The machine as a whole: golden definitions, random flows, limits, what the template is told."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from lokki.graph import FlowGraph
from lokki_builder.asl.checks import check_definition
from lokki_builder.asl.lint import lint_definition
from lokki_builder.asl.machine import Machine, MachineOptions, build_machine
from lokki_builder.errors import AslError, LimitError

from .flows import FLOWS, GOLDEN, RETRY, batch, each, graph, task
from .random_flows import graphs


@pytest.mark.parametrize("name", FLOWS)
def test_a_definition_is_the_golden_one(name: str) -> None:
    assert build_machine(FLOWS[name]).text == (GOLDEN / f"{name}.json").read_text(encoding="utf-8")


def test_there_is_no_golden_file_without_its_flow() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(FLOWS)


def test_equal_inputs_give_equal_bytes_in_any_process() -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from flows import FLOWS\n"
        "from lokki_builder.asl.machine import build_machine\n"
        "print([(m.text, m.substitutions, m.functions) for m in map(build_machine, FLOWS.values())])"
    )
    command = [sys.executable, "-c", program, str(Path(__file__).parent)]
    texts = {
        subprocess.run(command, env={**ENVIRONMENT, "PYTHONHASHSEED": seed}, check=True, capture_output=True).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1


ENVIRONMENT = {"PYTHONPATH": ":".join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}


def machines(definition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A definition and every map's body."""
    yield definition
    for state in definition["States"].values():
        if state["Type"] == "Map":
            yield from machines(state["ItemProcessor"])


def leads_to(state: dict[str, Any]) -> list[str]:
    if state["Type"] == "Choice":
        return [state["Default"], *(choice["Next"] for choice in state["Choices"])]
    return [state["Next"]] if "Next" in state else []


def reached(machine: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    waiting = [machine["StartAt"]]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += leads_to(machine["States"][name])
    return found


@settings(max_examples=80)
@given(graphs())
def test_random_flows_make_sound_machines(flow: FlowGraph) -> None:
    """Judged without lokki's own lint, which the build has run already."""
    machine = build_machine(flow)
    everything = [name for one in machines(machine.definition) for name in one["States"]]
    assert len(everything) == len(set(everything))
    assert all(1 <= len(name) <= 80 for name in everything)
    for one in machines(machine.definition):
        assert reached(one) == set(one["States"])
        assert [state for state in one["States"].values() if state.get("End")]
        assert all(leads_to(state) or state.get("End") for state in one["States"].values())
    assert set(re.findall(r"\$\{(\w+)\}", machine.text)) == set(machine.substitutions)
    assert lint_definition(json.loads(machine.text), machine.substitutions) == []
    assert {entry.node for entry in flow.tasks()} <= set(machine.functions)


@settings(max_examples=30)
@given(graphs())
def test_timeouts_are_ordered(flow: FlowGraph) -> None:
    machine = build_machine(flow)
    by_substitution = {f"${{{ref['substitution']}}}": ref for ref in machine.functions.values()}
    for one in machines(machine.definition):
        for state in one["States"].values():
            if state["Type"] == "Task":
                parameters = state["Parameters"]
                ref = by_substitution[parameters.get("FunctionName") or parameters["JobDefinition"]]
                assert ref["timeout_s"] < state["TimeoutSeconds"]
    for entry in flow.tasks():
        assert (entry.options.timeout_seconds or 0) <= machine.functions[entry.node]["timeout_s"]


def only(machine: Machine, state: str, *maps: str) -> dict[str, Any]:
    body = machine.definition
    for name in maps:
        body = body["States"][name]["ItemProcessor"]
    found: dict[str, Any] = body["States"][state]
    return found


def test_timeouts_come_from_the_step_else_from_the_configuration() -> None:
    options = MachineOptions(lambda_timeout_s=120, batch_timeout_s=1000, batch_attempts=2, batch_queue_wait_s=5000)
    flow = graph(
        task("a"),
        task("b", timeout_seconds=30),
        batch("c"),
        batch("d", timeout_seconds=60, retry={"retries": 2, "max_delay": 10}),
    )
    machine = build_machine(flow, options)
    assert {node: ref["timeout_s"] for node, ref in machine.functions.items()} == {
        "a": 120,
        "b": 30,
        "c": 1000,
        "d": 3 * 60 + 2 * 10,
    }
    waits = [only(machine, name)["TimeoutSeconds"] for name in "ABCD"]
    assert waits == [180, 90, 7000, 5400]


def test_a_batch_of_items_has_time_for_all_of_them() -> None:
    flow = graph(
        task("ids"),
        each(task("load", timeout_seconds=10), batch("crunch", timeout_seconds=60), agg=task("sum"), batch_size=50),
        each(batch("sign", timeout_seconds=61), batch("stamp", retry={"retries": 10**7}), batch_size="auto"),
    )
    functions = build_machine(flow, MachineOptions(lambda_timeout_s=300)).functions
    assert [functions[node]["timeout_s"] for node in ("load", "crunch", "sign", "stamp")] == [300, 3000, 61, 31_536_000]


def test_what_the_template_is_told() -> None:
    machine = build_machine(FLOWS["batch-nested"])
    assert machine.functions["merge"] == {
        "logical": "MergeJobDefinition",
        "substitution": "MergeJobDefinition",
        "kind": "batch",
        "node": "merge",
        "timeout_s": 3600,
    }
    assert list(machine.substitutions) == [
        "BatchSubmitJob",
        "Bucket",
        "CrunchJobDefinition",
        "FlowName",
        "JobQueue",
        "LambdaInvoke",
        "MergeJobDefinition",
        "PartFunction",
        "Partition",
        "PlanFunction",
        "SignJobDefinition",
    ]
    assert machine.substitutions["SignJobDefinition"] == "the ARN of the job definition of step 'sign'"
    assert json.loads(machine.text) == machine.definition
    assert list(build_machine(FLOWS["plain"]).substitutions) == [
        "Bucket",
        "CleanFunction",
        "FetchFunction",
        "FlowName",
        "LambdaInvoke",
        "SaveFunction",
    ]


def test_a_tolerant_map_is_judged_by_the_next_task() -> None:
    machine = build_machine(FLOWS["tolerant-open"])
    outer = machine.definition["States"]["MapLoad"]
    assert outer["ToleratedFailurePercentage"] == 100.0
    assert outer["Next"] == "CollectLoad"
    inner = outer["ItemProcessor"]["States"]
    assert inner["MapCheck"]["Next"] == "CollectCheck"
    assert inner["CollectCheck"]["End"] is True
    judges = ["load.collect", "check.collect"]
    assert {machine.functions[node]["substitution"] for node in judges} == {"LokkiCollectFunction"}
    assert {machine.functions[node]["kind"] for node in judges} == {"collect"}
    assert "ToleratedFailurePercentage" not in build_machine(FLOWS["birds"]).definition["States"]["MapFlapBird"]


def test_what_the_summary_is_told_of_maps() -> None:
    outer, inner = build_machine(FLOWS["tolerant-open"]).maps
    assert (outer.name, outer.concurrency, outer.reason, outer.depth) == ("load", 3, "concurrency_limit of the map", 0)
    assert (inner.name, inner.concurrency, inner.tolerated_failure_percentage, inner.depth) == ("check", 10, 0.5, 1)
    assert "nested" in inner.reason
    (birds,) = build_machine(FLOWS["birds"]).maps
    assert (birds.concurrency, birds.batch_size, birds.label, birds.source) == (100, 1, "flap_bird", "get_birds")
    options = MachineOptions(map_concurrency=5, nested_concurrency=2)
    assert [plan.concurrency for plan in build_machine(FLOWS["nested"], options).maps] == [5, 2, 2]
    assert [plan.batch_size for plan in build_machine(FLOWS["open"]).maps] == [1, 10]


def test_a_map_around_another_has_one_item_a_child() -> None:
    flow = graph(task("a"), each(task("b"), each(task("c"), batch_size="auto"), batch_size="auto"))
    assert [plan.batch_size for plan in build_machine(flow).maps] == [1, "auto"]


def test_express_children_that_take_too_long_are_refused() -> None:
    with pytest.raises(LimitError) as caught:
        build_machine(graph(task("ids"), each(task("load"), express=True)))
    (finding,) = caught.value.findings
    assert (finding.subject, finding.found, finding.limit.value) == ("the map over 'load' with express=True", 900, 300)
    slow = each(task("load", timeout_seconds=200), task("store", timeout_seconds=101), express=True)
    with pytest.raises(LimitError, match="301 seconds, but an EXPRESS execution may take at most 300 seconds"):
        build_machine(graph(task("ids"), slow))
    quick = each(task("load", timeout_seconds=200), task("store", timeout_seconds=100), express=True, batch_size=9)
    assert build_machine(graph(task("ids"), quick)).maps[0].express


@pytest.mark.parametrize(
    ("inside", "finding"),
    [
        (batch("crunch", timeout_seconds=60), "an EXPRESS execution cannot wait for a Batch job"),
        (each(task("leaf", timeout_seconds=60)), "an EXPRESS execution cannot hold a Distributed Map"),
    ],
)
def test_express_children_that_aws_refuses_are_refused(inside: Any, finding: str) -> None:
    flow = graph(task("ids"), each(task("load", timeout_seconds=60), inside, express=True))
    with pytest.raises(AslError, match=finding):
        build_machine(flow)


def test_every_limit_is_told_at_once() -> None:
    flow = graph(
        batch("plan", timeout_seconds=5),
        each(task("load", timeout_seconds=1000), concurrency_limit=10_001),
    )
    with pytest.raises(LimitError) as caught:
        build_machine(flow)
    assert [(finding.subject, finding.found) for finding in caught.value.findings] == [
        ("the map over 'load'", 10_001),
        ("step 'plan'", 5),
        ("step 'load'", 1000),
    ]


def test_an_event_too_long_for_a_job_is_found() -> None:
    with pytest.raises(LimitError, match="8,192 characters") as caught:
        build_machine(graph(task("x" * 4000), batch("crunch")))
    assert "step 'crunch', event" in [finding.subject for finding in caught.value.findings]


def test_a_definition_is_measured_as_it_will_be_deployed() -> None:
    fits = "x" * (1_048_576 - 180)
    assert check_definition(fits + "${FlowName}") == []
    (finding,) = check_definition(fits + "y${FlowName}")
    assert finding.found == 1_048_577
    huge = graph(*(task(f"a{number}", retry=RETRY) for number in range(700)))
    with pytest.raises(LimitError, match="a definition may take at most 1,048,576 bytes"):
        build_machine(huge)
