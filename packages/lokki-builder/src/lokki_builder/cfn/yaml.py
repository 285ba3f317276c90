"""CloudFormation's YAML: intrinsic functions as values, and text that is the same on every machine.

Input: plain dicts, lists and scalars that hold `Intrinsic`s. Output: text. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

Value = Any
"""A template's value: dict, list, tuple, str, int, float, bool or Intrinsic, nested."""

Properties = dict[str, Value]


@dataclass(frozen=True)
class Intrinsic:
    """A CloudFormation function: written as `!Sub text` in YAML."""

    name: str
    """Without `Fn::`: `Sub`, `Ref`, `GetAtt`, …"""
    argument: Value

    def __hash__(self) -> int:
        return hash((self.name, repr(self.argument)))


def ref(logical_id: str) -> Intrinsic:
    """A parameter's value, or what a resource calls itself: a role's name, a version's ARN."""
    return Intrinsic("Ref", logical_id)


def sub(text: str) -> Intrinsic:
    """`text` with each `${Name}`, `${Id.Attribute}` and `${AWS::…}` filled in."""
    return Intrinsic("Sub", text)


def get_att(logical_id: str, attribute: str = "Arn") -> Intrinsic:
    """An attribute of a resource."""
    return Intrinsic("GetAtt", f"{logical_id}.{attribute}")


def literal(text: str) -> str:
    """`text` as it has to stand inside `sub` to mean itself: `${x}` becomes `${!x}`."""
    return text.replace("${", "${!")


def arn(service: str, resource: str, *, region: str = "${AWS::Region}", account: str = "${AWS::AccountId}") -> str:
    """An ARN in the stack's own partition, as text for `sub`."""
    return f"arn:${{AWS::Partition}}:{service}:{region}:{account}:{resource}"


def resource(kind: str, properties: Mapping[str, Value], **attributes: Value) -> dict[str, Value]:
    """A resource of the template; `attributes` are those beside its properties, as DependsOn."""
    given = {name: value for name, value in attributes.items() if value}
    return {"Type": kind, **given, "Properties": {k: v for k, v in properties.items() if v is not None}}


def dump(document: Mapping[str, Value]) -> str:
    """`document` as YAML: keys in their order, no aliases, no wrapped lines, long text as blocks."""
    return yaml.dump(
        document,
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=False,
        allow_unicode=False,
        width=1_000_000,
        indent=2,
    )


class _Dumper(yaml.SafeDumper):
    """Writes intrinsic functions as tags and texts of several lines as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists below their key, as people write templates."""
        return super().increase_indent(flow, False)


def _intrinsic(dumper: yaml.SafeDumper, value: Intrinsic) -> yaml.Node:
    tag = f"!{value.name}"
    if isinstance(value.argument, str):
        return dumper.represent_scalar(tag, value.argument)
    if isinstance(value.argument, Mapping):
        return dumper.represent_mapping(tag, value.argument)
    return dumper.represent_sequence(tag, value.argument)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _list(dumper: yaml.SafeDumper, value: tuple[Any, ...]) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value)


_Dumper.add_representer(Intrinsic, _intrinsic)
_Dumper.add_representer(str, _text)
_Dumper.add_representer(tuple, _list)
