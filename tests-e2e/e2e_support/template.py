"""A generated CloudFormation template, read as CloudFormation reads it: what it would create, in plain values.

Input: the template's text and parameters. Output: `Stack`. Knows only what generated templates use.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

REGION = "us-east-1"
ACCOUNT = "123456789012"
_PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "stack",
}


@dataclass(frozen=True)
class FunctionSpec:
    """A Lambda function of the template."""

    arn: str
    """Without a version."""
    image: str
    command: tuple[str, ...]
    memory_mb: int
    timeout_s: int
    storage_mb: int
    variables: Mapping[str, str]


@dataclass(frozen=True)
class JobSpec:
    """A Batch job definition of the template."""

    arn: str
    image: str
    command: tuple[str, ...]
    memory_mb: int
    variables: Mapping[str, str]


class Stack:
    """What a template would create. Raises KeyError for what it does not have."""

    def __init__(self, text: str, parameters: Mapping[str, str]) -> None:
        self._template = yaml.load(text, Loader=_Loader)  # noqa: S506  # _Loader is a SafeLoader
        defaults = {name: value.get("Default", "") for name, value in self._template["Parameters"].items()}
        self._parameters = {**_PSEUDO, **defaults, **parameters}

    def functions(self) -> dict[str, FunctionSpec]:
        """{ARN: function}."""
        found = [self._function(name) for name in self._of_type("AWS::Lambda::Function")]
        return {function.arn: function for function in found}

    def jobs(self) -> dict[str, JobSpec]:
        """{ARN: job definition}."""
        found = [self._job(name) for name in self._of_type("AWS::Batch::JobDefinition")]
        return {job.arn: job for job in found}

    def substitutions(self) -> dict[str, str]:
        """{name in the definition's `${…}`: value}."""
        (machine,) = self._of_type("AWS::StepFunctions::StateMachine")
        values: dict[str, str] = self._plain(self._properties(machine)["DefinitionSubstitutions"])
        return values

    def _function(self, name: str) -> FunctionSpec:
        properties = self._plain(self._properties(name))
        return FunctionSpec(
            arn=self._attribute(name, "Arn"),
            image=properties["Code"]["ImageUri"],
            command=tuple(properties["ImageConfig"]["Command"]),
            memory_mb=properties["MemorySize"],
            timeout_s=properties["Timeout"],
            storage_mb=properties["EphemeralStorage"]["Size"],
            variables=properties["Environment"]["Variables"],
        )

    def _job(self, name: str) -> JobSpec:
        container = self._plain(self._properties(name))["ContainerProperties"]
        needs = {need["Type"]: need["Value"] for need in container["ResourceRequirements"]}
        return JobSpec(
            arn=self._reference(name),
            image=container["Image"],
            command=tuple(container["Command"]),
            memory_mb=int(needs["MEMORY"]),
            variables={entry["Name"]: entry["Value"] for entry in container["Environment"]},
        )

    def _of_type(self, kind: str) -> list[str]:
        return [name for name, resource in self._template["Resources"].items() if resource["Type"] == kind]

    def _properties(self, name: str) -> dict[str, Any]:
        properties: dict[str, Any] = self._template["Resources"][name]["Properties"]
        return properties

    def _plain(self, value: Any) -> Any:
        """`value` with its intrinsic functions evaluated, and without what is AWS::NoValue."""
        if isinstance(value, _Ref):
            return self._reference(value.name)
        if isinstance(value, _Sub):
            return re.sub(r"\$\{([^}]+)\}", lambda match: self._named(match[1]), value.text)
        if isinstance(value, _GetAtt):
            return self._attribute(*value.path.split(".", 1))
        if isinstance(value, dict):
            return {key: self._plain(one) for key, one in value.items()}
        return [self._plain(one) for one in value] if isinstance(value, list) else value

    def _named(self, name: str) -> str:
        return self._attribute(*name.split(".", 1)) if "." in name else self._reference(name)

    def _reference(self, name: str) -> str:
        """What `Ref` gives: a parameter's value, a resource's id."""
        if name in self._parameters:
            return str(self._parameters[name])
        kind = self._template["Resources"][name]["Type"]
        if kind == "AWS::Lambda::Function":
            return str(self._plain(self._properties(name)["FunctionName"]))
        if kind == "AWS::Lambda::Version":
            return f"{_function_arn(self._plain(self._properties(name)['FunctionName']))}:1"
        return f"arn:aws:{kind.split('::')[1].lower()}:{REGION}:{ACCOUNT}:{name}"

    def _attribute(self, name: str, attribute: str) -> str:
        if self._template["Resources"][name]["Type"] == "AWS::Lambda::Function" and attribute == "Arn":
            return _function_arn(self._reference(name))
        return f"{self._reference(name)}/{attribute}"


def _function_arn(name: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


@dataclass(frozen=True)
class _Ref:
    name: str


@dataclass(frozen=True)
class _Sub:
    text: str


@dataclass(frozen=True)
class _GetAtt:
    path: str


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms."""


_Loader.add_constructor("!Ref", lambda loader, node: _Ref(str(node.value)))
_Loader.add_constructor("!Sub", lambda loader, node: _Sub(str(node.value)))
_Loader.add_constructor("!GetAtt", lambda loader, node: _GetAtt(str(node.value)))
