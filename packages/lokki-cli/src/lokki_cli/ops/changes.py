"""What a deployment changes, for people: resources, statements of policies, states of the state machine.

Input: two templates, as data, and CloudFormation's change set. Output: `Diff`. Pure. CloudFormation knows what it will
replace; what changes inside a policy or a definition is read from the templates.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from ..aws.stacks import Change
from .policies import statements
from .states import states

Sign = Literal["+", "~", "-"]

VERSION = "AWS::Lambda::Version"
FUNCTION = "AWS::Lambda::Function"

_SIGNS: dict[str, Sign] = {"Add": "+", "Modify": "~", "Remove": "-", "Import": "+", "Dynamic": "~"}
_ELSEWHERE = ("Policies", "PolicyDocument", "AssumeRolePolicyDocument", "DefinitionString")
"""Properties that are told statement by statement, and state by state."""
NO_VALUES: Mapping[str, str] = MappingProxyType({})

_SHORT = 60
"""Characters of a value that is shown whole."""


@dataclass(frozen=True)
class Line:
    """One thing that changes."""

    sign: Sign
    """Added, changed, removed."""
    name: str
    detail: str = ""


@dataclass(frozen=True)
class Diff:
    """Everything that changes, each kind in the new template's order, what goes last."""

    resources: tuple[Line, ...]
    statements: tuple[Line, ...]
    states: tuple[Line, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing changes."""
        return not (self.resources or self.statements or self.states)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain JSON: {kind: [{`change`, `name`, `detail`}]}."""
        words = {"+": "add", "~": "change", "-": "remove"}
        kinds = {"resources": self.resources, "statements": self.statements, "states": self.states}
        return {
            kind: [{"change": words[line.sign], "name": line.name, "detail": line.detail} for line in lines]
            for kind, lines in kinds.items()
        }


def diff(
    old: Mapping[str, Any], new: Mapping[str, Any], changes: Iterable[Change], values: Mapping[str, str] = NO_VALUES
) -> Diff:
    """What CloudFormation's `changes` come to, on the way from one template to the other; `old` may be empty.

    `values` {parameter: value} are filled in where statements name parameters.
    """
    before, after = _resources(old), _resources(new)
    return Diff(
        tuple(_resource_lines(before, after, list(changes))),
        tuple(compared(_filled(statements(before), values), _filled(statements(after), values))),
        tuple(_state_lines(states(before), states(after))),
    )


def _filled(texts: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    pattern = re.compile("|".join(re.escape(f"${{{name}}}") for name in values) or "(?!)")
    return {name: pattern.sub(lambda found: values[found[0][2:-1]], text) for name, text in texts.items()}


def compared(old: Mapping[str, str], new: Mapping[str, str]) -> list[Line]:
    """{name: text} of two sides, as lines."""
    lines = [Line("+", name, text) for name, text in new.items() if name not in old]
    changed = [Line("~", name, f"{old[name]} → {text}") for name, text in new.items() if old.get(name, text) != text]
    gone = [Line("-", name, text) for name, text in old.items() if name not in new]
    return [*lines, *changed, *gone]


def _state_lines(old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]) -> Iterable[Line]:
    yield from (Line("+", name, str(state.get("Type", ""))) for name, state in new.items() if name not in old)
    for name, state in new.items():
        if old.get(name, state) != state:
            yield Line("~", name, ", ".join(differences(old[name], state)))
    yield from (Line("-", name, str(state.get("Type", ""))) for name, state in old.items() if name not in new)


def _resource_lines(before: Mapping[str, Any], after: Mapping[str, Any], changes: list[Change]) -> Iterable[Line]:
    """A line for each resource; versions of functions, which every change of code brings, are counted."""
    order = {name: place for place, name in enumerate([*after, *before])}
    told = [change for change in changes if change.kind != VERSION]
    for change in sorted(told, key=lambda one: ("+~-".index(_SIGNS.get(one.action, "~")), order.get(one.logical, 0))):
        sign = _SIGNS.get(change.action, "~")
        properties = _properties(before.get(change.logical, {}), after.get(change.logical, {})) if sign == "~" else ""
        replaced = "made anew" if change.replacement == "True" else ""
        detail = ", ".join(filter(None, [properties, replaced]))
        yield Line(sign, f"{change.logical} ({change.kind.removeprefix('AWS::')})", detail)
    fresh = sum(1 for change in changes if change.kind == VERSION and change.action == "Add")
    if fresh:
        yield Line("+", f"{fresh} {'version' if fresh == 1 else 'versions'} of functions", "the old ones are kept")


def _resources(template: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = template.get("Resources") or {}
    return found


def _properties(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Which properties of a resource change, but for those that are told elsewhere."""
    mine, yours = ({**(one.get("Properties") or {})} for one in (old, new))
    for name in _ELSEWHERE:
        mine.pop(name, None)
        yours.pop(name, None)
    told = differences(mine, yours)
    if new.get("Type") == FUNCTION:
        # A function's description says which code it runs; the code itself is a parameter of the template.
        told = ["code" if text.split()[0] in ("Description", "Code") else text for text in told]
    return ", ".join(dict.fromkeys(told))


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Which entries differ, with both values where these are short."""
    names = [name for name in dict.fromkeys([*old, *new]) if old.get(name) != new.get(name)]
    return [_difference(name, old.get(name), new.get(name)) for name in names]


def _difference(name: str, old: Any, new: Any) -> str:
    texts = [_shown(old), _shown(new)]
    if all(texts) and sum(map(len, texts)) <= _SHORT:
        return f"{name} {texts[0]} → {texts[1]}"
    return name


def _shown(value: Any) -> str:
    """A scalar as it is; nothing for what has parts."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | int | float) else ""
