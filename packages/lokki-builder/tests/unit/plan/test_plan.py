"""A plan as a whole: its files, what it says, and that everything wrong is said at once."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from lokki.decorators import step
from lokki_builder.errors import TemplateError
from lokki_builder.image.digest import digest
from lokki_builder.manifest import files_of
from lokki_builder.plan import BuildPlan, plan_build
from lokki_builder.request import BuildRequest, Dependencies

from ..cfn.flows import batch_flow, line_flow, nested_flow, open_flow, plain_flow, request
from ..cfn.variants import TOPIC

QUEUE: dict[str, object] = {"batch.job_queue": "work"}


def manifest(plan: BuildPlan) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(plan.files["manifest.json"])
    return found


def test_what_is_written() -> None:
    assert sorted(plan_build(request(plain_flow)).files) == [
        "lambdas/Dockerfile",
        "lambdas/flow/some_flow.py",
        "lambdas/lokki-flow.json",
        "manifest.json",
        "sam.yaml",
        "statemachine.json",
        "template.yaml",
    ]
    zipped = plan_build(request(plain_flow, {"lambda.package_type": "zip"}))
    assert [path for path in zipped.files if path.startswith("lambdas/")] == ["lambdas/function.zip"]
    assert "batch/job-definitions.json" in plan_build(request(batch_flow, QUEUE)).files


def test_the_definition_in_the_template_is_the_one_beside_it() -> None:
    plan = plan_build(request(nested_flow))
    text = plan.files["template.yaml"].decode()
    definition = text.partition("DefinitionString: |\n")[2].partition("      DefinitionSubstitutions:")[0]
    assert yaml.safe_load(definition) == json.loads(plan.files["statemachine.json"])


def test_the_manifest_says_what_was_built_from_what() -> None:
    plan = plan_build(request(plain_flow, dependencies=Dependencies("lock", "numpy==1\n")))
    said = manifest(plan)
    assert said["versions"] == {"lokki-builder": "0.1.0", "lokki-core": "0.1.0", "lokki-runtime": "0.1.0"}
    assert said["code"]["hash"] == plan.image_tag
    assert said["dependencies"] == {"source": "lock", "sha256": digest(b"numpy==1\n")}
    assert said["files"] == {
        path: digest(content) for path, content in sorted(plan.files.items()) if path != "manifest.json"
    }
    assert said["limits"]["template"]["found"] == len(plan.files["template.yaml"])
    assert files_of(plan.files["manifest.json"]) == [*said["files"], "manifest.json"]


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"format": "other", "files": {}}', b"\xff"])
def test_other_files_are_no_manifest(text: bytes) -> None:
    assert files_of(text) is None


def test_what_a_deployment_needs_to_know() -> None:
    values = {"aws.environment": "dev", "aws.image_repository": "some.registry/flows", "aws.artifact_bucket": "data"}
    plan = plan_build(request(line_flow, values))
    assert plan.stack_name == "line-flow-dev"
    assert plan.image == f"some.registry/flows:{plan.image_tag}"
    assert plan.zip_key == ""
    assert plan.platform == "linux/amd64"
    assert plan.parameters == {
        "FlowName": "line-flow-dev",
        "S3Bucket": "data",
        "ImageRepository": "some.registry/flows",
        "ImageTag": plan.image_tag,
    }
    zipped = plan_build(request(line_flow, {"lambda.package_type": "zip", "aws.environment": "dev"}))
    assert zipped.zip_key.startswith("line-flow-dev/artifacts/lambdas/")
    assert (zipped.image, zipped.image_tag) == ("", "")


def test_the_summary() -> None:
    plan = plan_build(request(nested_flow, dependencies=Dependencies("lock", "numpy==1\n")))
    text = "\n".join(plan.summary)
    assert plan.summary[0] == "flow nested-flow"
    assert f"image nested-flow:{plan.image_tag} (Python 3.12, linux/amd64)" in text
    assert "dependencies       uv.lock" in text
    assert "map fetch: 100 at once (default, well below" in text
    assert "map parse: 10 at once (default of a nested map" in text
    assert "1,000 items of map fetch: about" in text
    assert "a run without items: about" in text
    assert "warning" not in text


def test_the_summary_of_other_kinds() -> None:
    zipped = plan_build(request(line_flow, {"lambda.package_type": "zip"}))
    assert "zip " in "\n".join(zipped.summary)
    assert "Batch jobs" in "\n".join(plan_build(request(batch_flow, QUEUE)).summary)
    assert "S3 requests" in "\n".join(plan_build(request(open_flow)).summary)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (request(line_flow, dependencies=Dependencies("project", "numpy\n")), "there is no uv.lock"),
        (request(line_flow, dependencies=Dependencies("lock", "./library\n")), "'./library' is a path"),
        (request(line_flow, {"lambda.image_tag": "latest"}), "lambda.image_tag is set"),
        (request(batch_flow, QUEUE | {"batch.job_definition_name": "mine"}), "the job definition 'mine' is yours"),
        (request(line_flow, {"aws.failure_topic": TOPIC}), "the policy of aws.failure_topic"),
    ],
)
def test_warnings(asked: BuildRequest, said: str) -> None:
    plan = plan_build(asked)
    assert any(said in warning for warning in plan.warnings)
    assert any(line.startswith("warning: ") and said in line for line in plan.summary)


def test_everything_wrong_is_said_at_once() -> None:
    values: dict[str, object] = {"lambda.env": {"AWS_REGION": "x", "A": "1", "BIG": "x" * 5000}}
    with pytest.raises(TemplateError, match="'batch-flow' cannot be built, it has 5 mistakes") as caught:
        plan_build(request(batch_flow, values))
    assert caught.value.exit_code == 2
    with pytest.raises(TemplateError, match="it has 1 mistake:"):
        plan_build(request(batch_flow))


@step
def get_data() -> int:
    return 1


@step
def get__data(value: int) -> int:
    return value


def colliding_flow() -> Any:
    return get_data().next(get__data)


@step(timeout_seconds=900, retry={"retries": 1, "delay": 1e9, "max_delay": 1e9})
def patient(value: int) -> int:
    return value


def patient_flow() -> Any:
    return get_data().next(patient)


def test_steps_that_become_one_name_are_refused() -> None:
    with pytest.raises(TemplateError, match=r"'get_data'.*'GetData'"):
        plan_build(request(colliding_flow))


def test_limits_of_the_state_machine_are_among_the_findings() -> None:
    with pytest.raises(TemplateError, match="'patient-flow' cannot be built, it has 3 mistakes") as caught:
        plan_build(request(patient_flow, {"lambda.env": {"AWS_REGION": "x"}}))
    assert "AWS_REGION" in str(caught.value)


def wide_flow() -> Any:
    chain = get_data()
    for number in range(90):
        chain = chain.next(patient_of(number))
    return chain


def patient_of(number: int) -> Any:
    return globals()[f"wide_step_{number}"]


for _number in range(90):
    _space: dict[str, Any] = {"__name__": __name__}
    exec(f"def wide_step_{_number}(value: int) -> int:\n    return value\n", _space)  # noqa: S102  # many steps
    globals()[f"wide_step_{_number}"] = step(_space[f"wide_step_{_number}"])


def test_a_large_template_goes_through_s3() -> None:
    plan = plan_build(request(wide_flow))
    assert plan.template_needs_upload
    assert manifest(plan)["template"]["through_s3"]
    assert "goes through S3" in "\n".join(plan.summary)
    assert not plan_build(request(line_flow)).template_needs_upload
