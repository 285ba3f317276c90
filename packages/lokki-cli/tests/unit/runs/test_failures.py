"""Why a deployed run failed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from lokki_cli.aws.executions import Execution
from lokki_cli.errors import OperationError
from lokki_cli.ops.failures import in_words, record_of, run_failure
from lokki_cli.ops.invoke import resume, start
from lokki_cli.ops.machine import read_machine
from lokki_cli.ops.runhistory import history_of

from ..conftest import Folder
from .deployed import Cloud, Deployed
from .flows import BIRDS, NESTED


def failure_of(flow: Deployed, run_id: str = "r") -> Any:
    history = history_of(flow.place, run_id)
    machine = read_machine(flow.place.executions.definition(history.last.arn))
    return run_failure(flow.place, machine, history)


def test_the_failure_is_found_where_children_are_not_listed(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS.replace('"seagull"', '"BAD"'))
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    start(flow.place, {}, "r")
    aws.states.lists_children = False
    failure = failure_of(flow)
    assert (failure.node, failure.path, failure.index, failure.error_type) == ("flap", (2,), 2, "ValueError")
    assert "a BAD does not flap" in failure.message
    assert failure.traceback


def test_a_kill_has_no_error_of_its_own(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS)
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    aws.kills = {"join": ["Sandbox.Timedout"]}
    start(flow.place, {}, "r")
    failure = failure_of(flow)
    assert (failure.node, failure.error_type, failure.traceback) == ("join", "Sandbox.Timedout", "")
    assert failure.message.startswith(
        "flow 'birds-flow', step 'join': Sandbox.Timedout: it took longer than its timeout"
    )
    aws.kills = {"flap": ["Lambda.Unknown"]}
    start(flow.place, {}, "s")
    failure = failure_of(flow, "s")
    assert (failure.node, failure.index) == ("flap", 0)
    assert "most often because it ran out of memory" in failure.message


def test_a_batch_jobs_error_is_the_one_it_left(here: Folder, aws: Cloud) -> None:
    here.write(NESTED.replace('print("reporting")', 'raise OSError("no disk")'), "nested.py")
    flow = aws.deploy(here.path, "nested.py", "nested_flow")
    start(flow.place, {}, "r")
    failure = failure_of(flow)
    assert (failure.node, failure.error_type) == ("report", "OSError")
    assert "no disk" in failure.message


def test_a_map_of_which_too_much_failed(here: Folder, aws: Cloud) -> None:
    here.write(NESTED.replace("if x == 3", "if x > 0"), "nested.py")
    flow = aws.deploy(here.path, "nested.py", "nested_flow")
    start(flow.place, {}, "r")
    failure = failure_of(flow)
    assert failure.node == "merge"
    assert failure.path == (1,)
    assert "2 of 3 items failed, more than the 50 %" in failure.message
    assert [item.index for item in failure.items] == [1, 2]
    assert failure.to_error("nested-flow").traceback == failure.items[0].traceback


def test_a_definition_that_is_no_json(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS)
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    start(flow.place, {}, "r")
    aws.states.machines = dict.fromkeys(aws.states.machines, "no JSON")
    with pytest.raises(OperationError, match="the state machine's definition is no JSON"):
        flow.place.executions.deployed_definition()


def test_what_step_functions_says_is_read_leniently() -> None:
    moment = datetime(2026, 1, 1)  # noqa: DTZ001  # an answer without a zone
    answer = {"executionArn": "a:b", "name": "b", "status": "FAILED", "startDate": moment, "input": "no JSON"}
    found = Execution.from_answer(answer)
    assert (found.input, found.started_at.tzinfo, found.is_under_way) == (None, UTC, False)
    assert Execution.from_answer({**answer, "input": "[1]"}).input is None
    assert record_of("no JSON") == record_of('{"errorMessage": "no JSON"}') == record_of("[]") == {}
    assert in_words("Strange.Error", "") == "AWS says no more."


def test_a_run_that_took_too_long(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS)
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    run = aws.states.runs[start(flow.place, {}, "r").execution.arn]
    run.status = "TIMED_OUT"
    del run.events[-2:]  # the last state was not left
    run.tell("ExecutionTimedOut")
    failure = failure_of(flow)
    assert (failure.node, failure.error_type) == ("join", "States.Timeout")
    assert "step 'join': States.Timeout: it took longer than its timeout allows" in failure.message


def test_a_killed_item_that_nobody_lists(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS)
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    aws.kills = {"flap": ["Runtime.ExitError"]}
    start(flow.place, {}, "r")
    aws.states.lists_children = False
    failure = failure_of(flow)
    assert (failure.node, failure.index, failure.traceback) == ("flap", None, "")
    assert "step 'flap': States.ExceedToleratedFailureThreshold: an item failed." in failure.message


def test_an_error_of_an_earlier_execution_is_not_taken_for_the_last_ones(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS.replace('return ", ".join(birds)', 'raise OSError("no line")'))
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    start(flow.place, {}, "r")
    assert failure_of(flow).error_type == "OSError"
    aws.kills = {"join": ["Sandbox.Timedout"]}
    resume(flow.place, "r")
    failure = failure_of(flow)
    assert (failure.error_type, failure.traceback) == ("Sandbox.Timedout", "")
    flow.store.write_error(flow.name, "r", "join", {"message": "m", "at": "never"})
    assert failure_of(flow).error_type == "Sandbox.Timedout"
