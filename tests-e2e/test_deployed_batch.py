"""Batch on AWS: queues and definitions of a stack, jobs as containers, what becomes of one that fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from e2e_support.aws import Aws
from e2e_support.project import MakeProject
from e2e_support.stacks import DeployedStack, DeployStack, ended_job
from e2e_support.values import RunLocally, local_values
from e2e_support.waiting import until
from lokki.clock import SYSTEM_CLOCK

pytestmark = pytest.mark.usefixtures("storage")  # where moto's interpreter keeps its machines

NETWORK = {"create_environment": True, "subnets": ["subnet-1"], "security_groups": ["sg-1"]}


@pytest.fixture(scope="module")
def queue(aws: Aws) -> str:
    """A queue that is there before any flow."""
    if aws.endpoint is None:
        pytest.skip("AWS wants a network for a queue, which these tests do not have")
    batch = aws.client("batch")
    batch.create_compute_environment(computeEnvironmentName="lokki-e2e", type="MANAGED", state="ENABLED")
    order = [{"order": 1, "computeEnvironment": "lokki-e2e"}]
    batch.create_job_queue(jobQueueName="lokki-e2e", priority=1, state="ENABLED", computeEnvironmentOrder=order)
    return "lokki-e2e"


def test_jobs_in_a_flow_and_in_a_map(
    project: MakeProject, deploy_stack: DeployStack, run_locally: RunLocally, queue: str
) -> None:
    stack = deploy_stack(project("batch_flow", batch={"job_queue": queue}))
    local = run_locally(stack.project.flow)
    for execute in (stack.execute, stack.execute_elsewhere):
        done = execute()
        assert done.status == "SUCCEEDED", f"{execute.__name__}: {done.error}: {done.cause}"
        assert dict(stack.values(done.name)) == dict(local_values(local))


def test_a_job_that_fails_leaves_its_error(project: MakeProject, deploy_stack: DeployStack, queue: str) -> None:
    """Step Functions sees the container's exit code; what happened lies where the result would be."""
    stack = deploy_stack(project("broken_job_flow", batch={"job_queue": queue}))
    done = stack.execute()
    assert (done.status, done.error) == ("FAILED", "States.TaskFailed")
    job = json.loads(done.cause or "")
    assert (job["Status"], job["Container"]["ExitCode"], len(job["Attempts"])) == ("FAILED", 1, 1)
    record = stack.store.read_error(stack.name, done.name, "crash")
    assert record is not None
    assert record["error_type"] == "ZeroDivisionError"
    assert '"/var/task/broken_job_flow.py"' in record["traceback"]
    crashed = f"{stack.name}/runs/{done.name}/crash/"
    assert stack.aws.keys(stack.project.bucket, crashed) == [f"{crashed}error.json"]
    assert stack.execute_elsewhere().status == "FAILED"


@pytest.fixture(scope="module")
def fargate(project: MakeProject) -> Iterator[DeployedStack]:
    """A stack that has everything for Batch, and a schedule."""
    stack = DeployedStack.make(project("fargate_flow", batch=NETWORK))
    yield stack
    stack.remove()


def test_a_queue_of_the_stacks_own(fargate: DeployedStack, run_locally: RunLocally) -> None:
    """Compute environment, queue and definition by CloudFormation; the job's own log group."""
    elsewhere, done = fargate.execute_elsewhere({"size": 6}), fargate.execute({"size": 6})
    for run in (elsewhere, done):
        assert run.status == "SUCCEEDED", f"{run.name}: {run.error}: {run.cause}"
        assert fargate.result(run.name) == run_locally(fargate.project.flow, {"size": 6}).result == 15
    logs = fargate.aws.client("logs")
    events = logs.filter_log_events(logGroupName=f"/aws/batch/{fargate.name}")["events"]
    assert "grinding 6 numbers" in [event["message"] for event in events]
    assert all(event["logStreamName"].startswith("grind/default/") for event in events)
    told = fargate.project.run("logs", "--run", done.name, "--step", "grind").out
    assert "grinding 6 numbers" in told


def test_a_schedule_starts_the_flow(fargate: DeployedStack) -> None:
    """Its time is as written; what it does at that time is done now: same target, same role, same input.

    MiniStack drops the time zone of a schedule in a template; that it is there, the template's tests see to.
    """
    scheduler = fargate.aws.client("scheduler")
    schedule = scheduler.get_schedule(Name=fargate.name)
    assert (schedule["ScheduleExpression"], schedule["State"]) == ("cron(0 6 * * ? *)", "ENABLED")
    assert schedule["Target"]["Arn"] == fargate.machine_arn
    soon = SYSTEM_CLOCK.now() + timedelta(seconds=2)
    scheduler.create_schedule(
        Name=f"{fargate.name}-now",
        ScheduleExpression=f"at({soon:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=schedule["Target"],
    )
    states = fargate.aws.client("stepfunctions")
    known = {one["executionArn"] for one in executions(states, fargate)}
    fresh = until(lambda: {one["executionArn"] for one in executions(states, fargate)} - known, "an execution")
    done = fargate.finish(fresh.pop())
    assert done.status == "SUCCEEDED", f"{done.error}: {done.cause}"
    assert fargate.result(done.name) == 10
    scheduler.delete_schedule(Name=f"{fargate.name}-now")


def executions(states: Any, stack: DeployedStack) -> Any:
    """Those of a stack's machine."""
    return states.list_executions(stateMachineArn=stack.machine_arn)["executions"]


def test_a_job_whose_memory_runs_out(aws: Aws, queue: str, runtime_image: str) -> None:
    """What the emulator tells of a container that the engine kills: the reason AWS gives."""
    batch = aws.client("batch")
    hoard = "hoard = [bytearray(2**24) for _ in range(64)]"
    batch.register_job_definition(
        jobDefinitionName="hungry",
        type="container",
        containerProperties={
            "image": runtime_image,
            "command": ["python", "-c", hoard],
            "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "64"}],
        },
    )
    job = batch.submit_job(jobName="hungry", jobQueue=queue, jobDefinition="hungry")["jobId"]
    told = ended_job(batch, job)
    assert told["status"] == "FAILED"
    assert told["container"]["reason"].startswith("OutOfMemoryError")


def test_a_job_whose_time_runs_out_is_submitted_with_its_own(aws: Aws, queue: str, runtime_image: str) -> None:
    batch = aws.client("batch")
    batch.register_job_definition(
        jobDefinitionName="endless",
        type="container",
        containerProperties={
            "image": runtime_image,
            "command": ["sleep", "600"],
            "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "64"}],
        },
    )
    job = batch.submit_job(
        jobName="endless", jobQueue=queue, jobDefinition="endless", timeout={"attemptDurationSeconds": 1}
    )["jobId"]
    told = ended_job(batch, job)
    assert (told["status"], told["statusReason"]) == ("FAILED", "Job attempt duration exceeded timeout")
