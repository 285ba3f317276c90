"""IAM: one role per kind of principal, each with the least that works.

Input: a Stack. Output: resources, and what stands for a role's ARN elsewhere in the template. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import grants
from .stack import Stack
from .tags import tag_list
from .yaml import Properties, Value, arn, get_att, ref, resource, sub

LAMBDA, PIPELINE, JOB, EXECUTION, SCHEDULER = (
    "LambdaRole",
    "StateMachineRole",
    "BatchJobRole",
    "BatchExecutionRole",
    "SchedulerRole",
)
"""Logical ids of the generated roles."""

MAP_POLICY = "StateMachineMapPolicy"
"""Logical id of what lets the state machine start and watch executions of itself."""


def role_arn(stack: Stack, role: str) -> Value:
    """A role's ARN: as configured, or of the generated one."""
    return _configured(stack).get(role) or get_att(role)


def role_resources(stack: Stack) -> dict[str, Value]:
    """{logical id: resource} of every generated role and policy."""
    given = _configured(stack)
    wanted = {role: made for role, made in _roles(stack).items() if not given.get(role)}
    if PIPELINE in wanted and stack.machine.has_maps:
        wanted[MAP_POLICY] = _map_policy()
    return wanted


def _configured(stack: Stack) -> dict[str, str]:
    """{role: ARN} of the configuration. The role of the jobs also starts their containers."""
    roles = stack.config.aws.roles
    return {LAMBDA: roles.lambda_, PIPELINE: roles.pipeline, JOB: roles.batch, EXECUTION: roles.batch}


def _roles(stack: Stack) -> dict[str, Value]:
    roles: dict[str, Value] = {}
    if stack.functions:
        roles[LAMBDA] = _role(stack, "lambda", grants.of_functions(stack))
    roles[PIPELINE] = _role(stack, "states", grants.of_pipeline(stack), guarded=True)
    if stack.makes_job_definitions:
        roles[JOB] = _role(stack, "ecs-tasks", grants.of_jobs(stack), guarded=True)
        roles[EXECUTION] = _role(stack, "ecs-tasks", grants.of_job_start(stack))
    if stack.schedule:
        roles[SCHEDULER] = _role(stack, "scheduler", grants.of_scheduler(), guarded=True)
    return roles


def _role(stack: Stack, service: str, statements: Sequence[Value], *, guarded: bool = False) -> Value:
    """A role that `service` assumes; `guarded` against another account that makes the service act for it."""
    properties = {
        "Description": sub(f"${{FlowName}}: what {_PRINCIPALS[service]} may do"),
        "AssumeRolePolicyDocument": _document([_trust(service, guarded)]),
        "Policies": [{"PolicyName": "lokki", "PolicyDocument": _document(statements)}],
        "Tags": tag_list(stack),
    }
    return resource("AWS::IAM::Role", properties)


_PRINCIPALS = {
    "lambda": "its functions",
    "states": "its state machine",
    "ecs-tasks": "its Batch jobs",
    "scheduler": "its schedule",
}


def _trust(service: str, guarded: bool) -> Properties:
    trust: Properties = {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    if guarded:
        trust["Condition"] = {"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}}
    return trust


def _map_policy() -> Value:
    """Its ARNs are built from the name: asking the state machine for them would be a circle."""
    machine = arn("states", "stateMachine:${FlowName}")
    run = arn("states", "execution:${FlowName}")
    statements = [
        grants.allow("StartChildren", ["states:StartExecution"], [sub(machine)]),
        grants.allow(
            "WatchChildren", ["states:DescribeExecution", "states:StopExecution"], [sub(f"{run}:*"), sub(f"{run}/*:*")]
        ),
        grants.allow("RedriveChildren", ["states:RedriveExecution"], [sub(f"{run}/*:*")]),
    ]
    properties = {
        "PolicyName": "lokki-maps",
        "PolicyDocument": _document(statements),
        "Roles": [ref(PIPELINE)],
    }
    return resource("AWS::IAM::Policy", properties)


def _document(statements: Sequence[Value]) -> Mapping[str, Value]:
    return {"Version": "2012-10-17", "Statement": list(statements)}
