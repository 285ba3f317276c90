"""What a history tells, event by event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from lokki.graph import FlowGraph, MapCloseEntry, MapOpenEntry, MapOptions, TaskEntry
from lokki.runner.events import Event
from lokki_builder.asl.machine import build_machine
from lokki_cli.aws.executions import MapRun
from lokki_cli.ops.machine import Machine, read_machine
from lokki_cli.ops.story import Story

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def kinds(events: list[Event]) -> list[tuple[str, str | None]]:
    return [(event.kind, event.step) for event in events if event.kind != "map_progress"]


def machine(batch_size: int = 1) -> Machine:
    entries = (
        TaskEntry("get", "get", "m"),
        MapOpenEntry("work", "get", MapOptions(batch_size=batch_size)),
        TaskEntry("work", "work", "m"),
        MapCloseEntry("work", TaskEntry("end", "end", "m")),
    )
    return read_machine(build_machine(FlowGraph("f", entries)).definition)


def events_of(*told: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"id": place, "type": kind, "timestamp": T0 + timedelta(seconds=place), "someEventDetails": details}
        for place, (kind, details) in enumerate(told, 1)
    ]


def test_batches_are_counted_as_items() -> None:
    story = Story(machine(10), "r", T0)
    reply = '{"Payload": {"manifest": {"bucket": "b", "key": "k", "count": 95}}}'
    list(
        story.read(
            events_of(
                ("TaskStateEntered", {"name": "Get"}),
                ("TaskScheduled", {}),
                ("TaskSucceeded", {"output": reply}),
                ("TaskStateExited", {"name": "Get"}),
                ("MapStateEntered", {"name": "MapWork"}),
                ("MapRunStarted", {"mapRunArn": "arn"}),
            )
        )
    )
    assert story.current is not None
    (told,) = story.progress(MapRun("arn", "RUNNING", total=10, done=4, failed=1), T0)
    assert (told.done, told.failed, told.total) == (38, 9, 95)
    assert list(story.progress(MapRun("arn", "RUNNING", total=10, done=4, failed=1), T0)) == []
    (told,) = story.progress(MapRun("arn", "SUCCEEDED", total=10, done=10, failed=0), T0)
    assert told.done == 95


def test_other_ends() -> None:
    story = Story(machine(), "r", T0)
    timed_out = events_of(("TaskStateEntered", {"name": "Get"}), ("ExecutionTimedOut", {"error": "States.Timeout"}))
    told = list(story.read(timed_out))
    assert kinds(told) == [("step_start", "get"), ("step_failure", "get"), ("run_failure", None)]
    assert told[-1].message == "States.Timeout: it took longer than its timeout allows, and was ended."
    story = Story(machine(), "r", T0)
    aborted = events_of(("MapStateEntered", {"name": "MapWork"}), ("ExecutionAborted", {"cause": "by hand"}))
    told = list(story.read(aborted))
    assert kinds(told) == [("map_start", "work"), ("run_interrupted", None)]
    assert story.end == "run_interrupted"
    failed = events_of(("MapStateEntered", {"name": "MapWork"}), ("ExecutionFailed", {"error": "X", "cause": "y\nz"}))
    story = Story(machine(), "r", T0)
    assert [event.message for event in story.read(failed)] == [None, "X: y", "X: y"]


def test_what_is_not_of_a_step_is_passed_over() -> None:
    story = Story(machine(), "r", T0)
    nothing = events_of(
        ("ExecutionStarted", {}),
        ("PassStateEntered", {"name": "InitFlow"}),
        ("PassStateExited", {"name": "InitFlow"}),
        ("TaskStateExited", {"name": "Get"}),
        ("LambdaFunctionScheduled", {}),
    )
    assert list(story.read(nothing)) == []
    bad = events_of(("TaskStateEntered", {"name": "Get"}), ("TaskSucceeded", {"output": "no JSON"}))
    assert len(list(Story(machine(), "r", T0).read(bad))) == 1
    naive = [{"id": 1, "type": "TaskStateEntered", "timestamp": T0.replace(tzinfo=None), "x": {"name": "Get"}}]
    assert list(Story(machine(), "r", T0).read(naive)) == []
