"""All rules over one definition. Input: its JSON. Output: every finding, as *state: what.* Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from ...limits import LIMITS
from ..model import State
from .maps import lint_map
from .retry import lint_retry
from .scopes import Found, found, scopes
from .tasks import lint_task
from .texts import lint_substitutions, lint_templates
from .transitions import lint_transitions


def lint_definition(definition: State, substitutions: Collection[str]) -> list[str]:
    """Every fault of `definition`, whose texts may hold `${name}` for the names in `substitutions`; [] for none."""
    findings = [finding for scope in scopes(definition) for finding in lint_transitions(scope)]
    everything = [one for scope in scopes(definition) for one in found(scope)]
    findings += _names(everything)
    for one in everything:
        findings += _state(one)
    findings += lint_substitutions(definition, substitutions)
    return list(dict.fromkeys(findings))


@dataclass(frozen=True)
class _Fields:
    """What a type of state may and must have."""

    required: frozenset[str]
    optional: frozenset[str]


def _fields(required: str, optional: str) -> _Fields:
    return _Fields(frozenset(required.split()), frozenset(optional.split()))


_FIELDS = {
    "Task": _fields("Type Resource Parameters TimeoutSeconds ResultPath Retry", "Comment OutputPath Next End"),
    "Pass": _fields("Type Parameters", "Comment Next End"),
    "Choice": _fields("Type Choices Default", "Comment"),
    "Map": _fields(
        "Type ItemProcessor ResultPath",
        "Comment ItemReader ItemSelector Label MaxConcurrency ResultWriter ToleratedFailurePercentage Retry OutputPath"
        " Next End ItemsPath",
    ),
}
"""What lokki writes, which is less than what AWS knows: everything else is a mistake."""


def _state(one: Found) -> Iterator[str]:
    kind = one.state.get("Type")
    if kind not in _FIELDS:
        yield one.says(f"lokki writes no state of type {kind!r}.")
        return
    yield from _known(one, _FIELDS[kind])
    yield from lint_templates(one)
    yield from lint_retry(one)
    if kind == "Task":
        yield from lint_task(one)
    elif kind == "Map":
        yield from lint_map(one)


def _known(one: Found, fields: _Fields) -> Iterator[str]:
    for name in sorted(set(one.state) - fields.required - fields.optional):
        yield one.says(f"a {one.state['Type']} has no field '{name}'.")
    for name in sorted(fields.required - set(one.state)):
        yield one.says(f"the field '{name}' is missing.")
    if "ResultPath" in fields.required and one.state.get("ResultPath") is not None:
        yield one.says("ResultPath has to be null, so that the state does not grow with results.")


def _names(everything: list[Found]) -> Iterator[str]:
    longest = int(LIMITS["state_name"].value)
    for name, times in Counter(one.name for one in everything).items():
        if times > 1:
            yield f"state '{name}': {times} states have this name."
        if not 1 <= len(name) <= longest:
            yield f"state '{name}': its name has {len(name)} characters, and {longest} are allowed."
    labels: Counter[Any] = Counter(one.state["Label"] for one in everything if "Label" in one.state)
    for label, times in labels.items():
        if times > 1:
            yield f"label '{label}': {times} maps have it."
