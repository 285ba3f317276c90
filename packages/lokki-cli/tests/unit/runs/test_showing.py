"""`show`, as it is typed, against an AWS over HTTP."""

from __future__ import annotations

import sys

from ..conftest import Folder
from .conftest import Type
from .deployed import Cloud
from .flows import NESTED, RESULT


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
    assert lines[5][-5:] == ["1", "of", "3,", "1", "failed"]
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
    assert "Traceback (most recent call last):" in done.out
    assert "birds_flow.py" in done.out
    assert done.err.endswith("--resume bad\n")
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
