"""What the history of an execution tells, as the events that a local run sends.

Input: Step Functions' events, oldest first, and what is known of maps. Output: `lokki.runner.events.Event`, so that a
deployed run is shown as a local one. Pure but for what the reader is told to remember.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lokki.places import find
from lokki.runner.events import Event, Kind

from ..aws.executions import MapRun, details_of, utc
from .failures import in_words, record_of
from .machine import COLLECT, Machine

ENDS: dict[str, Kind] = {
    "ExecutionSucceeded": "run_success",
    "ExecutionFailed": "run_failure",
    "ExecutionTimedOut": "run_failure",
    "ExecutionAborted": "run_interrupted",
}
"""{what Step Functions calls the end of an execution: what it is here}."""

FAILURES = ("TaskFailed", "TaskTimedOut", "TaskStartFailed", "TaskSubmitFailed")
"""Ends of one attempt; another may follow."""

TOO_MANY = "States.ExceedToleratedFailureThreshold"
"""How Step Functions calls the failure of a map of which an item failed."""


@dataclass
class Current:
    """The state an execution is in."""

    state: str
    node: str
    """The step, or the map's name."""
    entered_at: datetime
    is_map: bool = False
    attempts: int = 0
    """Attempts of a task so far."""
    failure: str = ""
    """What the last attempt failed of."""
    reply: Mapping[str, Any] = field(default_factory=dict)
    """What the step answered."""
    map_run: str = ""
    """A map's own ARN; empty until it has one."""
    shown: MapRun | None = None
    """What was last said of the map."""


class Story:
    """Reads one execution as its events come in."""

    def __init__(self, machine: Machine, run_id: str, started_at: datetime) -> None:
        self._machine = machine
        self._flow = machine.graph.name
        self._run_id = run_id
        self._started_at = started_at
        self._last_id = 0
        self._items: dict[str, int] = {}
        self.current: Current | None = None
        """Where the execution is; None between states, before the first step and at the end."""
        self.end: Kind | None = None
        """How the execution ended; None while it goes on."""

    def read(self, events: Iterable[Mapping[str, Any]]) -> Iterator[Event]:
        """What these events tell; those that were read before are left out.

        After a map `current` stays until `ended_map` has said how it ended.
        """
        for event in events:
            if int(event["id"]) > self._last_id:
                self._last_id = int(event["id"])
                yield from self._one(str(event["type"]), utc(event["timestamp"]), details_of(event))

    def progress(self, found: MapRun, at: datetime) -> Iterator[Event]:
        """How far the map has come, where that is new."""
        current = self.current
        if current is None or not current.is_map or current.shown == found:
            return
        current.shown = found
        yield self._map_event("map_progress", at, current, found)

    def _one(self, kind: str, at: datetime, details: Mapping[str, Any]) -> Iterator[Event]:
        if kind.endswith("StateEntered"):
            yield from self._entered(str(details.get("name", "")), at)
        elif kind.endswith("StateExited"):
            yield from self._exited(str(details.get("name", "")), at)
        elif kind in ENDS:
            yield from self._ended(ENDS[kind], at, details)
        elif self.current is not None:
            yield from self._inside(self.current, kind, at, details)

    def _entered(self, state: str, at: datetime) -> Iterator[Event]:
        node = self._machine.nodes.get(state)
        if node is None:
            return
        self.current = Current(state, node, at, is_map=state in self._machine.maps)
        if self.current.is_map:
            yield self._event("map_start", at, node, total=self._total(node))
        elif not node.endswith(COLLECT):
            yield self._event("step_start", at, node)

    def _inside(self, current: Current, kind: str, at: datetime, details: Mapping[str, Any]) -> Iterator[Event]:
        if kind == "MapRunStarted":
            current.map_run = str(details.get("mapRunArn", ""))
        elif kind == "TaskScheduled":
            current.attempts += 1
            if current.failure:
                message, current.failure = current.failure, ""
                yield self._event("step_retry", at, current.node, message=message, attempt=current.attempts - 1)
        elif kind in FAILURES:
            current.failure = _said(details)
        elif kind == "TaskSucceeded":
            current.reply = _reply(details.get("output"))
            self._remember(current)

    def _exited(self, state: str, at: datetime) -> Iterator[Event]:
        current = self.current
        if current is None or current.state != state:
            return
        self.current = None
        took = (at - current.entered_at).total_seconds()
        if current.is_map:
            found = current.shown or MapRun(current.map_run, "SUCCEEDED", 0, 0, 0)
            yield self._map_event("map_success", at, current, found, took)
        elif not current.node.endswith(COLLECT):
            kind: Kind = "step_skipped" if current.reply.get("skipped") else "step_success"
            yield self._event(kind, at, current.node, duration_s=took)

    def _ended(self, kind: Kind, at: datetime, details: Mapping[str, Any]) -> Iterator[Event]:
        self.end = kind
        message = _said(details)
        current, self.current = self.current, None
        if current is not None and kind == "run_failure":
            event = self._failed(current, at, message)
            message = event.message or message
            yield event
        took = (at - self._started_at).total_seconds()
        yield self._event(kind, at, None, duration_s=took, message=message or None)

    def _failed(self, current: Current, at: datetime, message: str) -> Event:
        """The step or the map that ended the execution."""
        took = (at - current.entered_at).total_seconds()
        if not current.is_map:
            node = current.node.removesuffix(COLLECT)
            return self._event("step_failure", at, node, duration_s=took, message=current.failure or message)
        found = current.shown or MapRun(current.map_run, "FAILED", 0, 0, 0)
        event = self._map_event("map_failure", at, current, found, took, message)
        if message.startswith(TOO_MANY) and event.failed:
            return event.replace(message=f"{event.failed:,} of {event.total:,} items failed")
        return event

    def _remember(self, current: Current) -> None:
        """How many items the step's result has, where a map runs over it."""
        manifest = current.reply.get("manifest")
        if isinstance(manifest, Mapping) and isinstance(manifest.get("count"), int):
            self._items[current.node] = manifest["count"]

    def _total(self, name: str) -> int:
        link = find(self._machine.graph.chain, name).inside
        return self._items.get(link.source, 0) if link else 0

    def _map_event(
        self, kind: Kind, at: datetime, current: Current, found: MapRun, took: float | None = None, said: str = ""
    ) -> Event:
        """Rows of the manifest as items: a row may be a batch, and then its share is an estimate until all are done."""
        items = self._total(current.node) or found.total
        done, failed = (_share(rows, found.total, items) for rows in (found.done, found.failed))
        if kind == "map_success" and not found.total:
            done = items
        return self._event(
            kind, at, current.node, duration_s=took, message=said or None, done=done, failed=failed, total=items
        )

    def _event(self, kind: Kind, at: datetime, step: str | None, **more: Any) -> Event:
        return Event(kind, at, self._flow, self._run_id, step, **more)


def _share(rows: int, all_rows: int, items: int) -> int:
    return rows * items // all_rows if all_rows else 0


def _said(details: Mapping[str, Any]) -> str:
    """What an event says about a failure, in a line: the author's error, else AWS's own."""
    error, cause = str(details.get("error") or ""), str(details.get("cause") or "")
    record = record_of(cause)
    if record:
        return str(record.get("message", ""))
    words = in_words(error, cause).partition("\n")[0] if error or cause else ""
    return ": ".join(text for text in (error, words) if text)


def _reply(output: object) -> Mapping[str, Any]:
    """What a step's function answered, in the output of its task."""
    with suppress(ValueError, AttributeError):
        payload = json.loads(str(output)).get("Payload")
        return payload if isinstance(payload, Mapping) else {}
    return {}
