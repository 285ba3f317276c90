"""The pure parts of what the emulator gets added; they need no engine."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from e2e_support.places import ROOT
from emulator.batch.plan import Ending, Job, RefusedError, check_definition, definition_name, find_definition
from emulator.casing import camel, pascal
from emulator.states.strict import problem
from emulator.states.tally import Tally
from emulator.states.writer import result_files
from hypothesis import given
from hypothesis import strategies as st

# Jobs

LOST = Ending(None, "Host EC2 (instance i-1) terminated.")
FAILED = Ending(1)


def definition(**more: Any) -> dict[str, Any]:
    """What the template's job definitions are once they are registered."""
    return {
        "jobDefinitionName": "birds-flap",
        "retryStrategy": {
            "attempts": 3,
            "evaluateOnExit": [{"onStatusReason": "Host EC2*", "action": "RETRY"}, {"onReason": "*", "action": "EXIT"}],
        },
        "timeout": {"attemptDurationSeconds": 600},
        "containerProperties": {
            "image": "birds:1",
            "command": ["python"],
            "jobRoleArn": "arn:role",
            "resourceRequirements": [{"type": "VCPU", "value": "0.25"}, {"type": "MEMORY", "value": "512"}],
            "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "logConfiguration": {"options": {"awslogs-group": "/aws/batch/birds", "awslogs-stream-prefix": "flap"}},
        },
        **more,
    }


def test_a_job_is_its_definition() -> None:
    job = Job.of(definition(), {"jobName": "x"})
    assert (job.image, job.command, job.role, job.vcpu, job.memory_mb) == (
        "birds:1",
        ("python",),
        "arn:role",
        0.25,
        512,
    )
    assert (job.timeout_s, job.attempts, job.log_group, job.log_prefix) == (600, 3, "/aws/batch/birds", "flap")
    assert job.environment == {"A": "1", "B": "2"}


def test_what_it_was_submitted_with_counts_more() -> None:
    overrides = {
        "command": ["sh"],
        "environment": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}],
        "resourceRequirements": [{"type": "MEMORY", "value": "1024"}],
    }
    submission = {
        "containerOverrides": overrides,
        "retryStrategy": {"attempts": 1},
        "timeout": {"attemptDurationSeconds": 60},
    }
    job = Job.of(definition(), submission)
    assert (job.command, job.memory_mb, job.vcpu, job.attempts, job.timeout_s) == (("sh",), 1024, 0.25, 1, 60)
    assert job.environment == {"A": "1", "B": "3", "C": "4"}


@pytest.mark.parametrize(
    ("value", "said"), [(5, "not a text"), ("x" * 8192, "8192, not 8195"), ({"resume": 1}, "not a text")]
)
def test_overrides_that_batch_refuses(value: Any, said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        Job.of(definition(), {"containerOverrides": {"environment": [{"name": "BIG", "value": value}]}})


@pytest.mark.parametrize(
    ("ending", "attempt", "repeats"),
    [(LOST, 1, True), (LOST, 2, True), (LOST, 3, False), (FAILED, 1, False), (Ending(0), 1, False)],
)
def test_which_attempts_are_repeated(ending: Ending, attempt: int, repeats: bool) -> None:
    assert Job.of(definition(), {}).repeats(attempt, ending) is repeats


def test_without_rules_every_failure_is_repeated() -> None:
    job = Job.of(definition(retryStrategy={"attempts": 2}), {})
    assert [job.repeats(attempt, FAILED) for attempt in (1, 2)] == [True, False]


def test_an_exit_code_of_zero_beside_a_reason_is_a_failure() -> None:
    assert not Ending(0, "OutOfMemoryError").ok


@pytest.mark.parametrize("field", ["image", "resourceRequirements"])
def test_a_definition_without_what_it_needs(field: str) -> None:
    broken = definition()
    del broken["containerProperties"][field]
    check_definition(definition())
    with pytest.raises(RefusedError, match=field):
        check_definition(broken)


def test_a_definition_whose_time_is_too_short() -> None:
    with pytest.raises(RefusedError, match="less than 60"):
        check_definition(definition(timeout={"attemptDurationSeconds": 59}))


@pytest.mark.parametrize(
    ("reference", "revision"),
    [("birds", 2), ("birds:1", 1), ("arn:aws:batch:r:1:job-definition/birds:2", 2), ("birds:3", None)],
)
def test_a_definition_by_its_name(reference: str, revision: int | None) -> None:
    found = find_definition([{"revision": 1}, {"revision": 2}], reference)
    assert (found and found["revision"]) == revision
    assert definition_name(reference) == "birds"


# Names of fields


def test_casing_leaves_the_users_own_keys() -> None:
    as_batch = {"jobName": "x", "list": [{"aB": 1}], "tags": {"cD": "e"}, "parameters": {"f": 1}}
    as_states = {"JobName": "x", "List": [{"AB": 1}], "Tags": {"cD": "e"}, "Parameters": {"f": 1}}
    assert pascal(as_batch) == as_states
    assert camel(as_states) == as_batch


# Maps

TOLD = st.sampled_from(["succeeded", "failed"])


@given(st.lists(TOLD), st.one_of(st.none(), st.floats(0, 100)), st.one_of(st.none(), st.integers(0, 5)))
def test_a_tally_counts_every_child_once(outcomes: list[str], percentage: float | None, count: int | None) -> None:
    tally = Tally(len(outcomes), percentage, count)
    for outcome in outcomes:
        if tally.begin():
            tally.end(outcome)
    told = tally.document()
    assert told["succeeded"] + told["failed"] + told["aborted"] == told["total"] == len(outcomes)
    assert told["pending"] == told["running"] == 0
    assert (told["aborted"] > 0) <= tally.exceeded


@pytest.mark.parametrize(
    ("percentage", "count", "fatal"),
    [(None, None, 1), (0.0, None, 1), (25.0, None, 3), (100.0, None, 9), (None, 2, 3), (50.0, 1, 2), (1.0, 5, 1)],
)
def test_the_failure_that_is_one_too_many(percentage: float | None, count: int | None, fatal: int) -> None:
    tally = Tally(8, percentage, count)
    for number in range(1, 9):
        assert tally.exceeded is (number > fatal)
        if tally.begin():
            tally.end("failed")


def child(status: str, **more: Any) -> dict[str, Any]:
    names = ("executionArn", "input", "name", "startDate", "stateMachineArn", "stopDate")
    return {**dict.fromkeys(names, "?"), "status": status, **more}


def test_what_a_result_writer_stores() -> None:
    children = [child("SUCCEEDED", output='"0"'), child("FAILED", error="E", cause="c"), child("SUCCEEDED", output="1")]
    files = result_files(children, "runs/1", "bucket", "arn:run")
    assert list(files) == ["runs/1/SUCCEEDED_0.json", "runs/1/FAILED_0.json", "runs/1/manifest.json"]
    manifest = json.loads(files["runs/1/manifest.json"])
    assert (manifest["DestinationBucket"], manifest["MapRunArn"]) == ("bucket", "arn:run")
    sizes = {status: [len(files[file["Key"]]) for file in named] for status, named in manifest["ResultFiles"].items()}
    told = {status: [file["Size"] for file in named] for status, named in manifest["ResultFiles"].items()}
    assert sizes == told
    assert told["PENDING"] == []
    assert [one["Output"] for one in json.loads(files["runs/1/SUCCEEDED_0.json"])] == ['"0"', "1"]
    assert [(one["Error"], one["Cause"]) for one in json.loads(files["runs/1/FAILED_0.json"])] == [("E", "c")]


def test_a_result_writer_without_results_stores_its_manifest() -> None:
    assert list(result_files([], "p", "b", "m")) == ["p/manifest.json"]


# Definitions

GOLDEN = sorted((ROOT / "packages" / "lokki-builder" / "tests" / "golden" / "asl").glob("*.json"))
FILLED = {
    "${LambdaInvoke}": "arn:aws:states:::lambda:invoke",
    "${BatchSubmitJob}": "arn:aws:states:::batch:submitJob.sync",
    "${Partition}": "aws",
}

Definition = dict[str, Any]


def read(name: str) -> Definition:
    """A definition as the template fills it in."""
    text = next(path for path in GOLDEN if path.stem == name).read_text(encoding="utf-8")
    for variable, value in FILLED.items():
        text = text.replace(variable, value)
    found: Definition = json.loads(text)
    return found


@pytest.mark.parametrize("name", [path.stem for path in GOLDEN])
def test_every_generated_definition_is_taken(name: str) -> None:
    assert problem(read(name)) is None


def item_map(definition: Definition) -> Any:
    return next(state for state in definition["States"].values() if state["Type"] == "Map")


FAULTS: dict[str, Callable[[Definition], object]] = {
    "TimeoutSeconds": lambda it: it.update(TimeoutSeconds=5),
    "QueryLanguage": lambda it: it.update(QueryLanguage="JSONata"),
    "StartAt": lambda it: it.update(StartAt="Nowhere"),
    "Parallel": lambda it: it["States"]["GetBirds"].update(Type="Parallel"),
    "Assign": lambda it: it["States"]["GetBirds"].update(Assign={}),
    "'Nowhere' is no state": lambda it: it["States"]["GetBirds"].update(Next="Nowhere"),
    "either Next or End": lambda it: it["States"]["GetBirds"].update(End=True),
    "MaxDelay": lambda it: it["States"]["GetBirds"]["Retry"][0].update(MaxDelay=5),
    "States.ALL": lambda it: it["States"]["GetBirds"]["Retry"].insert(0, {"ErrorEquals": ["States.ALL"]}),
    "nothing is no error": lambda it: it["States"]["GetBirds"]["Retry"].append({"ErrorEquals": []}),
    "FunctionName": lambda it: it["States"]["GetBirds"]["Parameters"].pop("FunctionName"),
    "lambda:invoke.sync": lambda it: it["States"]["GetBirds"].update(Resource="arn:aws:states:::lambda:invoke.sync"),
    "distributed maps": lambda it: item_map(it)["ItemProcessor"]["ProcessorConfig"].update(Mode="INLINE"),
    "ItemBatcher": lambda it: item_map(it).update(ItemBatcher={}),
    "only items of an ItemReader": lambda it: item_map(it).pop("ItemReader"),
    "s3:getObject": lambda it: item_map(it)["ItemReader"].update(Resource="arn:aws:states:::s3:listObjectsV2"),
    "'Bucket', 'Key'": lambda it: item_map(it)["ItemReader"]["Parameters"].update(Prefix="x"),
    "'Bucket', 'Prefix'": lambda it: item_map(it)["ResultWriter"]["Parameters"].pop("Bucket"),
    "JSONL": lambda it: item_map(it)["ItemReader"].update(ReaderConfig={"InputType": "JSONL"}),
    "FlapBird: Foo": lambda it: item_map(it)["ItemProcessor"]["States"]["FlapBird"].update(Foo=1),
}


@pytest.mark.parametrize("said", list(FAULTS))
def test_what_would_be_passed_over_in_silence(said: str) -> None:
    definition = copy.deepcopy(read("birds"))
    FAULTS[said](definition)
    assert said in (problem(definition) or "")


def test_fields_of_a_job_that_step_functions_does_not_know() -> None:
    definition = read("batch")
    task = next(state for state in definition["States"].values() if "submitJob" in str(state.get("Resource")))
    task["Parameters"]["jobName"] = "x"
    assert "jobName" in (problem(definition) or "")
