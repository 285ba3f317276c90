"""The statements of a template's policies, each as a name and a text: who may do what to what.

Input: a template's resources. Output: {name: text}. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

ROLE, POLICY = "AWS::IAM::Role", "AWS::IAM::Policy"


def statements(resources: Mapping[str, Any]) -> dict[str, str]:
    """{`LambdaRole UseRuns`: `Allow s3:GetObject on arn:…`} for every statement of every role and policy."""
    found: dict[str, str] = {}
    for logical, resource in resources.items():
        for group, document in _documents(resource):
            for place, statement in enumerate(_listed(document.get("Statement")), 1):
                sid = statement.get("Sid") or group or str(place)
                name = f"{logical} {sid}"
                found[name if name not in found else f"{name} {place}"] = _text(statement)
    return found


def _documents(resource: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(what it is called, policy document) of a role or policy; its trust first."""
    properties = resource.get("Properties") or {}
    if resource.get("Type") == ROLE:
        yield "trust", properties.get("AssumeRolePolicyDocument") or {}
        for policy in _listed(properties.get("Policies")):
            yield "", policy.get("PolicyDocument") or {}
    elif resource.get("Type") == POLICY:
        yield "", properties.get("PolicyDocument") or {}


def _text(statement: Mapping[str, Any]) -> str:
    """`Allow a, b on x, y if {…}`."""
    who = _names(statement.get("Principal"))
    what = _names(statement.get("Action") or statement.get("NotAction"))
    not_what = "all but " if "NotAction" in statement else ""
    on = _names(statement.get("Resource") or statement.get("NotResource"))
    not_on = "all but " if "NotResource" in statement else ""
    condition = statement.get("Condition")
    parts = [
        str(statement.get("Effect", "Allow")),
        f"{who}:" if who else "",
        not_what + what,
        f"on {not_on}{on}" if on else "",
        f"if {json.dumps(_plain(condition), sort_keys=True)}" if condition else "",
    ]
    return " ".join(part for part in parts if part)


def _plain(value: Any) -> Any:
    """A condition with texts in the place of intrinsic functions."""
    if isinstance(value, Mapping):
        intrinsic = len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref"))
        return _names(value) if intrinsic else {key: _plain(inner) for key, inner in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _names(value: Any) -> str:
    """Texts and intrinsic functions, as a list for people."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        ((kind, inner),) = value.items() if len(value) == 1 else [("", json.dumps(value, sort_keys=True))]
        if kind == "Ref":
            return f"${{{inner}}}"
        if kind == "Fn::GetAtt":
            return f"${{{'.'.join(_listed(inner))}}}"
        return _names(inner)
    return ", ".join(_names(one) for one in value) if isinstance(value, list) else str(value)


def _listed(value: Any) -> list[Any]:
    """IAM's lists may be left out where they have one entry."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
