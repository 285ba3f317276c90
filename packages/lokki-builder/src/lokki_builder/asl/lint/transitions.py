"""Where states lead: every target exists, every state is reached, and from every state there is a way to an end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..model import State
from .scopes import Scope


def lint_transitions(scope: Scope) -> Iterator[str]:
    """Faults of the transitions of one level."""
    if scope.start not in scope.states:
        yield f"{scope.where}: StartAt names {scope.start!r}, which is not one of its states."
        return
    for name, state in scope.states.items():
        yield from _targets(name, state, scope)
        yield from _goes_on(name, state)
    reached = _reached([scope.start], {name: targets(state) for name, state in scope.states.items()})
    for name in sorted(set(scope.states) - reached):
        yield f"state '{name}': nothing leads to it."
    for name in sorted(set(scope.states) - _ending(scope.states)):
        yield f"state '{name}': no way from it leads to an end."


def targets(state: State) -> list[Any]:
    """Every state that `state` may go to."""
    choices = [choice.get("Next") for choice in state.get("Choices", [])]
    named = [state[key] for key in ("Next", "Default") if key in state]
    return [*named, *choices, *(catch.get("Next") for catch in state.get("Catch", []))]


def _targets(name: str, state: State, scope: Scope) -> Iterator[str]:
    for target in targets(state):
        if target not in scope.states:
            yield f"state '{name}': leads to {target!r}, which is not in {scope.where}."


def _goes_on(name: str, state: State) -> Iterator[str]:
    ways = ("Next" in state) + (state.get("End") is True)
    if state.get("Type") != "Choice" and ways != 1:
        yield f"state '{name}': it needs either Next or End, and has {'both' if ways else 'neither'}."


def _reached(start: list[Any], leads_to: Mapping[str, list[Any]]) -> set[Any]:
    reached: set[Any] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += leads_to.get(name, [])
    return reached


def _ending(states: Mapping[str, State]) -> set[Any]:
    """The states from which an end can be reached."""
    comes_from: dict[str, list[Any]] = {}
    for name, state in states.items():
        for target in targets(state):
            comes_from.setdefault(target, []).append(name)
    return _reached([name for name, state in states.items() if state.get("End") is True], comes_from)
