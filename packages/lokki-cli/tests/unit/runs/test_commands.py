"""`invoke`, `resume`, `show`, `logs`, `result`, as they are typed, against an AWS over HTTP."""

from __future__ import annotations

import json
import pickle
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lokki.boundary import INTERRUPTED
from lokki.clock import SYSTEM_CLOCK
from lokki.store import codec
from lokki_cli import app

from ..conftest import SPELLINGS, Folder, program
from .deployed import BUCKET, Cloud
from .flows import BIRDS, NESTED

COMMANDS = ("invoke", "resume", "show", "logs", "result", "graph")

FAILURE = "flow 'birds-flow', step 'flap', item 1: failed after 1 attempt: ValueError: a BAD does not flap"

RESULT = "flappy goose, flappy duck, flappy seagull\n"


@dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its output as JSON."""
        return json.loads(self.out)


Type = Callable[..., Done]


@pytest.fixture
def typed(here: Folder, aws: Cloud, in_aws: None, capsys: pytest.CaptureFixture[str]) -> Type:
    """Types a command of lokki-cli in this process, the flow file after the command."""

    def run(command: str, *words: str, file: str = "birds_flow.py") -> Done:
        capsys.readouterr()
        code = app.invoke([command, file, *words], "lokki-cli", None)
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def birds(here: Folder, aws: Cloud) -> Folder:
    """The birds, deployed."""
    here.write(BIRDS)
    aws.deploy(here.path, "birds_flow.py", "birds_flow")
    return here


@pytest.fixture
def broken(here: Folder, aws: Cloud) -> Folder:
    """The birds, deployed, one of which does not flap."""
    here.write(BIRDS.replace('"duck"', '"BAD"'))
    aws.deploy(here.path, "birds_flow.py", "birds_flow")
    return here


# invoke


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_run_in_every_spelling(birds: Folder, aws: Cloud, spelling: str) -> None:
    words = ("--wait", "--limit", "2", "--run-id", spelling, "--endpoint", aws.url)
    birds.write(f"[aws]\nartifact_bucket = '{BUCKET}'\n", "lokki.toml")
    done = birds.spelled(spelling, "invoke", "birds_flow.py", *words)
    assert (done.returncode, done.stdout) == (0, "flappy goose, flappy duck\n"), done.stderr
    assert f"Run '{spelling}' of flow 'birds-flow' started." in done.stderr
    assert "[INFO] Step 'get_birds' completed in" in done.stderr
    assert "[INFO] Step 'flap' completed in" in done.stderr
    assert "(2 items)" in done.stderr


def test_the_run_id_is_what_is_printed(birds: Folder, typed: Type) -> None:
    done = typed("invoke")
    assert done.code == 0
    assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{6}\n", done.out)
    assert f"Watch it: lokki-cli show birds_flow.py --run {done.out.strip()} --wait" in done.err
    done = typed("invoke", "--run-id", "x", "--json")
    assert done.json["run_id"] == "x"
    assert done.json["execution_arn"].endswith(":execution:birds-flow:x")


def test_invoke_and_wait_for_json(birds: Folder, typed: Type) -> None:
    done = typed("invoke", "--wait", "--json", "--run-id", "x", "--param", "limit=1")
    assert (done.json["status"], done.json["result"]) == ("succeeded", "flappy goose")


def test_parameters_are_checked_before_anything_starts(birds: Folder, aws: Cloud, typed: Type) -> None:
    for words, message in (
        (["--limit", "x"], "parameter 'limit': 'x' is not int."),
        (["--limt", "3"], "there is no parameter 'limt'. Did you mean 'limit'?"),
        (["--params", "no.json"], "--params no.json"),
        (["--suffix", "x" * 17_000], "the parameters take 17,"),
    ):
        done = typed("invoke", *words)
        assert (done.code, done.out) == (2, ""), done
        assert message in done.err
    assert "StartExecution" not in aws.seen


def test_only_given_parameters_are_sent(birds: Folder, aws: Cloud, typed: Type) -> None:
    typed("invoke", "--run-id", "a", "--suffix", "é")
    typed("invoke", "--run-id", "b")
    given = {run.name: run.given for run in aws.states.runs.values() if not run.map_run}
    assert given == {"a": {"suffix": "é"}, "b": {}}


def test_a_failed_run_is_told_as_a_local_one(broken: Folder, typed: Type) -> None:
    done = typed("invoke", "--wait", "--run-id", "x")
    assert (done.code, done.out) == (1, "")
    assert (
        "error: flow 'birds-flow', step 'flap', item 1: failed after 1 attempt: ValueError: a BAD does not flap"
        in done.err
    )
    assert re.search(r"Traceback .*\n  File .*birds_flow.py\", line \d+, in flap\n", done.err)
    assert "\nValueError: a BAD does not flap\n" in done.err
    assert "lokki_runtime" not in done.err
    assert done.err.endswith("Go on with: lokki-cli resume birds_flow.py x\n")
    assert "[ERROR] Step 'flap' failed after" in done.err
    done = typed("invoke", "--wait", "--json", "--run-id", "y")
    assert done.code == 1
    assert (done.json["status"], done.json["error"]["node"], done.json["error"]["index"]) == ("failed", "flap", 1)


def test_nothing_is_started_whose_result_could_not_be_read(
    birds: Folder, aws: Cloud, typed: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LOKKI_ARTIFACT_BUCKET")
    done = typed("invoke", "--wait")
    assert done.code == 2
    assert "aws.artifact_bucket: no bucket is set." in done.err
    assert aws.seen == []
    assert typed("invoke").code == 0


def test_a_name_that_is_taken(birds: Folder, typed: Type) -> None:
    typed("invoke", "--run-id", "x")
    done = typed("invoke", "--run-id", "x")
    assert done.code == 1
    assert "flow 'birds-flow' has a run 'x' already. Choose another --run-id" in done.err


def test_a_flow_that_is_not_deployed(here: Folder, typed: Type) -> None:
    here.write(BIRDS)
    for command, *words in (["invoke"], ["show"], ["logs"]):
        done = typed(command, *words)
        assert done.code == 1
        assert re.search(r"state machine 'birds-flow': there is none in us-east-1.*Deploy the flow first", done.err), (
            done
        )


def test_ctrl_c_only_ends_the_waiting(birds: Folder, aws: Cloud) -> None:
    birds.write(f"[aws]\nartifact_bucket = '{BUCKET}'\nendpoint = '{aws.url}'\n", "lokki.toml")
    aws.states.reveal = 0
    words = ["invoke", "birds_flow.py", "--wait", "--run-id", "x", "--region", "us-east-1"]
    with subprocess.Popen(
        [program("lokki-cli"), *words], cwd=birds.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while "GetExecutionHistory" not in aws.seen:
            SYSTEM_CLOCK.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (INTERRUPTED, "")
    assert "No longer watching; run 'x' goes on." in err
    assert "Watch it again: lokki-cli show birds_flow.py --run x --wait --region us-east-1" in err


def test_json_lines_while_waiting(birds: Folder, typed: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    birds.write("[logging]\nformat = 'json'\n", "lokki.toml")
    done = typed("invoke", "--wait")
    lines = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    assert [line["event"] for line in lines if line["event"].startswith("run_")] == ["run_success"]
    assert done.out == RESULT


def test_an_environment(birds: Folder, aws: Cloud, typed: Type) -> None:
    aws.deploy(birds.path, "birds_flow.py", "birds_flow", "birds-flow-dev")
    done = typed("invoke", "--env", "dev", "--run-id", "x")
    assert "Run 'x' of flow 'birds-flow-dev' started." in done.err
    assert "--run x --wait --env dev" in done.err
    assert typed("result", "x", "--env", "dev").out == RESULT
    assert typed("result", "x").code == 1


# resume


def test_mend_a_step_and_resume(broken: Folder, aws: Cloud, typed: Type) -> None:
    assert typed("invoke", "--wait", "--run-id", "x").code == 1
    for cached in (broken.path / "__pycache__").glob("*"):
        cached.unlink()
    broken.write(BIRDS.replace('"duck"', '"BAD"').replace("raise ValueError(", "return ("))
    aws.deploy(broken.path, "birds_flow.py", "birds_flow")
    done = typed("resume", "x", "--wait")
    assert (done.code, done.out) == (0, "flappy goose, a BAD does not flap, flappy seagull\n")
    assert "Step 'get_birds' skipped" in done.err
    done = typed("resume", "x")
    assert (done.code, done.out) == (2, "")
    assert "run 'x' has succeeded; there is nothing left to do." in done.err


def test_resume_says_what_it_started(broken: Folder, typed: Type) -> None:
    typed("invoke", "--run-id", "x")
    done = typed("resume", "x", "--json")
    assert done.json["execution_arn"].endswith(":x-resume-1")
    assert "has no run 'nope'" in typed("resume", "nope").err
    assert typed("resume", "a b").code == 2


# show


def test_recent_runs(broken: Folder, typed: Type) -> None:
    assert typed("show").err == "Flow 'birds-flow' has no runs.\n"
    typed("invoke", "--run-id", "good", "--limit", "1")
    typed("invoke", "--run-id", "bad")
    typed("resume", "bad")
    lines = typed("show").out.splitlines()
    assert lines[0].split() == ["RUN", "STATUS", "STARTED", "TOOK", "RESUMED"]
    assert [line.split()[:2] for line in lines[1:]] == [["bad", "failed"], ["good", "succeeded"]]
    assert lines[1].endswith("once")
    assert len(typed("show", "--n", "1").out.splitlines()) == 2
    found = typed("show", "--json").json
    assert [(run["run_id"], run["status"], run["resumed"]) for run in found] == [
        ("bad", "failed", 1),
        ("good", "succeeded", 0),
    ]
    assert found[0]["duration_s"] >= 0
    assert typed("show", "--n", "0").code == 2


def test_one_run(broken: Folder, typed: Type) -> None:
    typed("invoke", "--run-id", "x", "--suffix", "s")
    done = typed("show", "--run", "x")
    assert done.code == 0
    lines = [line.split() for line in done.out.splitlines() if line]
    assert lines[0] == ["birds-flow", "x", "failed"]
    assert done.out.splitlines()[2] == "with suffix='s'"
    table = [line[:4] for line in lines[3:8]]
    assert table[0] == ["STEP", "STATUS", "TOOK", "ITEMS"]
    assert table[1][:3] == ["✓", "get_birds", "succeeded"]
    assert table[2][:4] == ["✗", "flap", "(map)", "failed"]
    assert lines[5][-6:] == ["1", "of", "3,", "1", "failed"][-5:] or lines[5][-5:] == ["1", "of", "3,", "1", "failed"]
    assert table[4][:4] == ["·", "join", "not", "reached"]
    assert (
        "error: flow 'birds-flow', step 'flap', item 1: failed after 1 attempt: ValueError: a BAD does not flap"
        in done.out
    )
    assert "Traceback" in done.out
    assert done.err == "Go on with: lokki-cli resume birds_flow.py x\n"
    found = typed("show", "--run", "x", "--json").json
    assert (found["status"], found["params"], found["flow"]) == ("failed", {"suffix": "s"}, "birds-flow")
    assert [step["step"] for step in found["steps"]] == ["get_birds", "flap", "flap", "join"]
    assert found["steps"][1]["map"] == {"done": 1, "failed": 1, "total": 3}
    assert found["failure"]["error_type"] == "ValueError"
    assert found["failure"]["path"] == [1]


def test_a_resumed_run_that_succeeded(broken: Folder, aws: Cloud, typed: Type) -> None:
    aws.kills = {"get_birds": ["Lambda.Unknown"]}
    typed("invoke", "--run-id", "x", "--limit", "1")
    assert typed("resume", "x", "--wait").out == "flappy goose\n"
    done = typed("show", "--run", "x")
    assert "resumed once" in done.out
    assert "error" not in done.out
    assert "1 of 1" in done.out


def test_show_and_wait(birds: Folder, typed: Type) -> None:
    typed("invoke", "--run-id", "x")
    done = typed("show", "--run", "x", "--wait")
    assert (done.code, done.out) == (0, RESULT)


def test_a_running_run(birds: Folder, aws: Cloud, typed: Type) -> None:
    typed("invoke", "--run-id", "x")
    aws.states.reveal = 9
    found = typed("show", "--run", "x", "--json").json
    assert found["status"] == "running"
    assert found["steps"][-1]["status"] == "waiting"
    assert "●" in typed("show", "--run", "x").out


def test_runs_on_this_machine(broken: Folder, aws: Cloud, typed: Type) -> None:
    done = typed("show", "--local")
    assert (done.code, done.err) == (0, "Flow 'birds-flow' has no runs.\n")
    broken.start(sys.executable, "birds_flow.py", "run", "--run-id", "good", "--limit", "1")
    broken.start(sys.executable, "birds_flow.py", "run", "--run-id", "bad")
    lines = typed("show", "--local").out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["bad", "failed"], ["good", "succeeded"]]
    done = typed("show", "--local", "--run", "bad")
    assert "✓" in done.out
    assert "ValueError: a BAD does not flap" in done.out
    found = typed("show", "--local", "--run", "good", "--json").json
    assert [step["status"] for step in found["steps"]] == ["succeeded", "succeeded", "each item", "succeeded"]
    assert found["steps"][1]["map"] == {"done": 1, "failed": 0, "total": 1}
    assert typed("show", "--local", "--run", "nope").code == 1
    assert aws.seen == []


def test_nested_runs_on_this_machine(here: Folder, typed: Type) -> None:
    here.write(NESTED, "nested.py")
    here.start(sys.executable, "nested.py", "run", "--run-id", "x")
    found = typed("show", "--local", "--run", "x", "--json", file="nested.py:nested_flow").json
    assert found["steps"][1]["status"] == "succeeded"
    here.write(NESTED.replace('print("reporting")', "raise OSError('no disk')"), "nested.py")
    here.start(sys.executable, "nested.py", "run", "--run-id", "y")
    done = typed("show", "--local", "--run", "y", file="nested.py:nested_flow")
    assert "OSError: no disk" in done.out
    here.write(NESTED.replace("return [Page", "raise OSError('no page')\n        return [Page"), "nested.py")
    here.start(sys.executable, "nested.py", "run", "--run-id", "z")
    found = typed("show", "--local", "--run", "z", "--json", file="nested.py:nested_flow").json
    assert found["failure"]["node"] == "pages"
    assert {step["status"] for step in found["steps"]} == {"failed", "not reached", "each item"}


# result


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


# logs


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
    assert typed("logs", "--start", "2h", "--end", "1h").out == ""
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
