"""`result` and `logs`, as they are typed, against an AWS over HTTP, and the help of all."""

from __future__ import annotations

import json
import pickle
import re
import sys
from pathlib import Path

import pytest
from lokki.store import codec

from ..conftest import Folder
from .conftest import Type
from .deployed import Cloud
from .flows import BIRDS, NESTED, RESULT

COMMANDS = ("invoke", "resume", "show", "logs", "result", "graph")


def test_results(birds: Folder, typed: Type) -> None:
    typed("invoke", "--run-id", "x")
    assert typed("result", "x").out == RESULT
    assert typed("result", "x", "flap").out == "['flappy goose', 'flappy duck', 'flappy seagull']\n"
    assert typed("result", "x", "flap", "2").out == "flappy seagull\n"
    assert typed("result", "x", "flap", "--json").json == ["flappy goose", "flappy duck", "flappy seagull"]
    for words, message in (
        (["nope"], "flow 'birds-flow' has no step 'nope'; it has get_birds, flap, join."),
        (["flap", "9"], "step 'flap' has 3 items; there is no item 9."),
        (["flap", "a"], "ITEM 'a': an item is a number, from 0."),
        (["join", "1"], "step 'join' is not inside a map here; ask for .output."),
    ):
        done = typed("result", "x", *words)
        assert (done.code, done.out) == (2, "")
        assert message in done.err
    done = typed("result", "nope")
    assert done.code == 1
    assert re.search(r"flow 'birds-flow' has no run 'nope'\. Nor is it on AWS: .*has no run 'nope'", done.err)


def test_results_are_saved(birds: Folder, typed: Type, tmp_path: Path) -> None:
    typed("invoke", "--run-id", "x")
    out = tmp_path / "out"
    out.mkdir()
    for name in ("r.json", "r.pkl", "r.pkl.gz", "r.txt"):
        done = typed("result", "x", "flap", "--save", str(out / name))
        assert (done.code, done.out, done.err) == (0, "", f"Saved to {out / name}.\n")
    value = ["flappy goose", "flappy duck", "flappy seagull"]
    assert json.loads((out / "r.json").read_text()) == value
    assert pickle.loads((out / "r.pkl").read_bytes()) == value
    assert codec.decode((out / "r.pkl.gz").read_bytes()) == value
    assert (out / "r.txt").read_text() == f"{value}\n"
    assert typed("result", "x", "--save", str(out / "text")).code == 0
    assert (out / "text").read_text() == RESULT.strip()
    done = typed("result", "x", "flap", "--save", str(out / "r.csv"))
    assert (done.code, "its ending tells no format" in done.err) == (2, True)
    done = typed("result", "x", "--save", str(out / "no" / "r.txt"))
    assert (done.code, "the result cannot be saved" in done.err) == (1, True)
    assert sorted(path.name for path in out.iterdir()) == ["r.json", "r.pkl", "r.pkl.gz", "r.txt", "text"]


def test_results_that_json_cannot_carry(here: Folder, aws: Cloud, typed: Type) -> None:
    here.write(NESTED, "nested.py")
    aws.deploy(here.path, "nested.py", "nested_flow")
    typed("invoke", "--run-id", "x", file="nested.py:nested_flow")
    assert typed("result", "x", "pages", "--json", file="nested.py:nested_flow").json[1] == {"number": 1}
    done = typed("result", "x", "pages", "1", file="nested.py:nested_flow")
    assert (done.code, "is not inside a map" in done.err) == (2, True)
    assert typed("result", "x", "square", "2/2", file="nested.py:nested_flow").out == "4\n"
    done = typed("result", "x", "split", "--json", file="nested.py:nested_flow")
    assert done.json == [[0, 1], [0, 1, 2], [0, 1, 2, 3]]


def test_a_run_on_this_machine_comes_first(birds: Folder, aws: Cloud, typed: Type) -> None:
    typed("invoke", "--run-id", "x")
    birds.start(sys.executable, "birds_flow.py", "run", "--run-id", "x", "--limit", "1")
    aws.seen.clear()
    assert typed("result", "x").out == "flappy goose\n"
    assert aws.seen == []
    assert typed("result", "x", "--deployed").out == RESULT
    assert typed("result", "x", "--region", "us-east-1").out == RESULT
    done = typed("result", "y", "--local")
    assert (done.code, "flow 'birds-flow' has no run 'y'" in done.err) == (1, True)


def test_what_has_no_result_says_why(broken: Folder, aws: Cloud, typed: Type) -> None:
    typed("invoke", "--run-id", "x")
    for words, message in (
        ([], "run 'x' has no result: run 'x' failed. See what it did with: lokki-cli show FLOW --run x"),
        (["join"], "step 'join' has no result: run 'x' failed."),
        (["flap", "1"], "step 'flap', item 1 has no result: run 'x' failed."),
    ):
        done = typed("result", "x", *words)
        assert (done.code, done.out) == (1, "")
        assert message in done.err
    aws.kills = {"get_birds": ["Lambda.Unknown"]}
    typed("invoke", "--run-id", "y")
    assert "step 'flap' has no result: run 'y' failed." in typed("result", "y", "flap", "0").err
    aws.states.reveal = 1
    typed("invoke", "--run-id", "z")
    assert "run 'z' is still running." in typed("result", "z").err


def test_logs(birds: Folder, typed: Type) -> None:
    typed("invoke", "--run-id", "x", "--limit", "1")
    typed("invoke", "--run-id", "y", "--limit", "2")
    done = typed("logs")
    assert (done.code, done.err) == (0, "")
    assert re.search(r"^\d\d:\d\d:\d\d\.\d{3} get_birds  looking$", done.out, re.MULTILINE)
    assert done.out.count("flapping") == 3
    assert "START RequestId" not in done.out
    assert "START RequestId" in typed("logs", "--platform").out
    assert typed("logs", "--run", "x").out.count("flapping") == 1
    assert typed("logs", "--run", "x", "--step", "join").out.count("\n") == 1
    lines = [json.loads(line) for line in typed("logs", "--run", "y", "--step", "flap", "--json").out.splitlines()]
    assert [line["message"] for line in lines if "data" not in line] == ["flapping goose", "flapping duck"]
    assert {line["step"] for line in lines} == {"flap"}
    assert {line["data"]["run_id"] for line in lines if "data" in line} == {"y"}
    done = typed("logs", "--start", "2h", "--end", "1h")
    assert (done.code, done.out) == (0, "")
    assert re.fullmatch(r"There are no lines since [\d-]+ [\d:]+\. Look further back: --start 1d\n", done.err)
    assert typed("logs", "--run", "x", "--tail").out.count("flapping") == 1


def test_what_logs_are_not_asked_for(birds: Folder, typed: Type) -> None:
    for words, message in (
        (["--start", "soon"], "--start 'soon': this is no moment."),
        (["--tail", "--end", "1h"], "--tail goes on with what comes; it has no --end."),
        (["--step", "nope"], "--step nope: the flow has no such step. It has: get_birds, flap, join."),
    ):
        done = typed("logs", *words)
        assert (done.code, done.out) == (2, "")
        assert message in done.err
    assert typed("logs", "--run", "nope").code == 1


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("spelling", ["script", "lokki-cli"])
def test_help_has_examples(here: Folder, command: str, spelling: str) -> None:
    here.write(BIRDS)
    done = here.spelled(spelling, command, "birds_flow.py", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Examples:" in done.stdout
    assert f"python birds_flow.py {command}" in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
