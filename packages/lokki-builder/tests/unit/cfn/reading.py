"""Reads a template the way its tests ask about it."""

from __future__ import annotations

from typing import Any

from lokki_builder.cfn.stack import Stack
from lokki_builder.cfn.template import template_document
from lokki_builder.cfn.yaml import Intrinsic


def plain(value: Any) -> Any:
    """A template's value with `!Name argument` in the place of intrinsic functions."""
    if isinstance(value, Intrinsic):
        return f"!{value.name} {value.argument}"
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def resources(stack: Stack) -> dict[str, Any]:
    """{logical id: resource} of a stack's template."""
    found: dict[str, Any] = plain(template_document(stack)["Resources"])
    return found


def of_type(stack: Stack, kind: str) -> dict[str, Any]:
    """{logical id: properties} of the resources of one type."""
    return {name: one["Properties"] for name, one in resources(stack).items() if one["Type"] == kind}


def statements(stack: Stack, role: str) -> dict[str, Any]:
    """{Sid: statement} of a generated role."""
    (policy,) = resources(stack)[role]["Properties"]["Policies"]
    return {one.get("Sid", "?"): one for one in policy["PolicyDocument"]["Statement"]}
