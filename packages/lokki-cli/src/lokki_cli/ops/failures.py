"""Why a deployed run failed: which step, which item, and the author's own traceback.

Input: a Place, the machine and the run's history. Output: `Failure`. Step Functions knows the failed state and, for a
map, the failed child; the runtime left the whole error in `error.json`, whose place follows from both.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lokki.errors import LokkiError, StepFailedError
from lokki.failure import ItemFailure
from lokki.places import Path, find, places
from lokki.wire import parse_path

from ..aws.executions import Execution, details_of
from ..errors import OperationError
from .machine import COLLECT, Machine
from .place import Place
from .runhistory import RunHistory

CHILD_FAILURES = ("FAILED", "TIMED_OUT", "ABORTED")
"""Statuses of a map's children that may have failed it, the most telling first."""

OWN_ERRORS = ("LokkiFatal", "LokkiRetryable", "LokkiContinue")
"""Errors after which `error.json` is that of this very failure."""


@dataclass(frozen=True)
class Failure:
    """What ended a run."""

    message: str
    """What happened, and where."""
    node: str | None = None
    """The step; None where no step is to blame."""
    path: Path = ()
    """The item of each enclosing map, outermost first."""
    index: int | None = None
    """The item of the innermost map; None outside maps."""
    error_type: str = ""
    """The author's exception, or Step Functions' name of the error."""
    traceback: str = ""
    """The author's own traceback; empty where there is none."""
    attempts: int = 1
    """How often the step was tried."""
    items: tuple[ItemFailure, ...] = ()
    """The first failed items, where a map had more of them than it tolerates."""

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return {**vars(self), "path": list(self.path), "items": [dict(vars(one)) for one in self.items]}

    def to_error(self, flow: str) -> StepFailedError:
        """The error a local run would raise."""
        shown = self.traceback or (self.items[0].traceback if self.items else "")
        return StepFailedError(
            self.message,
            flow=flow,
            step=self.node or "",
            index=self.index,
            attempts=self.attempts,
            traceback=shown,
        )


def run_failure(place: Place, machine: Machine, history: RunHistory) -> Failure:
    """What ended the last execution over a run that did not succeed."""
    if history.status == "interrupted":
        why = f": {history.last.cause}" if history.last.cause else ""
        return Failure(f"run '{history.run_id}' was stopped{why}.", error_type=history.last.error or "Aborted")
    return _Search(place, machine, history).of(history.last, ())


@dataclass(frozen=True)
class _Search:
    place: Place
    machine: Machine
    history: RunHistory

    def of(self, execution: Execution, path: Path) -> Failure:
        """What ended an execution whose states are at `path`."""
        error, cause, state, map_run = self._end(execution)
        if map_run is not None:
            child = self._failed_child(map_run)
            if child is not None:
                return self.of(child, self._path_of(child, path))
            return self._from_map(map_run.state, path, error, cause)
        told = record_of(cause)
        node = str(told.get("step") or self.machine.nodes.get(state, ""))
        with suppress(ValueError):
            path = parse_path(str(told["path"])) if told.get("path") else path
        return self._failure(node, path, error, cause, self._record(node, path, error) or told)

    def _end(self, execution: Execution) -> tuple[str, str, str, _MapRun | None]:
        """(error, cause, the state it happened in, the map that failed there) of an execution."""
        error, cause = execution.error or "", execution.cause or ""
        state, map_run = "", None
        for event in self.place.executions.history(execution.arn):
            details = details_of(event)
            kind = str(event["type"])
            if kind.endswith("StateEntered"):
                state, map_run = str(details.get("name", "")), None
            elif kind == "MapRunStarted":
                map_run = _MapRun(str(details.get("mapRunArn", "")), state)
            elif kind in ("MapStateExited", "MapRunSucceeded"):
                map_run = None
            elif kind in ("ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"):
                error = str(details.get("error") or error)
                cause = str(details.get("cause") or cause)
        if execution.status == "TIMED_OUT" and not error:
            error = "States.Timeout"
        return error, cause, state, map_run

    def _failed_child(self, map_run: _MapRun) -> Execution | None:
        """The execution of the first item that failed; None where Step Functions lists none, as for EXPRESS ones."""
        for status in CHILD_FAILURES:
            with suppress(OperationError):
                found = next(self.place.executions.children(map_run.arn, status), None)
                if found is not None:
                    return self.place.executions.describe_arn(found.arn) or found
        return None

    def _path_of(self, child: Execution, path: Path) -> Path:
        with suppress(ValueError):
            return parse_path(str((child.input or {}).get("path", "")))
        return path

    def _from_map(self, state: str, path: Path, error: str, cause: str) -> Failure:
        """The first item of a map that left an error, where nobody lists the children."""
        name = self.machine.maps.get(state, "")
        for node, at in self._places_in(name, path):
            record = self._record(node, at, "")
            if record is not None:
                return self._failure(node, at, error, cause, record)
        return self._failure(name, path, error, cause, {})

    def _places_in(self, name: str, path: Path) -> Iterator[tuple[str, Path]]:
        """Where items of a map may have left an error: each batch of it, at each step of its body."""
        link = find(self.machine.graph.chain, name).inside if name else None
        if link is None:
            return
        store, names = self.place.store, self.place.names
        url = store.manifest_url(names.deployed, self.history.run_id, link.source, path=path)
        nodes = [where.task.node for where in places(link.body, link) if where.inside is link]
        with suppress(LokkiError):
            for row in store.read_manifest(url):
                yield from ((node, (*path, row.first)) for node in nodes)

    def _record(self, node: str, path: Path, error: str) -> Mapping[str, Any] | None:
        """The whole error that the step left; None for none, or one of an earlier execution."""
        if not node:
            return None
        with suppress(LokkiError):
            names = self.place.names
            record = self.place.store.read_error(names.deployed, self.history.run_id, node, path=path)
            if record is not None and (error in OWN_ERRORS or self._is_new(record)):
                return record
        return None

    def _is_new(self, record: Mapping[str, Any]) -> bool:
        try:
            return datetime.fromisoformat(str(record.get("at"))) >= self.history.last.started_at
        except (TypeError, ValueError):
            return False

    def _failure(self, node: str, path: Path, error: str, cause: str, record: Mapping[str, Any]) -> Failure:
        flow, shown = self.machine.graph.name, node.removesuffix(COLLECT)
        index = record.get("index")
        index = index if isinstance(index, int) else (path[-1] if path else None)
        where = f"flow '{flow}'" + (f", step '{shown}'" if shown else "") + (f", item {index}" if path else "")
        text = str(record.get("message") or "") or f"{where}: {error}: {in_words(error, cause)}"
        return Failure(
            message=text if text.startswith("flow '") else f"{where}: {text}",
            node=shown or None,
            path=path,
            index=index,
            error_type=str(record.get("error_type") or error),
            traceback=str(record.get("traceback") or ""),
            attempts=int(record.get("attempts") or 1),
            items=tuple(_items(record)),
        )


@dataclass(frozen=True)
class _MapRun:
    arn: str
    state: str


def record_of(cause: str) -> dict[str, Any]:
    """The runtime's error record that a cause holds: the JSON of Lambda's answer, with JSON in it. Else empty."""
    answer = _object(cause)
    return _object(answer.get("errorMessage"))


def _items(record: Mapping[str, Any]) -> Iterator[ItemFailure]:
    for one in record.get("failures") or ():
        with suppress(TypeError):
            yield ItemFailure(**one)


_MEANINGS = {
    "Sandbox.Timedout": "it took longer than its timeout allows, and was ended.",
    "States.Timeout": "it took longer than its timeout allows, and was ended.",
    "Lambda.Unknown": "its function was ended from outside, most often because it ran out of memory.",
    "Runtime.ExitError": "its process ended, most often because it ran out of memory.",
    "States.ExceedToleratedFailureThreshold": "an item failed.",
}


def in_words(error: str, cause: str) -> str:
    """What AWS's own error means: in our words, with AWS's.

    A cause is a text, Lambda's answer or a job's description.
    """
    answer = _object(cause)
    told = str(answer.get("errorMessage") or answer.get("StatusReason") or ("" if answer else cause)).strip()
    parts = (_MEANINGS.get(error, ""), told)
    return " ".join(part for part in parts if part) or "AWS says no more."


def _object(text: object) -> dict[str, Any]:
    with suppress(ValueError):
        found = json.loads(text) if isinstance(text, str) else None
        if isinstance(found, dict):
            return found
    return {}
