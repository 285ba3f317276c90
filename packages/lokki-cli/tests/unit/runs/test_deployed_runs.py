"""Deployed runs, started and read back: real contents in S3, a Step Functions that runs definitions."""

from __future__ import annotations

import pytest
from lokki import Run
from lokki.errors import ObjectMissingError, ResumeError
from lokki.runner.local import LocalRunner
from lokki_cli.discover import load_flow
from lokki_cli.errors import NameTakenError, NotDeployedError
from lokki_cli.ops.deployedrun import DeployedRun
from lokki_cli.ops.invoke import start

from ..conftest import Folder
from .deployed import Cloud
from .flows import BIRDS, NESTED
from .reading import read, rewrite


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


def test_a_stopped_run(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS)
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    started = start(flow.place, {}, "r")
    aws.states.abort(started.execution.arn)
    run = read(flow)
    assert (run.status, run.error) == ("interrupted", "run 'r' was stopped: stopped by hand.")


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
