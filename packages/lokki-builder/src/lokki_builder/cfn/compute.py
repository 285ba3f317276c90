"""Lambda: one function per step, its log group, and the version that running executions hold on to.

Input: a Stack. Output: resources. Pure.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from .iam import LAMBDA, role_arn
from .logs import function_log_group
from .names import function_name
from .places import image_uri
from .stack import Stack, Step
from .tags import tag_list
from .variables import function_variables
from .yaml import Intrinsic, Properties, Value, ref, resource, sub

HANDLER = "lokki_runtime.handler.lambda_handler"


def function_resources(stack: Stack) -> dict[str, Value]:
    """{logical id: resource} of every function with its version and log group."""
    resources: dict[str, Value] = {}
    for step in stack.functions:
        group = f"{step.logical}LogGroup"
        properties = function_properties(stack, step)
        resources[group] = function_log_group(stack, step.name)
        resources[step.logical] = resource(
            "AWS::Lambda::Function", properties | {"Tags": tag_list(stack)}, DependsOn=group
        )
        resources[version_id(stack, step)] = _version(step)
    return resources


def function_properties(stack: Stack, step: Step) -> Properties:
    """A function's properties, without its tags."""
    settings, options = stack.config.lambda_, step.options
    return {
        "FunctionName": sub(function_name(step.name)),
        "Description": f"Step {step.node} of the flow {stack.flow}, code {stack.code.content_hash[:16]}",
        **_code(stack),
        "Role": role_arn(stack, LAMBDA),
        "Architectures": [settings.architecture],
        "MemorySize": options.memory_mb or settings.memory,
        "Timeout": step.timeout_s,
        "EphemeralStorage": {"Size": options.ephemeral_storage_mb or settings.ephemeral_storage},
        "Environment": {"Variables": function_variables(stack, step)},
        "TracingConfig": {"Mode": "Active"},
        "VpcConfig": _network(stack),
    }


def version_id(stack: Stack, step: Step) -> str:
    """The logical id of a function's version: another one for each change of its code or settings.

    Tags are left out: Lambda publishes no version for them.
    """
    content = [stack.code.content_hash, _plain(function_properties(stack, step))]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return f"{step.logical}Version{digest[:16]}"


def _version(step: Step) -> Value:
    """It stays when the next one replaces it: executions under way call it by its number."""
    properties = {"FunctionName": ref(step.logical)}
    return resource("AWS::Lambda::Version", properties, DeletionPolicy="Retain", UpdateReplacePolicy="Retain")


def _code(stack: Stack) -> Properties:
    if stack.code.package_type == "image":
        return {
            "PackageType": "Image",
            "Code": {"ImageUri": image_uri(stack)},
            "ImageConfig": {"Command": [HANDLER]},
        }
    return {
        "PackageType": "Zip",
        "Code": {"S3Bucket": ref("S3Bucket"), "S3Key": sub(f"${{FlowName}}/{zip_name(stack.code.content_hash)}")},
        "Runtime": f"python{stack.config.lambda_.python}",
        "Handler": HANDLER,
    }


def zip_name(content_hash: str) -> str:
    """A zip's key below the flow's prefix."""
    return f"artifacts/lambdas/{content_hash}.zip"


def _network(stack: Stack) -> Properties | None:
    vpc = stack.config.lambda_.vpc
    if not vpc.subnets:
        return None
    return {"SubnetIds": list(vpc.subnets), "SecurityGroupIds": list(vpc.security_groups)}


def _plain(value: Value) -> Any:
    """A template's value as plain JSON, for hashing."""
    if isinstance(value, Intrinsic):
        return {f"!{value.name}": _plain(value.argument)}
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
