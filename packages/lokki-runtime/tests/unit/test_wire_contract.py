"""The runtime understands the golden events, which the builder's definitions produce."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from lokki.graph import FlowGraph, MapCloseEntry, MapOpenEntry, MapOptions, TaskEntry
from lokki.wire import LambdaEvent
from lokki_runtime.program import Bound
from lokki_runtime.roles import Role, roles_of
from lokki_runtime.runtime import Runtime
from lokki_runtime.settings import Settings

GOLDEN = Path(__file__).parents[4] / "tests-e2e" / "golden" / "wire"


def task(node: str) -> TaskEntry:
    return TaskEntry(node, node, "birds_flow")


TOLERANT = MapOptions(batch_size=32, tolerated_failure_percentage=5)
MEASURES = (MapOpenEntry("measure", "pages"), task("measure"), MapCloseEntry("measure", task("merge")))
GRAPHS = (
    (
        task("get_birds"),
        MapOpenEntry("flap_bird", "get_birds", TOLERANT),
        task("flap_bird"),
        task("name_bird"),
        MapCloseEntry("flap_bird", task("join_birds")),
        task("publish"),
    ),
    (
        task("get_birds"),
        MapOpenEntry("flap_bird", "get_birds", TOLERANT),
        task("flap_bird"),
        MapCloseEntry("flap_bird"),
    ),
    (task("get"), MapOpenEntry("pages", "get"), task("pages"), *MEASURES, MapCloseEntry("pages", task("report"))),
)


class Program:
    """The roles of all graphs, without code."""

    title = deployed_name = "birds-flow"

    def __init__(self) -> None:
        self.roles: Mapping[str, Role] = {}
        for entries in reversed(GRAPHS):
            self.roles = {**self.roles, **roles_of(FlowGraph("birds-flow", entries))}

    def load(self) -> None:
        raise NotImplementedError

    def step(self, role: Role) -> Any:
        raise NotImplementedError

    def bound(self, role: Role, place: Any, clock: Any) -> Bound:
        raise NotImplementedError


WANTED: dict[str, dict[str, Any]] = {
    "event_first": {"is_first": True, "in_leaf": False},
    "event_task": {"is_first": False, "begins_body": False, "aggregates": None},
    "event_row": {"begins_body": True, "in_leaf": True, "in_batches": True, "tolerant": True},
    "event_body": {"begins_body": False, "in_leaf": True},
    "event_nested_row": {"begins_body": True, "in_leaf": True, "in_batches": False, "depth": 2},
    "event_aggregation": {"in_leaf": False, "begins_body": False, "depth": 0},
    "event_collect": {"task": None, "depth": 0},
}


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("event_*.json")), ids=lambda file: file.stem)
def test_a_golden_event_finds_its_role(file: Path) -> None:
    event = LambdaEvent.from_dict(json.loads(file.read_text(encoding="utf-8")))
    role = Runtime(Settings(node=event.node), program=Program()).role(event)
    wanted = WANTED[file.stem]
    assert {name: getattr(role, name) for name in wanted} == wanted
    assert (role.aggregates is not None) == (file.stem in ("event_aggregation", "event_collect"))
