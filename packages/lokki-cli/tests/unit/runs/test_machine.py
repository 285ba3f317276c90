"""What a definition tells of a flow."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lokki.graph import FlowGraph, MapCloseEntry, MapOpenEntry, MapOptions, StepOptions, TaskEntry
from lokki.places import enclosing, find
from lokki_builder.asl.machine import build_machine
from lokki_cli.aws.names import Names
from lokki_cli.errors import CommandLineError, OperationError
from lokki_cli.ops.logsources import Source, sources
from lokki_cli.ops.machine import _name_in, read_machine

NAMES = [f"step_{place}" for place in range(12)]


@st.composite
def graphs(draw: st.DrawFn) -> FlowGraph:
    """Flows of tasks and maps, nested, open or aggregated, on Lambda and Batch."""
    left = iter(NAMES)

    def task() -> TaskEntry:
        name = next(left)
        return TaskEntry(name, name, "m", StepOptions(job_type=draw(st.sampled_from(["lambda", "batch"]))))

    def chain(depth: int) -> list[Any]:
        first = task()
        entries: list[Any] = [first]
        if depth < 3 and draw(st.booleans()):
            size = 1 if depth < 2 else draw(st.sampled_from([1, 5]))
            tolerated = draw(st.sampled_from([0, 20]))
            body = chain(depth + 1)
            agg = task() if draw(st.booleans()) else None
            options = MapOptions(batch_size=size, tolerated_failure_percentage=tolerated)
            entries += [MapOpenEntry(body[0].node, first.node, options), *body, MapCloseEntry(body[0].node, agg)]
            if agg is not None and draw(st.booleans()):
                entries.append(task())
        return entries

    return FlowGraph("some-flow", tuple(chain(0)))


@given(graphs())
def test_a_definition_tells_the_graph_it_was_made_from(graph: FlowGraph) -> None:
    found = read_machine(build_machine(graph).definition)
    assert found.graph.name == graph.name
    assert [task.node for task in found.graph.tasks()] == [task.node for task in graph.tasks()]
    for task in graph.tasks():
        here, there = find(graph.chain, task.node), find(found.graph.chain, task.node)
        assert there.task.options.job_type == task.options.job_type
        assert (there.before, there.feeds_map) == (here.before, here.feeds_map)
        assert (there.aggregates is None) == (here.aggregates is None)
        around = [(link.name, link.source) for link in enclosing(graph.chain, task.node)]
        assert [(link.name, link.source) for link in enclosing(found.graph.chain, task.node)] == around
        assert task.node in (found.jobs if task.options.job_type == "batch" else found.functions)


@pytest.mark.parametrize(
    "definition",
    [
        {},
        {"StartAt": "A", "States": {"A": {"Type": "Task", "Parameters": {}}}, "Comment": "x"},
        {"StartAt": "A", "States": {}, "Comment": "x"},
        {
            "StartAt": "M",
            "Comment": "x",
            "States": {"M": {"Type": "Map", "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass"}}}}},
        },
    ],
)
def test_another_definition_is_refused(definition: dict[str, Any]) -> None:
    with pytest.raises(OperationError, match=r"was not made by lokki.*Deploy the flow again"):
        read_machine(definition)


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("arn:aws:lambda:eu-west-1:123456789012:function:birds-flow-get:12", "birds-flow-get"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:birds-flow-get", "birds-flow-get"),
        ("arn:aws-cn:batch:cn-north-1:123456789012:job-definition/birds-flow-get:3", "birds-flow-get"),
        ("birds-flow-get:3", "birds-flow-get"),
        ("my-jobs", "my-jobs"),
    ],
)
def test_names_in_references(reference: str, name: str) -> None:
    assert _name_in(reference) == name


def test_where_steps_write() -> None:
    tasks = (
        TaskEntry("get", "get", "m"),
        MapOpenEntry("work", "get", MapOptions(tolerated_failure_percentage=10)),
        TaskEntry("work", "work", "m", StepOptions(job_type="batch")),
        TaskEntry("get_2", "get", "m"),
        MapCloseEntry("work"),
    )
    machine = read_machine(_filled(build_machine(FlowGraph("f", tasks)).definition))
    names = Names("f", "f-dev")
    assert sources(machine, names) == [
        Source("get", "/aws/lambda/f-dev-GetFunction"),
        Source("work", "/aws/batch/f-dev", "WorkJobDefinition/"),
        Source("work", "/aws/lambda/f-dev-LokkiCollectFunction"),
    ]
    assert sources(machine, names, "work") == [Source("work", "/aws/batch/f-dev", "WorkJobDefinition/")]
    assert sources(machine, Names("f", "other"), "work") == [
        Source("work", "/aws/batch/job", "f-dev-WorkJobDefinition/")
    ]
    with pytest.raises(CommandLineError, match=r"--step nope: the flow has no such step\. It has: get, work"):
        sources(machine, names, "nope")


def _filled(value: Any) -> Any:
    """A definition whose references are names that begin with `f-dev-`."""
    if isinstance(value, dict):
        return {key: _filled(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one) for one in value]
    if isinstance(value, str) and value.startswith("${") and value.endswith(("Function}", "JobDefinition}")):
        return f"f-dev-{value[2:-1]}"
    return value
