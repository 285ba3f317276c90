"""AWS Batch: a job definition per step and, on request, a Fargate compute environment with its queue.

Input: a Stack. Output: resources, and findings as text. Pure.
"""

from __future__ import annotations

import json

from ..limits import check
from .fargate import check_pair
from .iam import EXECUTION, JOB, role_arn
from .logs import BATCH_LOG_GROUP
from .names import physical
from .places import COMPUTE_ENVIRONMENT, JOB_QUEUE, job_image
from .secrets import job_secrets
from .stack import Stack, Step
from .tags import tags
from .variables import job_variables
from .yaml import Intrinsic, Properties, Value, ref, resource, sub

COMMAND = ["python", "-m", "lokki_runtime", "batch"]
"""What a job runs; the image's entry point passes it on."""

MAX_VCPUS = 256
"""The most processors a generated compute environment uses at once."""

LOST_HOSTS = 3
"""How often a job may be started, counting those whose host was lost."""


def batch_resources(stack: Stack) -> dict[str, Value]:
    """{logical id: resource} of everything Batch."""
    resources: dict[str, Value] = {}
    if stack.makes_queue:
        resources[COMPUTE_ENVIRONMENT] = _compute_environment(stack)
        resources[JOB_QUEUE] = _queue(stack)
    if stack.makes_job_definitions:
        resources |= {step.logical: _job_definition(stack, step) for step in stack.jobs}
    return resources


def job_documents(stack: Stack) -> str:
    """What runs on Batch, as JSON for people and for runs without a stack.

    {step: {"command", "vcpu", "memory_mb", "timeout_s", "environment": {name: value, `${…}` as in the template}}}
    """
    jobs = {step.node: _job_document(stack, step) for step in stack.jobs}
    return json.dumps(jobs, indent=2) + "\n"


def _job_document(stack: Stack, step: Step) -> Properties:
    named = {name: _shown(value) for name, value in job_variables(stack, step).items()}
    return {
        "command": COMMAND,
        "vcpu": job_vcpu(stack, step),
        "memory_mb": job_memory_mb(stack, step),
        "timeout_s": step.timeout_s,
        "environment": named,
    }


def _shown(value: Value) -> str:
    return f"${{{value.argument}}}" if isinstance(value, Intrinsic) else str(value)


def batch_findings(stack: Stack) -> list[str]:
    """What is wrong with the Batch settings, where a step uses Batch."""
    if not stack.jobs:
        return []
    findings = _queue_findings(stack)
    for step in stack.jobs:
        subject = f"step '{step.node}'"
        findings += [f.text for f in check("batch_timeout", step.timeout_s, subject)]
        if stack.makes_queue:
            findings += check_pair(job_vcpu(stack, step), job_memory_mb(stack, step), subject)
        elif job_vcpu(stack, step) != int(job_vcpu(stack, step)):
            findings.append(f"{subject}: a queue of EC2 instances needs whole vCPUs, not {job_vcpu(stack, step):g}.")
    return findings


def job_vcpu(stack: Stack, step: Step) -> float:
    """A job's processors."""
    return step.options.vcpu or stack.config.batch.vcpu


def job_memory_mb(stack: Stack, step: Step) -> int:
    """A job's memory in MiB."""
    return step.options.memory_mb or stack.config.batch.memory_mb


def _queue_findings(stack: Stack) -> list[str]:
    batch = stack.config.batch
    findings = []
    if not (batch.job_queue or batch.create_environment):
        findings.append(
            "batch.job_queue: a step runs on Batch, but there is no queue. Name one, or set"
            " batch.create_environment = true with batch.subnets and batch.security_groups."
        )
    if batch.job_queue and batch.create_environment:
        findings.append("batch.job_queue: batch.create_environment makes a queue of its own. Set one of the two.")
    if batch.create_environment and not (batch.subnets and batch.security_groups):
        findings.append("batch.create_environment: it needs batch.subnets and batch.security_groups.")
    if stack.code.package_type == "zip" and not (batch.image or batch.job_definition_name):
        findings.append(
            "lambda.package_type: a step runs on Batch, which needs an image, not a zip. Set"
            ' lambda.package_type = "image", or batch.image to one that has this flow.'
        )
    return findings


def _compute_environment(stack: Stack) -> Value:
    batch = stack.config.batch
    properties = {
        "Type": "MANAGED",
        "State": "ENABLED",
        "ReplaceComputeEnvironment": False,
        "ComputeResources": {
            "Type": "FARGATE",
            "MaxvCpus": MAX_VCPUS,
            "Subnets": list(batch.subnets),
            "SecurityGroupIds": list(batch.security_groups),
        },
        "Tags": tags(stack),
    }
    return resource("AWS::Batch::ComputeEnvironment", properties)


def _queue(stack: Stack) -> Value:
    properties = {
        "State": "ENABLED",
        "Priority": 1,
        "ComputeEnvironmentOrder": [{"Order": 1, "ComputeEnvironment": ref(COMPUTE_ENVIRONMENT)}],
        "Tags": tags(stack),
    }
    return resource("AWS::Batch::JobQueue", properties)


def _job_definition(stack: Stack, step: Step) -> Value:
    """It starts a job again only when its host was lost: the step's own retries happen in the container."""
    properties = {
        "JobDefinitionName": sub(f"${{FlowName}}-{physical(step.name)}"),
        "Type": "container",
        "PlatformCapabilities": ["FARGATE" if stack.makes_queue else "EC2"],
        "PropagateTags": True,
        "Timeout": {"AttemptDurationSeconds": step.timeout_s},
        "RetryStrategy": {
            "Attempts": LOST_HOSTS,
            "EvaluateOnExit": [
                {"OnStatusReason": "Host EC2*", "Action": "RETRY"},
                {"OnReason": "*", "Action": "EXIT"},
            ],
        },
        "ContainerProperties": _container(stack, step),
        "Tags": tags(stack),
    }
    return resource("AWS::Batch::JobDefinition", properties)


def _container(stack: Stack, step: Step) -> Properties:
    variables = job_variables(stack, step)
    container: Properties = {
        "Image": job_image(stack),
        "Command": COMMAND,
        "JobRoleArn": role_arn(stack, JOB),
        "ExecutionRoleArn": role_arn(stack, EXECUTION),
        "ResourceRequirements": [
            {"Type": "VCPU", "Value": f"{job_vcpu(stack, step):g}"},
            {"Type": "MEMORY", "Value": str(job_memory_mb(stack, step))},
        ],
        "Environment": [{"Name": name, "Value": value} for name, value in variables.items()],
        "LogConfiguration": _log(step),
    }
    secrets = job_secrets(stack.config)
    return container | ({"Secrets": secrets} if secrets else {}) | (_fargate(stack) if stack.makes_queue else {})


def _log(step: Step) -> Properties:
    options = {
        "awslogs-group": ref(BATCH_LOG_GROUP),
        "awslogs-region": ref("AWS::Region"),
        "awslogs-stream-prefix": physical(step.name),
    }
    return {"LogDriver": "awslogs", "Options": options}


def _fargate(stack: Stack) -> Properties:
    """Without a public address: the subnets need a way to S3, the registry and the log service of their own."""
    architecture = {"x86_64": "X86_64", "arm64": "ARM64"}[stack.config.lambda_.architecture]
    return {
        "NetworkConfiguration": {"AssignPublicIp": "DISABLED"},
        "FargatePlatformConfiguration": {"PlatformVersion": "LATEST"},
        "RuntimePlatform": {"CpuArchitecture": architecture, "OperatingSystemFamily": "LINUX"},
    }
