"""What people do with a deployed flow: start it, watch it, look at it, read its logs, mend it and go on."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from e2e_support.project import MakeProject
from e2e_support.stacks import DeployedStack
from e2e_support.values import RunLocally


@pytest.fixture(scope="module")
def strict(project: MakeProject) -> Iterator[DeployedStack]:
    """The flow whose map tolerates nothing."""
    stack = DeployedStack.make(project("strict_flow"))
    yield stack
    stack.remove()


@pytest.fixture(scope="module")
def birds(project: MakeProject) -> Iterator[DeployedStack]:
    """The birds."""
    stack = DeployedStack.make(project("birds_flow"))
    yield stack
    stack.remove()


def test_invoke_and_wait_prints_what_run_prints(birds: DeployedStack) -> None:
    told = birds.project.run("invoke", "--wait", "--run-id", "first")
    assert told.out == birds.project.run("run").out
    assert "flap_bird" in told.err


def test_every_step_of_a_run_by_show_and_result(birds: DeployedStack, run_locally: RunLocally) -> None:
    birds.project.run("invoke", "--wait", "--run-id", "seen")
    local = run_locally(birds.project.flow)
    shown = birds.project.json("show", "--run", "seen")
    assert shown["status"] == "succeeded"
    steps = [(step["step"], step["status"]) for step in shown["steps"]]
    assert list(dict.fromkeys(name for name, _ in steps)) == ["get_birds", "flap_bird", "join_birds"]
    assert {status for _, status in steps} <= {"succeeded", "each item"}
    assert birds.project.json("result", "seen") == local.result
    assert birds.project.json("result", "seen", "flap_bird") == [item.output for item in local["flap_bird"]]
    assert birds.project.json("result", "seen", "flap_bird", "1") == local["flap_bird"][1].output
    assert "seen" in [run["run_id"] for run in birds.project.json("show")]


def test_the_same_from_python(birds: DeployedStack) -> None:
    """`lokki.Run`, in a process that knows only the folder's lokki.toml."""
    birds.project.run("invoke", "--wait", "--run-id", "read")
    script = birds.project.folder / "read.py"
    script.write_text(
        "from lokki import Run\n"
        'run = Run("birds-flow", "read", deployed=True)\n'
        'print(run.status, run.steps, run["flap_bird"][2].output, run["flap_bird"][2].input, run.result, sep="|")\n',
        encoding="utf-8",
    )
    done = birds.project.python("read.py").out.strip().split("|")
    assert done == [
        "succeeded",
        "['get_birds', 'flap_bird', 'join_birds']",
        "flappy seagul",
        "seagul",
        "flappy goose, flappy duck, flappy seagul",
    ]


def test_logs_of_a_run_are_its_own_and_in_order(birds: DeployedStack) -> None:
    for run in ("one", "two"):
        birds.project.run("invoke", "--wait", "--run-id", run)
    lines = [json.loads(line) for line in birds.project.run("logs", "--run", "two", "--json").out.splitlines()]
    assert {line["data"]["run_id"] for line in lines if "data" in line} == {"two"}
    assert {line["step"] for line in lines} == {"get_birds", "flap_bird", "join_birds"}
    times = [line["at"] for line in lines]
    assert times == sorted(times)
    one = birds.project.run("logs", "--run", "two", "--step", "flap_bird", "--json").out.splitlines()
    assert len(one) < len(lines)


def test_a_failed_run_is_told_mended_and_resumed(strict: DeployedStack) -> None:
    """The author's traceback; after a deployment of mended code only what had not succeeded runs again."""
    project = strict.project
    failed = project.run("invoke", "--wait", "--run-id", "broken", "--bad", "3", "--count", "5", code=1)
    assert failed.out == ""
    for text in ("ValueError", "number 3 is bad", "strict_flow.py", "check"):
        assert text in failed.err
    shown = project.run("show", "--run", "broken").out
    assert "failed" in shown
    assert "number 3 is bad" in shown

    text = project.file.read_text(encoding="utf-8")
    project.file.write_text(text.replace("if number == bad:", "if number == bad > 3:"), encoding="utf-8")
    project.run("deploy", "--confirm")
    resumed = project.run("resume", "broken", "--wait")
    assert resumed.out.strip() == "5"
    states = strict.aws.client("stepfunctions")
    executions = states.list_executions(stateMachineArn=strict.machine_arn)["executions"]
    assert [one["status"] for one in executions].count("SUCCEEDED") == 1
    assert project.json("show", "--run", "broken")["status"] == "succeeded"
    written = strict.store.read_manifest(strict.store.manifest_url(strict.name, "broken", "numbers"))
    assert len(written) == 5


def test_parameters_are_refused_before_anything_is_started(strict: DeployedStack) -> None:
    states = strict.aws.client("stepfunctions")

    def count() -> int:
        return len(states.list_executions(stateMachineArn=strict.machine_arn)["executions"])

    before = count()
    assert "count" in strict.project.run("invoke", "--count", "many", code=2).err
    assert "nonsense" in strict.project.run("invoke", "--nonsense", "1", code=2).err
    assert count() == before


def test_what_is_not_there_is_told_without_a_traceback(birds: DeployedStack) -> None:
    for words in (("show", "--run", "nowhere"), ("result", "nowhere"), ("logs", "--run", "nowhere")):
        told = birds.project.run(*words, code=1).err
        assert "nowhere" in told
        assert "Traceback" not in told
