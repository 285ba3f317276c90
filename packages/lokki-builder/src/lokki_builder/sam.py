"""`sam.yaml`: the functions for `sam build` and `sam local invoke`, on one machine and without a stack.

Input: a Stack. Output: YAML. It has no roles and no state machine: locally there is nobody to grant anything. Pure.
"""

from __future__ import annotations

from .cfn.compute import HANDLER
from .cfn.stack import Stack, Step
from .cfn.variables import function_variables
from .cfn.yaml import Properties, Value, dump, resource


def document(stack: Stack) -> str:
    """The SAM template."""
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Description": f"Steps of the flow {stack.flow} for sam local invoke, built by lokki",
        "Parameters": {
            "FlowName": {"Type": "String", "Default": stack.name},
            "S3Bucket": {"Type": "String", "Default": stack.config.aws.artifact_bucket or "lokki-local"},
        },
        "Resources": {step.logical: _function(stack, step) for step in stack.functions} or _NOTHING,
    }
    return dump(template if stack.functions else _without_parameters(template))


_NOTHING = {"Nothing": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}
"""A template needs a resource, also where every step runs on Batch."""


def _without_parameters(template: Properties) -> Properties:
    return {key: value for key, value in template.items() if key != "Parameters"}


def _function(stack: Stack, step: Step) -> Value:
    settings = stack.config.lambda_
    properties = {
        "Architectures": [settings.architecture],
        "MemorySize": step.options.memory_mb or settings.memory,
        "Timeout": step.timeout_s,
        "Environment": {"Variables": function_variables(stack, step)},
    }
    if stack.code.package_type == "zip":
        code = {"CodeUri": "lambdas/function.zip", "Handler": HANDLER, "Runtime": f"python{settings.python}"}
        return resource("AWS::Serverless::Function", properties | code)
    image = {"PackageType": "Image", "ImageConfig": {"Command": [HANDLER]}}
    context = {"DockerContext": "lambdas", "Dockerfile": "Dockerfile", "DockerTag": stack.code.content_hash}
    return resource("AWS::Serverless::Function", properties | image, Metadata=context)
