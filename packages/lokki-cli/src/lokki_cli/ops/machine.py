"""Reads a deployed state machine: which step is behind which state, and what graph it runs.

Input: a definition as Step Functions has it. Output: `Machine`. Pure. An execution keeps the definition it was
started with, so this, not the flow file, says what a run has done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lokki.graph import Entry, FlowGraph, MapCloseEntry, MapOpenEntry, MapOptions, StepOptions, TaskEntry
from lokki.retry import RetryConfig
from lokki.store.keys import MANIFEST

from ..errors import OperationError

COLLECT = ".collect"
"""How the pseudo node that judges an open map ends."""

State = Mapping[str, Any]


@dataclass(frozen=True)
class Machine:
    """What a definition says about the flow."""

    graph: FlowGraph
    """The flow's graph as far as the definition tells. Not in it: batch sizes, and the percentage that may fail."""
    nodes: Mapping[str, str]
    """{state: its node}; of a map's state, the map's name; of the state that judges a map, `<name>.collect`."""
    maps: Mapping[str, str]
    """{state of a map: the map's name}."""
    functions: Mapping[str, str]
    """{node: name of its Lambda function}."""
    jobs: Mapping[str, str]
    """{node: name of its Batch job definition}."""


def read_machine(definition: State) -> Machine:
    """Read a definition that lokki made. Raises OperationError for any other."""
    found = _Reader()
    try:
        entries = tuple(found.chain(definition["States"], definition["StartAt"]))
        graph = FlowGraph(str(definition["Comment"]).removeprefix("lokki flow "), entries)
        _ = graph.chain  # reads the nesting
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise OperationError(
            f"this state machine was not made by lokki, or not by this version ({error!r}).",
            hint="Deploy the flow again.",
        ) from error
    return Machine(graph, found.nodes, found.maps, found.functions, found.jobs)


@dataclass
class _Reader:
    """Walks the states in their order."""

    nodes: dict[str, str] = field(default_factory=dict)
    maps: dict[str, str] = field(default_factory=dict)
    functions: dict[str, str] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)

    def chain(self, states: Mapping[str, State], start: str) -> list[Entry]:
        """The entries of the states from `start` to the end."""
        entries: list[Entry] = []
        source = ""
        event: State = {}
        for name, state in _in_order(states, start):
            if state["Type"] == "Map":
                entries += self._map(name, state, source)
            elif state["Type"] == "Pass":
                event = state.get("Parameters", {}).get("event", {})
            elif state["Type"] == "Task":
                payload = state["Parameters"].get("Payload") or event
                source = self._task(name, state, payload, entries)
        return entries

    def _task(self, name: str, state: State, payload: State, entries: list[Entry]) -> str:
        """Add a task, or what aggregates the map before it; its node."""
        node = str(payload["node"])
        self.nodes[name] = node
        batch = "JobDefinition" in state["Parameters"]
        known, key = (self.jobs, "JobDefinition") if batch else (self.functions, "FunctionName")
        known[node] = _name_in(str(state["Parameters"][key]))
        if node.endswith(COLLECT):
            return node
        retry = RetryConfig(retries=_retries(state))
        task = TaskEntry(node, node, "", StepOptions(job_type="batch" if batch else "lambda", retry=retry))
        if str(payload.get("input.$", "")).partition(",")[0].endswith(f"{MANIFEST}'"):
            entries[-1] = MapCloseEntry(entries[-1].name, task)  # type: ignore[union-attr]  # a map was just closed
        else:
            entries.append(task)
        return node

    def _map(self, name: str, state: State, source: str) -> list[Entry]:
        processor = state["ItemProcessor"]
        body = self.chain(processor["States"], processor["StartAt"])
        first = body[0]
        if not isinstance(first, TaskEntry):
            raise TypeError(f"the map {name} begins with no task")
        self.nodes[name] = self.maps[name] = first.node
        options = MapOptions(
            concurrency_limit=state.get("MaxConcurrency"),
            tolerated_failure_percentage=state.get("ToleratedFailurePercentage", 0),
            express=processor.get("ProcessorConfig", {}).get("ExecutionType") == "EXPRESS",
        )
        return [MapOpenEntry(first.node, source, options), *body, MapCloseEntry(first.node)]


def _in_order(states: Mapping[str, State], start: str) -> Iterator[tuple[str, State]]:
    """The states one run goes through, by the default way of each choice."""
    name: str | None = start
    seen: set[str] = set()
    while name is not None and name not in seen:
        seen.add(name)
        state = states[name]
        yield name, state
        name = state.get("Default") if state["Type"] == "Choice" else state.get("Next")


def _retries(state: State) -> int:
    """How often the author's policy tries again; 0 where the container or the runtime applies it."""
    found = [one for one in state.get("Retry", ()) if "LokkiRetryable" in one.get("ErrorEquals", ())]
    return int(found[0]["MaxAttempts"]) if found else 0


def _name_in(reference: str) -> str:
    """The name of a function or job definition in its ARN, or in itself, without a version."""
    if not reference.startswith("arn:"):
        return reference.partition(":")[0]
    resource = reference.split(":", 5)[5]
    kind, _, name = resource.partition("/" if resource.startswith("job-definition/") else ":")
    return (name or kind).partition(":")[0]
