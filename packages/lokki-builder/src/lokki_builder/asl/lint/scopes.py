"""The levels of a definition: the machine itself and the body of each map. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..model import State


@dataclass(frozen=True)
class Scope:
    """The states of one level, which may go to each other and to no others."""

    where: str
    """What a message calls it: `the machine`, `the body of 'MapFlapBird'`."""
    start: Any
    """Its StartAt."""
    states: Mapping[str, State]
    depth: int
    """How many maps it is inside."""
    express: bool
    """Whether it runs as an EXPRESS execution."""


@dataclass(frozen=True)
class Found:
    """A state where it was found."""

    name: str
    state: State
    scope: Scope

    def says(self, text: str) -> str:
        """A finding about this state."""
        return f"state '{self.name}': {text}"


def scopes(definition: State) -> Iterator[Scope]:
    """The machine and every map's body, outer before inner."""
    yield from _scopes(definition, "the machine", 0, express=False)


def found(scope: Scope) -> Iterator[Found]:
    """Every state of one level."""
    for name, state in scope.states.items():
        yield Found(name, state, scope)


def processor(state: State) -> State:
    """A map's ItemProcessor; {} where there is none."""
    body: State = state.get("ItemProcessor") or {}
    return body


def config(state: State) -> State:
    """A map's ProcessorConfig; {} where there is none."""
    value: State = processor(state).get("ProcessorConfig") or {}
    return value


def _scopes(machine: State, where: str, depth: int, *, express: bool) -> Iterator[Scope]:
    scope = Scope(where, machine.get("StartAt"), machine.get("States") or {}, depth, express)
    yield scope
    for name, state in scope.states.items():
        if state.get("Type") == "Map":
            inner = express or config(state).get("ExecutionType") == "EXPRESS"
            yield from _scopes(processor(state), f"the body of '{name}'", depth + 1, express=inner)
