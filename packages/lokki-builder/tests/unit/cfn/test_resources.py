"""What the template has besides IAM: functions and their versions, logs, Batch, the schedule, the failure rule."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lokki_builder.cfn.batch import job_documents
from lokki_builder.cfn.fargate import FARGATE_MB, check_pair
from lokki_builder.cfn.stack import MachineParts
from lokki_builder.cfn.substitutions import substitution_values
from lokki_builder.cfn.template import build_template, template_document
from lokki_builder.errors import TemplateError

from .flows import batch_flow, half_flow, line_flow, näive_flow, open_flow, plain_flow, stack, three_flow
from .reading import of_type, plain, resources
from .variants import NETWORK, PARAMETER, SECRET, TOPIC

QUEUE: dict[str, object] = {"batch.job_queue": "work"}


def versions(made: Any) -> list[str]:
    return list(of_type(made, "AWS::Lambda::Version"))


def test_a_function_is_what_its_step_and_the_configuration_say() -> None:
    found = of_type(stack(line_flow, {"lambda.memory": 256, "lambda.timeout": 60}), "AWS::Lambda::Function")
    assert list(found) == ["PagesFunction", "ReportFunction"]
    pages_function, report_function = found.values()
    assert pages_function["FunctionName"] == "!Sub ${FlowName}-pages"
    assert (pages_function["MemorySize"], report_function["MemorySize"]) == (1024, 256)
    assert pages_function["Timeout"] == 60
    assert pages_function["EphemeralStorage"] == {"Size": 512}
    assert pages_function["Code"] == {"ImageUri": "!Sub ${ImageRepository}:${ImageTag}"}
    assert pages_function["ImageConfig"] == {"Command": ["lokki_runtime.handler.lambda_handler"]}
    assert pages_function["Environment"]["Variables"] == {
        "LOKKI_ARTIFACT_BUCKET": "!Ref S3Bucket",
        "LOKKI_FLOW_NAME": "!Ref FlowName",
        "LOKKI_LOG_LEVEL": "INFO",
        "LOKKI_NODE": "pages",
        "LOKKI_WIRE_VERSION": "1",
        "REGION_OF_DATA": "north",
    }


def test_the_environment_is_layered() -> None:
    values = {
        "lambda.env": {"REGION_OF_DATA": "south", "OTHER": "1"},
        "aws.kms_key": "alias/data",
        "secrets.secret_arns": {"TOKEN": SECRET},
    }
    found = of_type(stack(line_flow, values), "AWS::Lambda::Function")
    mine, other = (one["Environment"]["Variables"] for one in found.values())
    assert (mine["REGION_OF_DATA"], other["REGION_OF_DATA"]) == ("north", "south")
    assert mine["LOKKI_KMS_KEY"] == "alias/data"
    assert json.loads(mine["LOKKI_SECRETS"]) == {"TOKEN": SECRET}


def test_a_zip_lies_under_its_content_hash() -> None:
    made = stack(line_flow, {"lambda.package_type": "zip", "lambda.python": "3.13"})
    function = of_type(made, "AWS::Lambda::Function")["PagesFunction"]
    key = f"!Sub ${{FlowName}}/artifacts/lambdas/{made.code.content_hash}.zip"
    assert function["Code"] == {"S3Bucket": "!Ref S3Bucket", "S3Key": key}
    assert (function["Runtime"], function["PackageType"]) == ("python3.13", "Zip")
    assert set(template_document(made)["Parameters"]) == {"FlowName", "S3Bucket"}


def test_the_definition_names_versions() -> None:
    made = stack(open_flow)
    machine = resources(made)["StateMachine"]["Properties"]
    for name in ("PagesFunction", "FetchFunction", "LokkiCollectFunction"):
        version = machine["DefinitionSubstitutions"][name].removeprefix("!Ref ")
        assert version.startswith(f"{name}Version")
        assert resources(made)[version]["Properties"] == {"FunctionName": f"!Ref {name}"}
        assert resources(made)[version]["DeletionPolicy"] == "Retain"
        assert resources(made)[version]["UpdateReplacePolicy"] == "Retain"
    assert of_type(made, "AWS::Lambda::Function")["LokkiCollectFunction"]["FunctionName"].endswith("-lokki-collect")


def test_a_version_is_new_for_code_and_settings_and_only_then() -> None:
    before = versions(stack(line_flow))
    assert versions(stack(line_flow)) == before
    assert versions(stack(line_flow, {"aws.tags": {"team": "data"}})) == before
    assert versions(stack(line_flow, {"lambda.log_retention_days": 7})) == before
    for changed in (
        stack(line_flow, files={"some_flow.py": b"# edited\n"}),
        stack(line_flow, {"lambda.ephemeral_storage": 1024}),
        stack(line_flow, {"lambda.env": {"OTHER": "1"}}),
        stack(line_flow, {"lambda.vpc.subnets": ["subnet-1"]}),
    ):
        assert not set(versions(changed)) & set(before)


def test_only_the_function_whose_settings_change_gets_a_new_version() -> None:
    before, after = stack(line_flow), stack(line_flow, {"lambda.memory": 2048})
    assert [one == other for one, other in zip(versions(before), versions(after), strict=True)] == [True, False]


def test_a_changed_image_under_a_fixed_tag_still_changes_the_function() -> None:
    """Lambda refuses to publish a version of a function that did not change."""
    values = {"lambda.image_tag": "latest"}
    one, other = stack(line_flow, values), stack(line_flow, values, files={"some_flow.py": b"# edited\n"})
    of = "AWS::Lambda::Function"
    assert of_type(one, of)["PagesFunction"] != of_type(other, of)["PagesFunction"]


def test_environments_share_an_account() -> None:
    document = plain(template_document(stack(line_flow, {"aws.environment": "dev"})))
    assert document["Parameters"]["FlowName"]["Default"] == "line-flow-dev"
    assert document["Resources"]["StateMachine"]["Properties"]["StateMachineName"] == "!Ref FlowName"


def test_flow_name_may_be_as_long_as_every_name_from_it_allows() -> None:
    parameters = template_document(stack(line_flow))["Parameters"]
    assert parameters["FlowName"]["MaxLength"] == 64 - len("-report")
    assert template_document(stack(line_flow, schedule="rate(1 day)"))["Parameters"]["FlowName"]["MaxLength"] == 57


def test_log_groups_keep_for_as_long_as_configured() -> None:
    groups = of_type(stack(batch_flow, QUEUE | {"lambda.log_retention_days": 7}), "AWS::Logs::LogGroup")
    assert {group["LogGroupName"] for group in groups.values()} == {
        "!Sub /aws/vendedlogs/states/${FlowName}",
        "!Sub /aws/batch/${FlowName}",
        "!Sub /aws/lambda/${FlowName}-pages",
        "!Sub /aws/lambda/${FlowName}-report",
    }
    assert {group["RetentionInDays"] for group in groups.values()} == {7}


def test_a_log_group_is_there_before_its_function() -> None:
    assert resources(stack(line_flow))["PagesFunction"]["DependsOn"] == "PagesFunctionLogGroup"


def test_a_job_definition() -> None:
    values = QUEUE | {
        "batch.env": {"MODE": "slow", "OTHER": "${x}"},
        "secrets.secret_arns": {"DB": f"{SECRET}:SecretString:key", "ALL": SECRET, "TOKEN": PARAMETER},
    }
    (job,) = of_type(stack(batch_flow, values), "AWS::Batch::JobDefinition").values()
    assert job["JobDefinitionName"] == "!Sub ${FlowName}-crunch"
    assert job["PlatformCapabilities"] == ["EC2"]
    assert job["Timeout"] == {"AttemptDurationSeconds": 600}
    assert job["RetryStrategy"]["EvaluateOnExit"] == [
        {"OnStatusReason": "Host EC2*", "Action": "RETRY"},
        {"OnReason": "*", "Action": "EXIT"},
    ]
    container = job["ContainerProperties"]
    assert container["Command"] == ["python", "-m", "lokki_runtime", "batch"]
    assert container["ResourceRequirements"] == [{"Type": "VCPU", "Value": "1"}, {"Type": "MEMORY", "Value": "2048"}]
    environment = {one["Name"]: one["Value"] for one in container["Environment"]}
    assert (environment["MODE"], environment["OTHER"], environment["LOKKI_NODE"]) == ("fast", "${x}", "crunch")
    assert "LOKKI_SECRETS" not in environment
    assert {one["Name"]: one["ValueFrom"] for one in container["Secrets"]} == {
        "ALL": SECRET,
        "DB": f"{SECRET}:key::",
        "TOKEN": PARAMETER,
    }
    assert "NetworkConfiguration" not in container


def test_a_created_environment_is_fargate() -> None:
    made = stack(batch_flow, {"batch.create_environment": True, "lambda.architecture": "arm64", **NETWORK})
    found = resources(made)
    assert found["ComputeEnvironment"]["Properties"]["ComputeResources"]["Type"] == "FARGATE"
    assert found["StateMachine"]["Properties"]["DefinitionSubstitutions"]["JobQueue"] == "!GetAtt JobQueue.JobQueueArn"
    (job,) = of_type(made, "AWS::Batch::JobDefinition").values()
    assert job["PlatformCapabilities"] == ["FARGATE"]
    assert job["ContainerProperties"]["RuntimePlatform"]["CpuArchitecture"] == "ARM64"


def test_a_job_definition_of_the_users() -> None:
    made = stack(batch_flow, QUEUE | {"batch.job_definition_name": "mine:3"})
    assert of_type(made, "AWS::Batch::JobDefinition") == {}
    values = plain(substitution_values(made))
    assert (values["CrunchJobDefinition"], values["JobQueue"]) == ("mine:3", "work")


def test_jobs_are_listed_for_people() -> None:
    jobs = json.loads(job_documents(stack(batch_flow, QUEUE)))
    assert jobs["crunch"]["environment"]["LOKKI_FLOW_NAME"] == "${FlowName}"
    assert (jobs["crunch"]["vcpu"], jobs["crunch"]["memory_mb"], jobs["crunch"]["timeout_s"]) == (1, 2048, 600)


def test_a_schedule_starts_the_flow_in_its_time_zone() -> None:
    made = stack(line_flow, schedule="cron(0 6 * * ? *)", timezone="Europe/Helsinki")
    (schedule,) = of_type(made, "AWS::Scheduler::Schedule").values()
    assert schedule["ScheduleExpression"] == "cron(0 6 * * ? *)"
    assert schedule["ScheduleExpressionTimezone"] == "Europe/Helsinki"
    assert schedule["Target"]["Input"] == "{}"
    assert schedule["Target"]["Arn"] == "!Ref StateMachine"
    without = of_type(stack(line_flow, schedule="rate(1 day)"), "AWS::Scheduler::Schedule")["Schedule"]
    assert "ScheduleExpressionTimezone" not in without


def test_a_failed_run_is_told_once() -> None:
    (rule,) = of_type(stack(line_flow, {"aws.failure_topic": TOPIC}), "AWS::Events::Rule").values()
    assert rule["EventPattern"]["detail"] == {
        "status": ["FAILED", "TIMED_OUT", "ABORTED"],
        "stateMachineArn": ["!Ref StateMachine"],
    }
    assert rule["Targets"] == [{"Id": "failure-topic", "Arn": TOPIC}]


def test_tags_are_on_everything_that_takes_them() -> None:
    found = resources(stack(batch_flow, QUEUE | {"aws.tags": {"team": "data", "lokki:flow": "mine"}}))
    tagged = {name for name, one in found.items() if "Tags" in one["Properties"]}
    assert {one["Type"] for name, one in found.items() if name not in tagged} == {
        "AWS::IAM::Policy",
        "AWS::Lambda::Version",
    }
    assert found["PagesFunction"]["Properties"]["Tags"] == [
        {"Key": "lokki:flow", "Value": "mine"},
        {"Key": "team", "Value": "data"},
    ]
    assert found["CrunchJobDefinition"]["Properties"]["Tags"] == {"lokki:flow": "mine", "team": "data"}


def test_the_state_machine_logs_and_traces() -> None:
    machine = resources(stack(line_flow))["StateMachine"]["Properties"]
    assert machine["TracingConfiguration"] == {"Enabled": True}
    assert machine["LoggingConfiguration"]["Level"] == "ERROR"
    assert machine["StateMachineType"] == "STANDARD"


def test_a_name_of_a_definition_that_nobody_knows_is_refused() -> None:
    made = stack(line_flow)
    parts = MachineParts(made.machine.text, (*made.machine.substitutions, "Unknown"), has_maps=False)
    with pytest.raises(TemplateError, match="without a value: Unknown"):
        substitution_values(type(made)(**{**_fields(made), "machine": parts}))


def _fields(made: Any) -> dict[str, Any]:
    return {name: getattr(made, name) for name in type(made).__dataclass_fields__}


def findings(body: Any, values: dict[str, object]) -> list[str]:
    return list(build_template(stack(body, values)).findings)


def test_batch_needs_a_queue() -> None:
    assert [one.partition(":")[0] for one in findings(batch_flow, {})] == ["batch.job_queue"]
    both = {"batch.job_queue": "work", "batch.create_environment": True, **NETWORK}
    assert "Set one of the two" in findings(batch_flow, both)[0]
    assert "it needs batch.subnets" in findings(batch_flow, {"batch.create_environment": True})[0]
    assert findings(plain_flow, {}) == []


def test_batch_needs_an_image() -> None:
    zipped = QUEUE | {"lambda.package_type": "zip"}
    assert "needs an image, not a zip" in findings(batch_flow, zipped)[0]
    assert findings(batch_flow, zipped | {"batch.image": "jobs:1"}) == []
    assert findings(batch_flow, zipped | {"batch.job_definition_name": "mine"}) == []


def test_sizes_of_jobs_are_checked() -> None:
    created: dict[str, object] = {"batch.create_environment": True, **NETWORK}
    assert "whole vCPUs" in findings(half_flow, QUEUE)[0]
    assert findings(half_flow, created) == []
    assert "Write vcpu = 4" in findings(three_flow, created)[0]
    assert findings(three_flow, QUEUE) == []


@pytest.mark.parametrize("vcpu", FARGATE_MB)
def test_every_pair_that_fargate_has_is_fine(vcpu: float) -> None:
    assert not any(check_pair(vcpu, size, "step 'x'") for size in FARGATE_MB[vcpu])


@pytest.mark.parametrize(
    ("vcpu", "memory_mb", "advice"),
    [
        (0.3, 1024, "Write vcpu = 0.5."),
        (32, 1024, "Write vcpu = 16, the largest."),
        (1, 1000, "Write memory_mb = 2048."),
        (1, 10_000, "Write vcpu = 2 and memory_mb = 10240."),
        (16, 200_000, "use a queue of EC2 instances"),
    ],
)
def test_other_pairs_come_with_advice(vcpu: float, memory_mb: int, advice: str) -> None:
    (finding,) = check_pair(vcpu, memory_mb, "step 'x'")
    assert finding.startswith("step 'x': ")
    assert advice in finding


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"lambda.env": {"AWS_REGION": "x"}}, "lambda.env: the variable AWS_REGION is set by Lambda itself"),
        ({"batch.env": {"LOKKI_NODE": "x"}}, "batch.env: the variable LOKKI_NODE is set by lokki itself"),
        ({"secrets.secret_arns": {"LOKKI_SECRETS": SECRET}}, "secrets.secret_arns: the variable LOKKI_SECRETS"),
        ({"lambda.env": {"A": "1"}}, "the variable A: on Lambda names begin with a letter"),
        ({"lambda.env": {"_AB": "1"}}, "the variable _AB: on Lambda"),
        ({"lambda.env": {"BIG": "x" * 5000}}, "may take at most 4,096 bytes"),
        ({"aws.environment": "x" * 60}, "Lambda function 'line-flow-xxx"),
        ({"aws.environment": "x" * 80}, "state machine 'line-flow-xxx"),
    ],
)
def test_what_aws_would_refuse_is_found(values: dict[str, object], said: str) -> None:
    assert any(said in finding for finding in findings(line_flow, values)), findings(line_flow, values)


def test_names_are_ascii() -> None:
    assert findings(näive_flow, {}) == [
        "flow 'näive-flow': AWS needs names of ASCII letters, digits and hyphens. Rename the flow's function."
    ]


def test_names_of_schedules_and_rules_are_bounded_too() -> None:
    values = {"aws.environment": "x" * 56, "aws.failure_topic": TOPIC}
    said = " ".join(build_template(stack(line_flow, values, schedule="rate(1 day)")).findings)
    assert "schedule 'line-flow-" in said
    assert "EventBridge rule 'line-flow-" in said


def test_everything_wrong_is_said_at_once() -> None:
    values: dict[str, object] = {"lambda.env": {"AWS_REGION": "x", "A": "1", "BIG": "x" * 5000}}
    assert len(findings(batch_flow, values)) >= 4
