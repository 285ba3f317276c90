"""What a state says in paths and intrinsic functions, as far as the builder writes them. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any


def evaluate(value: Any, data: Any, context: Any) -> Any:
    """A payload template with its paths and intrinsic functions filled in."""
    if isinstance(value, list):
        return [evaluate(one, data, context) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key.removesuffix(".$"): _expression(one, data, context) if key.endswith(".$") else evaluate(one, data, context)
        for key, one in value.items()
    }


def _expression(text: str, data: Any, context: Any) -> Any:
    call = re.fullmatch(r"States\.(Format|JsonToString)\((.*)\)", text)
    if call is None:
        found = context if text.startswith("$$") else data
        for part in text.lstrip("$").split(".")[1:]:
            found = found[part]
        return found
    if call[1] == "JsonToString":
        return json.dumps(_expression(call[2], data, context))
    template, _, rest = call[2].partition("',")
    arguments = [_expression(one.strip(), data, context) for one in rest.split(",")]
    return template.lstrip("'").format(*arguments)


def holds(rule: Mapping[str, Any], data: Any) -> bool:
    """Whether a rule of a choice is met."""
    if "And" in rule:
        return all(holds(one, data) for one in rule["And"])
    if "Not" in rule:
        return not holds(rule["Not"], data)
    name = rule["Variable"].removeprefix("$.")
    if "IsPresent" in rule:
        return (name in data) is rule["IsPresent"]
    if "IsString" in rule:
        return isinstance(data[name], str)
    return bool(data[name] == rule["StringEquals"])
