"""The emulator is as strict as AWS where our definitions could be wrong: each of these would pass on a lenient one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from e2e_support import formation
from e2e_support.aws import Aws, chosen_endpoint
from e2e_support.machine import Execution
from e2e_support.project import MakeProject
from e2e_support.stacks import DeployedStack, DeployStack

pytestmark = pytest.mark.skipif(chosen_endpoint() is not None, reason="these ask the emulator of this repository")

USER = 993


@pytest.mark.usefixtures("storage")  # where moto's interpreter keeps its machines
def test_functions_run_as_tight_as_lambdas(project: MakeProject, deploy_stack: DeployStack) -> None:
    """An unprivileged user without capabilities, who writes to /tmp alone and has the function's role."""
    stack = deploy_stack(project("sandbox_flow"))
    done = stack.execute()
    assert done.status == "SUCCEEDED", f"{done.error}: {done.cause}"
    seen = stack.store.read(stack.store.output_url(stack.name, done.name, "look"))
    assert seen == {"uid": USER, "capabilities": 0, "writable": ["/tmp"], "role": True}
    assert len(stack.result(done.name)["ballast"]) == 300_000
    elsewhere = stack.execute_elsewhere()
    assert elsewhere.status == "SUCCEEDED", f"{elsewhere.error}: {elsewhere.cause}"
    assert stack.result(elsewhere.name) == stack.result(done.name)


@pytest.fixture(scope="module")
def machine(project: MakeProject) -> Iterator[tuple[DeployedStack, Any]]:
    """A stack and what Step Functions tells of its state machine."""
    stack = DeployedStack.make(project("strict_flow"))
    yield stack, stack.aws.client("stepfunctions").describe_state_machine(stateMachineArn=stack.machine_arn)
    stack.remove()


@pytest.fixture
def without(machine: tuple[DeployedStack, Any]) -> Iterator[Callable[[str, str], Execution]]:
    """`without(role, sid)`: an execution while one statement of a role is taken away; it is back afterwards."""
    stack, _ = machine
    iam = stack.aws.client("iam")
    changed: dict[str, Any] = {}

    def run(logical: str, sid: str) -> Execution:
        role = stack.resources()[logical]
        for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            kept = [one for one in document["Statement"] if one["Sid"] != sid]
            if len(kept) < len(document["Statement"]):
                changed[role] = {"RoleName": role, "PolicyName": policy, "PolicyDocument": json.dumps(document)}
                put(role, policy, {**document, "Statement": kept})
        assert changed, f"no policy of {logical} says {sid}"
        return stack.execute({"count": 1})

    def put(role: str, policy: str, document: Any) -> None:
        if document["Statement"]:
            iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))
        else:
            iam.delete_role_policy(RoleName=role, PolicyName=policy)

    yield run
    for given in changed.values():
        iam.put_role_policy(**given)


@pytest.mark.parametrize(
    ("sid", "error", "action"),
    [
        ("ReadManifests", "States.ItemReaderFailed", "s3:GetObject"),
        ("WriteRecords", "States.ResultWriterFailed", "s3:PutObject"),
        ("InvokeSteps", "Lambda.AWSLambdaException", "lambda:InvokeFunction"),
        ("StartChildren", "States.TaskFailed", "states:StartExecution"),
    ],
)
def test_what_its_role_may_not_do_a_machine_does_not(
    without: Callable[[str, str], Execution], sid: str, error: str, action: str
) -> None:
    done = without("StateMachineRole", sid)
    assert (done.status, done.error) == ("FAILED", error)
    assert f"not authorized to perform: {action}" in (done.cause or "")


def test_what_its_role_may_not_do_a_function_does_not(without: Callable[[str, str], Execution]) -> None:
    """Without leave to keep what a run makes, the first step fails."""
    done = without("LambdaRole", "UseRuns")
    assert (done.status, done.error) == ("FAILED", "LokkiFatal")


def test_a_role_that_step_functions_cannot_take(machine: tuple[DeployedStack, Any]) -> None:
    stack, told = machine
    iam = stack.aws.client("iam")
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:*"}]}
    role = iam.create_role(RoleName="not-for-states", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    with pytest.raises(ClientError, match="authorized to assume"):
        create_machine(stack.aws, told["definition"], role["Arn"])
    iam.delete_role(RoleName="not-for-states")


def test_a_definition_with_what_nobody_understands(machine: tuple[DeployedStack, Any]) -> None:
    """By the API, and in a template: the stack is not created."""
    stack, told = machine
    definition = json.loads(told["definition"])
    definition["States"]["Numbers"]["TimeoutSecond"] = 5
    with pytest.raises(ClientError, match="TimeoutSecond"):
        create_machine(stack.aws, json.dumps(definition), told["roleArn"])
    template = {
        "Resources": {
            "Machine": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {"RoleArn": told["roleArn"], "DefinitionString": json.dumps(definition)},
            }
        }
    }
    with pytest.raises(formation.NotMadeError, match="TimeoutSecond"):
        formation.create(stack.aws, "misread", json.dumps(template))


def test_a_state_of_more_than_256_kib(machine: tuple[DeployedStack, Any]) -> None:
    """A result that is kept in the state, as ours never is."""
    stack, told = machine
    passing = {"Type": "Pass", "Parameters": {"twice.$": "States.Array($, $)"}, "End": True}
    arn = create_machine(stack.aws, json.dumps({"StartAt": "Double", "States": {"Double": passing}}), told["roleArn"])
    states = stack.aws.client("stepfunctions")
    fitting, too_much = (
        stack.finish(states.start_execution(stateMachineArn=arn, input=json.dumps("x" * size))["executionArn"])
        for size in (100_000, 140_000)
    )
    assert fitting.status == "SUCCEEDED"
    assert (too_much.status, too_much.error) == ("FAILED", "States.DataLimitExceeded")
    states.delete_state_machine(stateMachineArn=arn)


def test_a_child_has_a_context_of_its_own(machine: tuple[DeployedStack, Any]) -> None:
    """`$$.Execution.Name` in a map's body is the child's: what our definitions must not build keys of."""
    stack, _ = machine
    arn = stack.start({"count": 2})
    assert stack.finish(arn).status == "SUCCEEDED"
    states = stack.aws.client("stepfunctions")
    (run,) = stack.map_runs(arn)
    children = states.list_executions(mapRunArn=run["mapRunArn"])["executions"]
    assert len({child["name"] for child in children} - {arn.rsplit(":", 1)[-1]}) == 2
    (manifest,) = [
        key
        for key in stack.aws.keys(stack.project.bucket, f"{stack.name}/runs/")
        if "/map_results/" in key and key.endswith("manifest.json") and arn.rsplit(":", 1)[-1] in key
    ]
    files = json.loads(stack.aws.s3.get_object(Bucket=stack.project.bucket, Key=manifest)["Body"].read())
    assert len(files["ResultFiles"]["SUCCEEDED"]) == 1


def create_machine(aws: Aws, definition: str, role: str) -> str:
    """A state machine's ARN."""
    made = aws.client("stepfunctions").create_state_machine(name="strictly", definition=definition, roleArn=role)
    return str(made["stateMachineArn"])
