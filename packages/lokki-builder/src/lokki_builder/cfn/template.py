"""The CloudFormation template of a flow.

Input: a Stack. Output: `Template`: the document, its text, its size, and what is wrong with it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..limits import LIMITS, check
from .batch import batch_findings, batch_resources
from .compute import function_resources
from .failure import FAILURE_RULE_SUFFIX, failure_resources
from .iam import MAP_POLICY, PIPELINE, role_arn, role_resources
from .logs import STATE_MACHINE_LOG_GROUP, log_groups
from .names import NAME_PATTERN, misnamed, physical, room, too_long
from .places import STATE_MACHINE
from .schedule import schedule_resources
from .stack import Stack
from .substitutions import substitution_values
from .tags import tag_list
from .variables import reserved, too_large
from .yaml import Properties, Value, dump, get_att, ref, resource


@dataclass(frozen=True)
class Template:
    """A template, ready to be written."""

    text: str
    parameters: Mapping[str, str]
    """{parameter: default}; empty for one without a default."""
    resources: int
    """How many resources it has."""
    findings: tuple[str, ...]
    """What AWS would refuse, one line each; empty for nothing."""

    @property
    def bytes(self) -> int:
        """Its size."""
        return len(self.text.encode())

    @property
    def needs_upload(self) -> bool:
        """Whether it is too large for an API call and goes through S3."""
        return self.bytes > LIMITS["template_inline"].value


def build_template(stack: Stack) -> Template:
    """The template of a flow, with everything that is wrong with it. Raises TemplateError for a bug in a definition."""
    document = template_document(stack)
    text = dump(document)
    count = len(document["Resources"])
    subject = f"the template of flow '{stack.flow}'"
    hint = "Split the flow."
    over = [*check("template", len(text.encode()), subject, hint), *check("template_resources", count, subject, hint)]
    findings = [
        *misnamed(stack.name),
        *too_long(stack.name, _suffixes(stack)),
        *reserved(stack),
        *too_large(stack),
        *batch_findings(stack),
        *(finding.text for finding in over),
    ]
    parameters = {name: str(given.get("Default", "")) for name, given in document["Parameters"].items()}
    return Template(text, parameters, count, tuple(dict.fromkeys(findings)))


def template_document(stack: Stack) -> dict[str, Value]:
    """The template as data."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"The flow {stack.flow}, built by lokki",
        "Metadata": {"Lokki": {"Flow": stack.flow, "Code": stack.code.content_hash, **stack.versions}},
        "Parameters": _parameters(stack),
        "Resources": _resources(stack),
        "Outputs": _outputs(stack),
    }


def _resources(stack: Stack) -> dict[str, Value]:
    return {
        **role_resources(stack),
        **log_groups(stack),
        **function_resources(stack),
        **batch_resources(stack),
        STATE_MACHINE: _state_machine(stack),
        **schedule_resources(stack),
        **failure_resources(stack),
    }


def _state_machine(stack: Stack) -> Value:
    """Its log has errors with their data, which are parameters and places: results are never in a state."""
    destination = {"CloudWatchLogsLogGroup": {"LogGroupArn": get_att(STATE_MACHINE_LOG_GROUP)}}
    properties = {
        "StateMachineName": ref("FlowName"),
        "StateMachineType": "STANDARD",
        "RoleArn": role_arn(stack, PIPELINE),
        "DefinitionString": stack.machine.text,
        "DefinitionSubstitutions": substitution_values(stack),
        "LoggingConfiguration": {"Level": "ERROR", "IncludeExecutionData": True, "Destinations": [destination]},
        "TracingConfiguration": {"Enabled": True},
        "Tags": tag_list(stack),
    }
    own_role = not stack.config.aws.roles.pipeline
    needs = MAP_POLICY if stack.machine.has_maps and own_role else None
    return resource("AWS::StepFunctions::StateMachine", properties, DependsOn=needs)


def _parameters(stack: Stack) -> dict[str, Value]:
    parameters = {
        "FlowName": _parameter(
            "What every physical name and S3 key of this flow begins with.",
            stack.name,
            AllowedPattern=NAME_PATTERN,
            MaxLength=room(_suffixes(stack)),
        ),
        "S3Bucket": _parameter(
            "The bucket for data and build artifacts, in this account and region.",
            stack.config.aws.artifact_bucket,
            AllowedPattern="[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        ),
    }
    return parameters | (_image_parameters(stack) if _uses_image(stack) else {})


def _image_parameters(stack: Stack) -> dict[str, Value]:
    return {
        "ImageRepository": _parameter(
            "Registry and repository of the image, without a tag.", stack.code.image_repository, MinLength=1
        ),
        "ImageTag": _parameter("Tag of the image: the hash of its contents.", stack.code.image_tag, MinLength=1),
    }


def _uses_image(stack: Stack) -> bool:
    own_job_image = stack.makes_job_definitions and not stack.config.batch.image
    return stack.code.package_type == "image" and (bool(stack.functions) or own_job_image)


def _parameter(description: str, default: str, **rules: Value) -> Properties:
    """A text parameter; one without a default has to be given at deployment."""
    return {"Type": "String", "Description": description} | ({"Default": default} if default else {}) | rules


def _outputs(stack: Stack) -> dict[str, Value]:
    outputs: Mapping[str, tuple[str, Value]] = {
        "StateMachineArn": ("The state machine: what runs are started on.", ref(STATE_MACHINE)),
        "StateMachineLogGroup": ("The log of the state machine.", ref(STATE_MACHINE_LOG_GROUP)),
    }
    return {name: {"Description": text, "Value": value} for name, (text, value) in outputs.items()}


def _suffixes(stack: Stack) -> Iterable[tuple[str, str]]:
    """(kind, what follows the flow's name) of every physical name."""
    names = [("state machine", "")]
    names += [("Lambda function", f"-{physical(step.name)}") for step in stack.functions]
    if stack.makes_job_definitions:
        names += [("Batch job definition", f"-{physical(step.name)}") for step in stack.jobs]
    if stack.schedule:
        names.append(("schedule", ""))
    if stack.config.aws.failure_topic:
        names.append(("EventBridge rule", FAILURE_RULE_SUFFIX))
    return names
