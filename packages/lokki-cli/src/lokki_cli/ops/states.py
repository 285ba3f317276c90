"""The states of a template's state machines, those inside maps below their map.

Input: a template's resources. Output: {name: state}. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

STATE_MACHINE = "AWS::StepFunctions::StateMachine"

_INNER = ("ItemProcessor", "Iterator")
"""Where a map keeps the machine of its items."""


def states(resources: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """{`FlapBirds/FlapBird`: its fields, but for the machines inside it} for every state."""
    found: dict[str, Mapping[str, Any]] = {}
    for resource in resources.values():
        if resource.get("Type") == STATE_MACHINE:
            found |= dict(_states(_definition(resource.get("Properties") or {}), ""))
    return found


def _definition(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    """The definition as data; empty where it is no JSON."""
    text = properties.get("DefinitionString")
    try:
        found = json.loads(text) if isinstance(text, str) else properties.get("Definition")
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _states(machine: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, state in (machine.get("States") or {}).items():
        yield path + name, {key: value for key, value in state.items() if key not in (*_INNER, "Branches")}
        for inner in (*(state.get(key) or {} for key in _INNER), *(state.get("Branches") or ())):
            yield from _states(inner, f"{path}{name}/")
