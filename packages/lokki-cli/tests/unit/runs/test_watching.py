"""Following an execution: what is told, in what order, how often AWS is asked, and what AWS may refuse meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from lokki.runner.events import Event
from lokki.testing import FakeClock
from lokki_cli.errors import MissingResourceError, OperationError, ThrottledError
from lokki_cli.ops import watch as module
from lokki_cli.ops.invoke import start
from lokki_cli.ops.show import view
from lokki_cli.ops.watch import ended, watch

from ..conftest import Folder
from .deployed import Cloud
from .flows import BIRDS, NESTED


def kinds(events: list[Event]) -> list[tuple[str, str | None]]:
    return [(event.kind, event.step) for event in events if event.kind != "map_progress"]


WHOLE = [
    ("step_start", "get_birds"),
    ("step_success", "get_birds"),
    ("map_start", "flap"),
    ("map_success", "flap"),
    ("step_start", "join"),
    ("step_success", "join"),
    ("run_success", None),
]


@pytest.mark.parametrize(("reveal", "page"), [(None, 1000), (1, 1000), (3, 2), (7, 5)])
def test_a_run_is_told_once_and_in_order(here: Folder, aws: Cloud, reveal: int | None, page: int) -> None:
    here.write(BIRDS)
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    aws.states.reveal, aws.states.page = reveal, page
    started = start(flow.place, {}, "r")
    clock = FakeClock()
    events = list(watch(flow.place, "r", started.execution, clock))
    assert kinds(events) == WHOLE
    done = next(event for event in events if event.kind == "map_success")
    assert (done.done, done.failed, done.total) == (3, 0, 3)
    assert {event.run_id for event in events} == {"r"}
    assert all(module.SHORTEST_S <= wait <= module.LONGEST_S for wait in clock.sleeps)


def test_the_map_is_asked_once_a_look(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS)
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    started = start(flow.place, {}, "r")
    aws.states.reveal = 1
    (map_run,) = aws.states.map_runs.values()
    map_run.seen = [(0, 0), (0, 0), (2, 1)]
    clock = FakeClock()
    events = list(watch(flow.place, "r", started.execution, clock))
    told = [(event.done, event.failed, event.total) for event in events if event.kind == "map_progress"]
    assert told == [(0, 0, 3), (2, 1, 3)]
    asked = aws.seen.count("DescribeMapRun")
    assert asked <= len(clock.sleeps) + 2
    assert sum(clock.sleeps) >= asked - 2


def test_waits_grow_while_nothing_happens(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS)
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    started = start(flow.place, {}, "r")
    aws.states.reveal = 0
    clock = FakeClock()
    events = watch(flow.place, "r", started.execution, clock)

    class Enough(Exception):
        pass

    def sleep(seconds: float) -> None:
        clock.sleeps.append(seconds)
        if len(clock.sleeps) == 12:
            raise Enough

    clock.sleep = sleep  # type: ignore[method-assign]  # ends what would go on for ever
    with pytest.raises(Enough):
        list(events)
    assert clock.sleeps == sorted(clock.sleeps)
    assert clock.sleeps[0] == pytest.approx(module.SHORTEST_S * module.GROWTH)
    assert clock.sleeps[-1] == module.LONGEST_S


def test_throttling_is_waited_out(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS)
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    started = start(flow.place, {}, "r")
    aws.refuse_times(2, "GetExecutionHistory", "ThrottlingException")
    aws.refuse_times(2, "DescribeMapRun", "ThrottlingException")
    assert kinds(list(watch(flow.place, "r", started.execution, FakeClock()))) == WHOLE


class Troubled:
    """Executions of which the first requests fail, whatever botocore tries."""

    def __init__(self, executions: Any, error: type[OperationError], times: int) -> None:
        self._executions = executions
        self._error = error
        self._left = times

    def __getattr__(self, name: str) -> Any:
        if name in ("page", "map_run", "definition") and self._left:
            self._left -= 1
            return self._refuse
        return getattr(self._executions, name)

    def _refuse(self, *_: object) -> Any:
        raise self._error("busy")


class TroubledPlace:
    def __init__(self, place: Any, error: type[OperationError], times: int) -> None:
        self.executions = Troubled(place.executions, error, times)


def test_what_is_left_of_throttling_does_not_end_the_watching(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS)
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    started = start(flow.place, {}, "r")
    clock = FakeClock()
    place: Any = TroubledPlace(flow.place, ThrottledError, 5)
    assert kinds(list(watch(place, "r", started.execution, clock))) == WHOLE
    assert clock.sleeps.count(module.TROUBLE_S) == 5
    place = TroubledPlace(flow.place, ThrottledError, 1000)
    with pytest.raises(ThrottledError):
        list(watch(place, "r", started.execution, clock))


def test_an_execution_that_aws_does_not_know_yet(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS)
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    started = start(flow.place, {}, "r")
    aws.refuse_times(2, "DescribeStateMachineForExecution", "ExecutionDoesNotExist")
    aws.refuse_times(3, "GetExecutionHistory", "ExecutionDoesNotExist")
    assert kinds(list(watch(flow.place, "r", started.execution, FakeClock()))) == WHOLE
    aws.refuse("GetExecutionHistory", "ExecutionDoesNotExist")
    with pytest.raises(MissingResourceError):
        list(watch(flow.place, "r", started.execution, FakeClock()))


def test_an_end_that_aws_does_not_know_yet(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS)
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    started = start(flow.place, {}, "r")
    aws.states.reveal = 1000
    clock = FakeClock()
    sleep = clock.sleep

    def reveal(seconds: float) -> None:
        list(flow.place.executions.history(started.execution.arn))
        sleep(seconds)

    clock.sleep = reveal  # type: ignore[method-assign]  # time goes on in AWS, too
    assert ended(flow.place, started.execution, clock).status == "SUCCEEDED"
    assert clock.sleeps == [module.SHORTEST_S]
    aws.refuse("DescribeExecution", "ExecutionDoesNotExist")
    assert ended(flow.place, started.execution, FakeClock()) == started.execution


def test_a_map_that_cannot_be_asked_is_shown_without_counts(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS)
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    started = start(flow.place, {}, "r")
    aws.refuse("DescribeMapRun", "AccessDeniedException")
    events = list(watch(flow.place, "r", started.execution, FakeClock()))
    assert kinds(events) == WHOLE
    assert next(event.done for event in events if event.kind == "map_success") == 3


def test_retries_and_failures_are_told(here: Folder, aws: Cloud) -> None:
    source = BIRDS.replace("@step\n    def join", "@step(retry={'retries': 2, 'delay': 0})\n    def join")
    here.write(source.replace('return ", ".join(birds)', 'raise OSError("no line\\nsecond")'))
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    started = start(flow.place, {}, "r")
    events = list(watch(flow.place, "r", started.execution, FakeClock()))
    assert kinds(events)[4:] == [
        ("step_start", "join"),
        ("step_retry", "join"),
        ("step_retry", "join"),
        ("step_failure", "join"),
        ("run_failure", None),
    ]
    retried = [event.attempt for event in events if event.kind == "step_retry"]
    assert retried == [1, 2]
    assert "OSError: no line" in (events[-1].message or "")
    shown = {step.step + step.items: step for step in view(flow.place, "r").steps}
    assert (shown["join"].status, shown["join"].attempts) == ("failed", 3)
    assert shown["flapitems"].status == "succeeded"


def test_a_failing_map_is_told_with_its_counts(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS.replace('"duck"', '"BAD"'))
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    started = start(flow.place, {}, "r")
    events = list(watch(flow.place, "r", started.execution, FakeClock()))
    failed = next(event for event in events if event.kind == "map_failure")
    assert (failed.step, failed.done, failed.failed, failed.total) == ("flap", 1, 1, 3)
    assert (failed.message, events[-1].message) == ("1 of 3 items failed", "1 of 3 items failed")
    shown = {step.step + step.items: step for step in view(flow.place, "r").steps}
    assert (shown["flapitems"].status, shown["flapitems"].failed) == ("failed", 1)
    assert (shown["flap"].status, shown["join"].status) == ("each item", "not reached")


def test_steps_that_were_done_before_are_skipped(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS)
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    aws.kills = {"join": ["Lambda.Unknown"]}
    start(flow.place, {}, "r")
    again = flow.place.executions.start("by-hand", {"resume": "r"})
    assert again is not None
    events = list(watch(flow.place, "r", again, FakeClock()))
    assert kinds(events)[:2] == [("step_start", "get_birds"), ("step_skipped", "get_birds")]
    assert next(event.total for event in events if event.kind == "map_success") == 3


def test_batch_jobs_and_judges(here: Folder, aws: Cloud) -> None:
    tolerant = NESTED.replace("pages().map(split)\n", "pages().map(split, tolerated_failure_percentage=10)\n")
    here.write(tolerant, "nested.py")
    flow = aws.deploy(here.path, "nested.py", "nested_flow")
    started = start(flow.place, {"count": 2}, "r")
    told = kinds(list(watch(flow.place, "r", started.execution, FakeClock())))
    assert ("step_success", "report") in told
    flow = aws.deploy(here.path, "nested.py", "open_flow")
    started = start(flow.place, {}, "r")
    told = kinds(list(watch(flow.place, "r", started.execution, FakeClock())))
    assert told[-2:] == [("map_success", "split"), ("run_success", None)]
