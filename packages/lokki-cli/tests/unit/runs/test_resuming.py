"""Runs that are resumed, and the list of runs."""

from __future__ import annotations

import pytest
from lokki.errors import ResumeError
from lokki_cli.ops.invoke import resume, start
from lokki_cli.ops.runhistory import history_of, recent_runs, resumed_name
from lokki_cli.ops.show import view

from ..conftest import Folder
from .deployed import Cloud
from .flows import BIRDS
from .reading import read, rewrite


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


def test_a_run_that_was_resumed_by_hand(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS)
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    aws.kills = {"join": ["Lambda.Unknown"]}
    start(flow.place, {}, "r")
    flow.place.executions.start("by-hand", {"resume": "r"})
    history = history_of(flow.place, "by-hand")
    assert (history.run_id, history.status, len(history.executions)) == ("r", "succeeded", 2)
    assert history_of(flow.place, "r").status == "failed"
    assert read(flow, "by-hand").result == "flappy goose, flappy duck, flappy seagull"
