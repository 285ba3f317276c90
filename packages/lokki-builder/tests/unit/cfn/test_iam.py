"""What each principal may do: the sets AWS documents, and the traps in them."""

from __future__ import annotations

from typing import Any

import pytest
from lokki_builder.cfn.grants import MOST_NAMED

from .flows import batch_flow, crunch, line_flow, nested_flow, only_batch_flow, pages, plain_flow, stack
from .reading import of_type, resources, statements
from .variants import KEY, PARAMETER, ROLE, SECRET

P = "arn:${AWS::Partition}"
HERE = "${AWS::Region}:${AWS::AccountId}"
MACHINE = f"!Sub {P}:states:{HERE}:stateMachine:${{FlowName}}"
RUNS = f"!Sub {P}:s3:::${{S3Bucket}}/${{FlowName}}/runs/"


def test_the_state_machine_may_start_and_watch_executions_of_itself() -> None:
    policy = resources(stack(plain_flow))["StateMachineMapPolicy"]
    run = f"!Sub {P}:states:{HERE}:execution:${{FlowName}}"
    assert policy["Type"] == "AWS::IAM::Policy"
    assert policy["Properties"]["Roles"] == ["!Ref StateMachineRole"]
    assert [(s["Action"], s["Resource"]) for s in policy["Properties"]["PolicyDocument"]["Statement"]] == [
        (["states:StartExecution"], [MACHINE]),
        (["states:DescribeExecution", "states:StopExecution"], [f"{run}:*", f"{run}/*:*"]),
        (["states:RedriveExecution"], [f"{run}/*:*"]),
    ]


def test_the_self_grant_makes_no_circle_and_comes_first() -> None:
    found = resources(stack(nested_flow))
    assert found["StateMachine"]["DependsOn"] == "StateMachineMapPolicy"
    for name in ("StateMachineMapPolicy", "StateMachineRole"):
        assert "StateMachine " not in str(found[name]) + " "
        assert "Ref StateMachine'" not in str(found[name])
        assert "GetAtt StateMachine." not in str(found[name])


def test_a_flow_without_maps_grants_nothing_for_maps() -> None:
    line = stack(line_flow)
    assert "StateMachineMapPolicy" not in resources(line)
    assert "DependsOn" not in resources(line)["StateMachine"]
    assert set(statements(line, "StateMachineRole")) == {"InvokeSteps", "DeliverLogs", "WriteTraces"}


def test_functions_are_invoked_by_version_too() -> None:
    allowed = statements(stack(line_flow), "StateMachineRole")["InvokeSteps"]["Resource"]
    assert allowed == [
        "!GetAtt PagesFunction.Arn",
        "!Sub ${PagesFunction.Arn}:*",
        "!GetAtt ReportFunction.Arn",
        "!Sub ${ReportFunction.Arn}:*",
    ]


def many_steps() -> Any:
    chain = pages()
    for number in range(MOST_NAMED):
        chain = chain.next(STEPS[number])
    return chain


def _steps() -> list[Any]:
    from lokki.decorators import step

    made = []
    for number in range(MOST_NAMED):
        source = f"def some_step_{number}(value: int) -> int:\n    return value\n"
        space: dict[str, Any] = {"__name__": __name__}
        exec(source, space)  # noqa: S102  # as many steps as a policy cannot name
        globals()[f"some_step_{number}"] = made_step = step(space[f"some_step_{number}"])
        made.append(made_step)
    return made


STEPS = _steps()


def test_many_functions_are_named_by_their_prefix_because_policies_are_bounded() -> None:
    allowed = statements(stack(many_steps), "StateMachineRole")["InvokeSteps"]["Resource"]
    assert allowed == [f"!Sub {P}:lambda:{HERE}:function:${{FlowName}}-*"]


def test_maps_read_manifests_and_write_records_and_nothing_else() -> None:
    found = statements(stack(plain_flow), "StateMachineRole")
    assert found["ReadManifests"]["Action"] == ["s3:GetObject"]
    assert found["ReadManifests"]["Resource"] == [f"{RUNS}*/map_manifest.json"]
    assert found["WriteRecords"]["Action"] == [
        "s3:PutObject",
        "s3:GetObject",
        "s3:ListMultipartUploadParts",
        "s3:AbortMultipartUpload",
    ]
    assert found["WriteRecords"]["Resource"] == [f"{RUNS}*/map_results/*"]


def test_batch_sync_needs_its_managed_rule() -> None:
    found = statements(stack(batch_flow, {"batch.job_queue": "work"}), "StateMachineRole")
    rule = f"!Sub {P}:events:{HERE}:rule/StepFunctionsGetEventsForBatchJobsRule"
    assert found["FollowJobsByEvents"]["Resource"] == [rule]
    assert found["FollowJobsByEvents"]["Action"] == ["events:PutTargets", "events:PutRule", "events:DescribeRule"]
    assert found["FollowJobs"]["Action"] == ["batch:DescribeJobs", "batch:TerminateJob"]
    assert found["FollowJobs"]["Resource"] == "*"
    assert found["SubmitJobs"]["Resource"] == [
        f"!Sub {P}:batch:{HERE}:job-definition/${{FlowName}}-*",
        f"!Sub {P}:batch:{HERE}:job-definition/${{FlowName}}-*:*",
        f"!Sub {P}:batch:{HERE}:job-queue/work",
    ]


def test_jobs_of_the_users_own_definition_and_queue() -> None:
    definition = "arn:aws:batch:eu-west-1:123456789012:job-definition/crunch:3"
    queue = "arn:aws:batch:eu-west-1:123456789012:job-queue/work"
    by_arn = {"batch.job_queue": queue, "batch.job_definition_name": definition}
    found = statements(stack(batch_flow, by_arn), "StateMachineRole")
    assert found["SubmitJobs"]["Resource"] == [definition, queue]
    by_name = {"batch.job_queue": queue, "batch.job_definition_name": "crunch:3"}
    found = statements(stack(batch_flow, by_name), "StateMachineRole")
    assert found["SubmitJobs"]["Resource"][:2] == [
        f"!Sub {P}:batch:{HERE}:job-definition/crunch",
        f"!Sub {P}:batch:{HERE}:job-definition/crunch:*",
    ]


def test_logging_and_tracing_sets() -> None:
    found = statements(stack(line_flow), "StateMachineRole")
    assert found["DeliverLogs"]["Action"] == [
        f"logs:{action}"
        for action in (
            "CreateLogDelivery",
            "GetLogDelivery",
            "UpdateLogDelivery",
            "DeleteLogDelivery",
            "ListLogDeliveries",
            "PutResourcePolicy",
            "DescribeResourcePolicies",
            "DescribeLogGroups",
        )
    ]
    assert len(found["WriteTraces"]["Action"]) == 4


@pytest.mark.parametrize("role", ["LambdaRole", "BatchJobRole"])
def test_steps_reach_their_own_runs_and_can_tell_what_is_missing(role: str) -> None:
    found = statements(stack(batch_flow, {"batch.job_queue": "work"}), role)
    assert found["UseRuns"]["Action"] == ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"]
    assert found["UseRuns"]["Resource"] == [f"{RUNS}*"]
    assert found["TellMissing"]["Action"] == ["s3:ListBucket"]
    assert found["TellMissing"]["Condition"] == {"StringLikeIfExists": {"s3:prefix": "!Sub ${FlowName}/runs/*"}}


def test_nobody_may_delete_data_or_tag_it() -> None:
    text = str(resources(stack(batch_flow, {"batch.job_queue": "work"})))
    assert "s3:Delete" not in text
    assert "Tagging" not in text


@pytest.mark.parametrize(
    ("key", "resource", "alias"),
    [
        (KEY, KEY, None),
        ("0f7a6f2e", f"!Sub {P}:kms:{HERE}:key/0f7a6f2e", None),
        ("alias/data", f"!Sub {P}:kms:{HERE}:key/*", "alias/data"),
        (
            "arn:aws:kms:eu-west-1:123456789012:alias/data",
            f"!Sub {P}:kms:eu-west-1:123456789012:key/*",
            "alias/data",
        ),
    ],
)
def test_a_key_however_it_is_named(key: str, resource: str, alias: str | None) -> None:
    kept = stack(plain_flow, {"aws.kms_key": key})
    used = statements(kept, "LambdaRole")["UseKey"]
    assert used["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert used["Resource"] == [resource]
    wanted = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}} if alias else None
    assert used.get("Condition") == wanted
    assert statements(kept, "StateMachineRole")["UseKey"]["Action"] == [
        "kms:Decrypt",
        "kms:Encrypt",
        "kms:GenerateDataKey",
    ]


def test_secrets_are_read_by_those_who_fetch_them() -> None:
    values = {"secrets.secret_arns": {"A": f"{SECRET}:SecretString:key", "B": PARAMETER}, "batch.job_queue": "work"}
    found = stack(batch_flow, values)
    for role in ("LambdaRole", "BatchExecutionRole"):
        assert statements(found, role)["ReadSecrets"]["Resource"] == [SECRET]
        assert statements(found, role)["ReadParameters"]["Resource"] == [PARAMETER]
    assert "ReadSecrets" not in statements(found, "BatchJobRole")


def test_a_network_is_joined_by_lambda_and_not_by_its_code() -> None:
    found = statements(stack(line_flow, {"lambda.vpc.subnets": ["subnet-1"]}), "LambdaRole")
    assert found["JoinNetwork"]["Action"] == found["KeepCodeOffNetworks"]["Action"]
    assert found["KeepCodeOffNetworks"]["Effect"] == "Deny"
    assert list(found["KeepCodeOffNetworks"]["Condition"]) == ["ArnLike"]


def test_the_users_statements_go_to_the_code_that_runs() -> None:
    mine = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*"}
    found = stack(batch_flow, {"aws.policies": [mine], "batch.job_queue": "work"})
    assert statements(found, "LambdaRole")["?"] == mine
    assert statements(found, "BatchJobRole")["?"] == mine
    assert "?" not in statements(found, "StateMachineRole")


def test_roles_of_the_configuration_take_the_place_of_generated_ones() -> None:
    values = {
        "aws.roles.pipeline": f"{ROLE}sfn",
        "aws.roles.lambda": f"{ROLE}fn",
        "aws.roles.batch": f"{ROLE}job",
        "batch.job_queue": "work",
    }
    given = stack(batch_flow, values)
    assert of_type(given, "AWS::IAM::Role") == {}
    assert of_type(given, "AWS::IAM::Policy") == {}
    found = resources(given)
    assert found["StateMachine"]["Properties"]["RoleArn"] == f"{ROLE}sfn"
    assert "DependsOn" not in found["StateMachine"]
    assert found["PagesFunction"]["Properties"]["Role"] == f"{ROLE}fn"
    container = found["CrunchJobDefinition"]["Properties"]["ContainerProperties"]
    assert (container["JobRoleArn"], container["ExecutionRoleArn"]) == (f"{ROLE}job", f"{ROLE}job")


def test_there_are_only_the_roles_a_flow_needs() -> None:
    assert list(of_type(stack(line_flow), "AWS::IAM::Role")) == ["LambdaRole", "StateMachineRole"]
    only_batch = stack(only_batch_flow, {"batch.job_queue": "work"})
    assert list(of_type(only_batch, "AWS::IAM::Role")) == ["StateMachineRole", "BatchJobRole", "BatchExecutionRole"]
    assert "InvokeSteps" not in statements(only_batch, "StateMachineRole")
    assert crunch is not None


def test_services_act_for_this_account_only() -> None:
    roles = of_type(stack(batch_flow, {"batch.job_queue": "work"}, schedule="rate(1 day)"), "AWS::IAM::Role")
    trusted = {name: role["AssumeRolePolicyDocument"]["Statement"][0] for name, role in roles.items()}
    guarded = {name for name, trust in trusted.items() if "Condition" in trust}
    assert guarded == {"StateMachineRole", "BatchJobRole", "SchedulerRole"}
    assert {trust["Principal"]["Service"] for trust in trusted.values()} == {
        f"{service}.amazonaws.com" for service in ("lambda", "states", "ecs-tasks", "scheduler")
    }


@pytest.mark.parametrize(
    ("repository", "expected"),
    [
        ("", f"!Sub {P}:ecr:{HERE}:repository/*"),
        ("some.registry.example/flows", f"!Sub {P}:ecr:{HERE}:repository/*"),
        (
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/team/flows",
            f"!Sub {P}:ecr:cn-north-1:123456789012:repository/team/flows",
        ),
    ],
)
def test_jobs_pull_from_the_repository_that_is_known(repository: str, expected: str) -> None:
    found = stack(batch_flow, {"aws.image_repository": repository, "batch.job_queue": "work"})
    assert statements(found, "BatchExecutionRole")["PullImage"]["Resource"] == [expected]


def test_every_arn_is_of_the_stacks_own_partition() -> None:
    text = str(resources(stack(batch_flow, {"batch.job_queue": "work"}, schedule="rate(1 day)")))
    assert "arn:aws" not in text
    assert "amazonaws.com.cn" not in text
