"""Deployed runs, started, read back, resumed: real contents in S3, a Step Functions that runs definitions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from lokki import Run
from lokki.errors import ConfigError, LokkiError, ObjectMissingError, ResumeError
from lokki.runner.local import LocalRunner
from lokki_cli.aws.executions import Execution
from lokki_cli.discover import load_flow
from lokki_cli.errors import NameTakenError, NotDeployedError, OperationError
from lokki_cli.ops.deployedrun import DeployedRun
from lokki_cli.ops.failures import in_words, record_of, run_failure
from lokki_cli.ops.invoke import resume, start
from lokki_cli.ops.machine import read_machine
from lokki_cli.ops.runhistory import history_of, recent_runs, resumed_name
from lokki_cli.ops.show import view
from lokki_cli.runs import deployed_run

from ..conftest import Folder
from .deployed import BUCKET, Cloud, Deployed
from .flows import BIRDS, NESTED


def read(flow: Deployed, run_id: str = "r") -> Run:
    return Run(flow.name, run_id, backend=DeployedRun(flow.place, run_id))


def rewrite(folder: Folder, source: str, name: str = "birds_flow.py") -> None:
    """Change a flow file, byte code and all."""
    for cached in (folder.path / "__pycache__").glob("*"):
        cached.unlink()
    folder.write(source, name)


def test_everything_of_a_run(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS)
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    started = start(flow.place, {"suffix": "!", "limit": 2}, "r")
    assert started.run_id == "r"
    run = read(flow)
    assert (run.status, run.error, run.params) == ("succeeded", None, {"suffix": "!", "limit": 2})
    assert run.steps == ["get_birds", "flap", "join"]
    assert run.result == "flappy goose, flappy duck"
    assert run["get_birds"].output == ["goose", "duck"]
    assert run["get_birds"].input is None
    assert (run["flap"][1].input, run["flap"][1].output, run["flap"][1].error) == ("duck", "flappy duck", None)
    assert (run["flap"].output, run["flap"].input) == (["flappy goose", "flappy duck"], ["goose", "duck"])
    assert run["join"].input == ["flappy goose", "flappy duck"]
    assert (len(run["flap"]), run["flap"].error) == (2, None)
    with pytest.raises(IndexError):
        run["flap"][2]
    with pytest.raises(ObjectMissingError, match="no item 2"):
        DeployedRun(flow.place, "r").output("flap", (2,))


@pytest.mark.parametrize("function", ["nested_flow", "open_flow", "deep_flow"])
def test_a_deployed_run_reads_as_a_local_one(here: Folder, aws: Cloud, function: str) -> None:
    source = NESTED.replace("if x == 3", "if x == 3 and False") if function == "deep_flow" else NESTED
    here.write(source, "nested.py")
    flow = aws.deploy(here.path, "nested.py", function)
    start(flow.place, {}, "r")
    local, _ = load_flow(f"nested.py:{function}")
    LocalRunner().run(local, run_id="r")
    there, here_ = read(flow), Run(flow.name, "r", deployed=False)
    assert there.status == here_.status == "succeeded"
    assert there.result == here_.result
    assert there.steps == here_.steps
    for step in there.steps:
        assert there[step].output == here_[step].output, step
        assert there[step].input == here_[step].input, step
        mine, others = there[step].error, here_[step].error
        assert (mine and (mine.index, mine.error_type, mine.step)) == (
            others and (others.index, others.error_type, others.step)
        )


def test_items_of_a_nested_run(here: Folder, aws: Cloud) -> None:
    here.write(NESTED, "nested.py")
    flow = aws.deploy(here.path, "nested.py", "nested_flow")
    start(flow.place, {}, "r")
    run = read(flow)
    assert run["square"][2][2].output == 4
    assert run["double"][2][2].output == 8
    failure = run["square"][2][3].error
    assert failure is not None
    assert (failure.index, failure.error_type, failure.step) == (3, "KeyError", "square")
    assert "raise KeyError" in failure.traceback
    assert run["double"][2][3].error is None
    with pytest.raises(ObjectMissingError, match="no result for item 3"):
        _ = run["square"][2][3].output
    assert run["merge"][2].output == ([0, 2, 8], 1)
    assert run["split"][1].error is None
    assert run["pages"].error is None


def test_many_batches_are_read_in_turn(here: Folder, aws: Cloud) -> None:
    many = NESTED.replace("return pages().map(split)", "return pages().map(square, batch_size=2)")
    many = many.replace("x * x", "x.number").replace("if x == 3", "if False").replace("int = 3", "int = 140")
    here.write(many, "nested.py")
    flow = aws.deploy(here.path, "nested.py", "open_flow")
    start(flow.place, {}, "r")
    run = read(flow)
    assert [view.output for view in run["square"]] == list(range(140))
    assert run["square"][0].output == 0
    backend = DeployedRun(flow.place, "r")
    assert backend.outputs("square", ()) == list(range(140))


def test_a_failed_run_says_step_item_and_traceback(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS.replace('"duck"', '"BAD"'))
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    start(flow.place, {}, "r")
    run = read(flow)
    assert run.status == "failed"
    assert run.error is not None
    assert "step 'flap', item 1: failed after 1 attempt: ValueError: a BAD does not flap" in run.error
    failure = run["flap"][1].error
    assert failure is not None
    assert failure.traceback.endswith("ValueError: a BAD does not flap\n")
    assert (run["flap"][0].error, run["flap"][2].error) == (None, None)
    assert run["flap"].output == ["flappy goose"]
    assert not run["join"].has_output
    with pytest.raises(ObjectMissingError):
        _ = run.result


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


def test_an_open_map_inside_a_map_that_failed_gives_nothing(here: Folder, aws: Cloud) -> None:
    tolerant = NESTED.replace("return pages().map(split.map(square))", "return pages().map(INNER, **OPTIONS)")
    options = {"tolerated_failure_percentage": 50}
    failing, passing = [[0, 1], [0, 1, 4]], [[0, 1], [0, 1, 4], [0, 1, 4]]
    for inner, wanted in (
        ("split.map(square)", failing),
        ("split.map(square, tolerated_failure_percentage=10)", failing),
        ("split.map(square, tolerated_failure_percentage=25)", passing),
    ):
        rewrite(here, tolerant.replace("INNER", inner).replace("OPTIONS", repr(options)), "nested.py")
        flow = aws.deploy(here.path, "nested.py", "deep_flow")
        name = f"r{len(aws.states.runs)}"
        start(flow.place, {}, name)
        run = read(flow, name)
        assert run.status == "succeeded"
        assert run.result == wanted


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


def test_a_stopped_run(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS)
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    started = start(flow.place, {}, "r")
    aws.states.abort(started.execution.arn)
    run = read(flow)
    assert (run.status, run.error) == ("interrupted", "run 'r' was stopped: stopped by hand.")


def test_a_resumed_run_uses_new_code_and_runs_nothing_twice(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS.replace('"duck"', '"BAD"'))
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    start(flow.place, {"suffix": "x"}, "r")
    rewrite(here, BIRDS.replace('"duck"', '"BAD"').replace("raise ValueError(", "return ("))
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    resumed = resume(flow.place, "r")
    assert (resumed.run_id, resumed.execution.name) == ("r", "r-resume-1")
    run = read(flow)
    assert (run.status, run.params) == ("succeeded", {"suffix": "x"})
    assert run.result == "flappy goose, a BAD does not flap, flappy seagull"
    assert run["flap"].error is None
    assert read(flow, "r-resume-1").result == run.result
    with pytest.raises(ResumeError, match="run 'r' has succeeded"):
        resume(flow.place, "r")
    (summary,) = recent_runs(flow.place.executions.newest(), 10)
    assert (summary.run_id, summary.status, summary.resumed) == ("r", "succeeded", 1)
    shown = {step.step + step.items: step for step in view(flow.place, "r").steps}
    assert shown["get_birds"].status == "succeeded"
    assert (shown["flapitems"].status, shown["flapitems"].done) == ("succeeded", 3)


def test_a_run_that_fails_again_is_resumed_again(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS.replace('"duck"', '"BAD"'))
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    start(flow.place, {}, "r")
    names = [resume(flow.place, "r").execution.name for _ in range(3)]
    assert names == ["r-resume-1", "r-resume-2", "r-resume-3"]
    assert len(history_of(flow.place, "r").executions) == 4
    start(flow.place, {}, "other")
    found = recent_runs(flow.place.executions.newest(), 10)
    assert [(run.run_id, run.resumed) for run in found] == [("other", 0), ("r", 3)]
    assert [run.run_id for run in recent_runs(flow.place.executions.newest(), 1)] == ["other"]


def test_a_running_run_is_not_resumed(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS)
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    aws.states.reveal = 1
    start(flow.place, {}, "r")
    with pytest.raises(ResumeError, match="run 'r' is still running"):
        resume(flow.place, "r")


def test_a_resume_that_somebody_else_began(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS.replace('"duck"', '"BAD"'))
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    start(flow.place, {}, "r")
    aws.refuse("StartExecution", "ExecutionAlreadyExists")
    with pytest.raises(ResumeError, match="resumed by somebody else"):
        resume(flow.place, "r")


@pytest.mark.parametrize("length", [1, 60, 79, 80])
def test_names_of_resuming_executions_fit(length: int) -> None:
    names = {resumed_name("x" * length, number) for number in (1, 2, 33)}
    assert len(names) == 3
    assert all(len(name) <= 80 for name in names)


def test_a_run_that_is_called_like_a_resumed_one(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS)
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    start(flow.place, {}, "mine-resume-1")
    found = recent_runs(flow.place.executions.newest(), 10)
    assert [(run.run_id, run.resumed) for run in found] == [("mine-resume-1", 0)]
    assert read(flow, "mine-resume-1").status == "succeeded"


def test_names_that_are_taken_and_flows_that_are_not_there(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS)
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    start(flow.place, {}, "r")
    with pytest.raises(NameTakenError, match="flow 'birds-flow' has a run 'r' already"):
        start(flow.place, {}, "r")
    with pytest.raises(ResumeError, match="cannot name a run"):
        start(flow.place, {}, "a/b")
    with pytest.raises(ObjectMissingError, match=r"has no run 'nope'.*lokki-cli show"):
        read(flow, "nope")
    aws.states.machines.clear()
    with pytest.raises(NotDeployedError):
        start(flow.place, {}, "s")
    with pytest.raises(NotDeployedError):
        list(flow.place.executions.newest())
    with pytest.raises(NotDeployedError):
        flow.place.executions.deployed_definition()


def test_environments_do_not_see_each_other(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS)
    plain = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    dev = aws.deploy(here.path, "birds_flow.py", "birds_flow", "birds-flow-dev")
    start(dev.place, {}, "r")
    assert read(dev).result == "flappy goose, flappy duck, flappy seagull"
    with pytest.raises(ObjectMissingError):
        read(plain)


# lokki.Run


def test_lokki_run_finds_deployed_runs(here: Folder, aws: Cloud, in_aws: None) -> None:
    here.write(BIRDS)
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    start(flow.place, {}, "r")
    assert Run("birds_flow", "r").result == "flappy goose, flappy duck, flappy seagull"
    assert Run("birds-flow", "r", deployed=True)["flap"][0].output == "flappy goose"
    with pytest.raises(LokkiError, match=r"no runs of flow 'birds-flow' were found"):
        Run("birds-flow", "r", deployed=False)
    with pytest.raises(ObjectMissingError, match=r"no runs of flow.*Nor is it on AWS: .*has no run 'x'"):
        Run("birds-flow", "x")
    local, _ = load_flow("birds_flow.py")
    LocalRunner().run(local, {"limit": 1}, run_id="r")
    assert Run("birds-flow", "r").result == "flappy goose"
    assert Run("birds-flow", "r", deployed=True).result == "flappy goose, flappy duck, flappy seagull"


def test_lokki_run_asks_nobody_where_no_bucket_is_configured(
    here: Folder, aws: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOKKI_AWS_ENDPOINT", aws.url)
    told = r"no runs of flow 'f' were found.*AWS was not asked: aws.artifact_bucket: no bucket is set"
    with pytest.raises(LokkiError, match=told):
        Run("f", "r")
    assert aws.seen == []
    monkeypatch.setenv("LOKKI_ARTIFACT_BUCKET", BUCKET)
    deployed_run("f", "r")
    assert aws.seen == []


def test_the_bucket_may_be_missing(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS)
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    start(flow.place, {}, "r")
    place = type(flow.place)(flow.place.names, flow.place.clients, "")
    with pytest.raises(ConfigError, match="no bucket is set"):
        _ = Run("birds-flow", "r", backend=DeployedRun(place, "r")).result
