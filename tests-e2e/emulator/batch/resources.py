"""CloudFormation's AWS::Batch::ComputeEnvironment, JobQueue and JobDefinition."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack.services import batch
from ministack.services.cloudformation import provisioners

from ..casing import camel
from . import service

Properties = dict[str, Any]
Made = tuple[str, dict[str, str]]
"""A resource's physical id and what `GetAtt` knows of it."""


def install() -> None:
    """Register the three types."""
    known = provisioners._RESOURCE_HANDLERS
    known["AWS::Batch::ComputeEnvironment"] = _handlers(
        "computeEnvironment", batch._create_compute_environment, batch._compute_envs, "ComputeEnvironmentArn"
    )
    known["AWS::Batch::JobQueue"] = _handlers("jobQueue", batch._create_job_queue, batch._job_queues, "JobQueueArn")
    known["AWS::Batch::JobDefinition"] = {
        "create": _define,
        "update": _redefine,
        "update_with_logical_id": True,
        "delete": lambda physical, _: service.deregister({"jobDefinition": physical}),
    }


def _handlers(kind: str, create: Callable[..., Any], store: Any, attribute: str) -> dict[str, Any]:
    def made(logical: str, properties: Properties, stack: str) -> Made:
        given = camel(properties)
        given.setdefault(f"{kind}Name", provisioners._physical_name(stack, logical, max_len=100))
        arn = _answer(create(given))[f"{kind}Arn"]
        return arn, {attribute: arn}

    def deleted(physical: str, _: Properties) -> None:
        store.pop(physical.rsplit("/", 1)[-1], None)

    return {"create": made, "delete": deleted}


def _define(logical: str, properties: Properties, stack: str) -> Made:
    given = camel(properties)
    given.setdefault("jobDefinitionName", provisioners._physical_name(stack, logical, max_len=100))
    arn = _answer(service.register(given))["jobDefinitionArn"]
    return arn, {"JobDefinitionArn": arn}


def _redefine(physical: str, old: Properties, new: Properties, stack: str, logical: str) -> Made:
    """A new revision of the same name takes the old one's place."""
    made = _define(logical, new, stack)
    service.deregister({"jobDefinition": physical})
    return made


def _answer(response: service.Response) -> dict[str, Any]:
    if response[0] != 200:
        raise ValueError(service.message(response))
    answer: dict[str, Any] = json.loads(response[2])
    return answer
