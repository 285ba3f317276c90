"""`invoke` and `resume`, as they are typed, against an AWS over HTTP."""

from __future__ import annotations

import json
import re
import signal
import subprocess

import pytest
from lokki.boundary import INTERRUPTED
from lokki.clock import SYSTEM_CLOCK

from ..conftest import SPELLINGS, Folder, program
from .conftest import Type
from .deployed import BUCKET, Cloud
from .flows import BIRDS, RESULT
from .reading import rewrite


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


def test_what_ends_the_waiting_does_not_end_the_run(birds: Folder, aws: Cloud, typed: Type) -> None:
    aws.refuse("GetExecutionHistory", "AccessDeniedException", "not authorized to perform: states:GetExecutionHistory")
    done = typed("invoke", "--wait", "--run-id", "x")
    assert (done.code, done.out) == (1, "")
    assert "these credentials may not do states:GetExecutionHistory" in done.err
    assert "Run 'x' goes on; watch it again: lokki-cli show birds_flow.py --run x --wait" in done.err


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


def test_mend_a_step_and_resume(broken: Folder, aws: Cloud, typed: Type) -> None:
    assert typed("invoke", "--wait", "--run-id", "x").code == 1
    rewrite(broken, BIRDS.replace('"duck"', '"BAD"').replace("raise ValueError(", "return ("))
    aws.deploy(broken.path, "birds_flow.py", "birds_flow")
    done = typed("resume", "x", "--wait")
    assert (done.code, done.out) == (0, "flappy goose, a BAD does not flap, flappy seagull\n")
    assert "Run 'x' of flow 'birds-flow' resumed." in done.err
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
