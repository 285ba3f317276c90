"""Waiting for a deployed run: what happens is shown as `run` shows it, and so is how it ended.

Input: an execution. Output: text, and the exit code: 0 succeeded, 1 failed, 130 where the user went away, which the
run does not mind.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lokki import Run, environment
from lokki.boundary import INTERRUPTED, explain
from lokki.commands.run import show_result
from lokki.config import LokkiConfig
from lokki.logging import HumanLog, JsonLog
from lokki.runner.events import Event, Listener

from .. import ui
from ..errors import OperationError
from ..ops.deployedrun import DeployedRun
from ..ops.failures import run_failure
from ..ops.invoke import Started
from ..ops.machine import read_machine
from ..ops.place import Place
from ..ops.results import plain_or_text
from ..ops.runhistory import STATUSES, history_of
from ..ops.watch import ended, watch
from ..target import Target
from .again import again


def place_of(target: Target) -> Place:
    """Where the flow is deployed."""
    return Place(target.names, target.clients, target.config.aws.artifact_bucket)


def ready(target: Target) -> None:
    """Raise ConfigError where the result of a run could not be read; that should be told before one is started."""
    place_of(target).store  # noqa: B018  # opens it


def waited(target: Target, started: Started, *, as_json: bool) -> int:
    """Show the run until it ends, then its result or why it failed. Returns the exit code; raises OperationError."""
    place = place_of(target)
    try:
        with listener(target.config) as listen:
            end = _watched(place, started, listen)
            last = ended(place, started.execution)
    except KeyboardInterrupt:
        ui.note(f"No longer watching; run '{started.run_id}' goes on.")
        ui.note(f"Watch it again: {again('show', '--run', started.run_id, '--wait')}")
        return INTERRUPTED
    except OperationError as error:
        goes_on = f"Run '{started.run_id}' goes on; watch it again: {again('show', '--run', started.run_id, '--wait')}"
        error.hint = f"{error.hint} {goes_on}" if error.hint else goes_on
        raise
    if end == "run_success":
        return _succeeded(target, place, started, as_json=as_json)
    return _failed(place, Started(started.run_id, last), as_json=as_json)


def _watched(place: Place, started: Started, listen: Listener) -> str:
    """Tell `listen` what happens; the kind of the last event."""
    last: Event | None = None
    for last in watch(place, started.run_id, started.execution):
        listen(last)
    return last.kind if last is not None else "run_failure"


def _succeeded(target: Target, place: Place, started: Started, *, as_json: bool) -> int:
    with ui.results_only():
        value = Run(target.names.flow, started.run_id, backend=DeployedRun(place, started.run_id)).result
    if as_json:
        ui.document({**document(started), "status": "succeeded", "result": plain_or_text(value)})
    else:
        show_result(value)
    return 0


def _failed(place: Place, started: Started, *, as_json: bool) -> int:
    history = history_of(place, started.run_id)
    machine = read_machine(place.executions.definition(started.execution.arn))
    failure = run_failure(place, machine, history)
    if as_json:
        status = STATUSES.get(started.execution.status, "failed")
        ui.document({**document(started), "status": status, "error": failure.to_dict()})
    ui.note(explain(failure.to_error(machine.graph.name)))
    ui.note(f"Go on with: {again('resume', started.run_id)}")
    return 1


def document(started: Started) -> dict[str, Any]:
    """A run that was started, as plain JSON."""
    return {"run_id": started.run_id, "execution_arn": started.execution.arn}


@contextmanager
def listener(config: LokkiConfig) -> Iterator[Listener]:
    """What shows events on stderr: a live line on a terminal, else the documented lines, or JSON lines."""
    logging = config.logging
    if logging.format == "json":
        yield JsonLog(_to_stderr, level=logging.level, progress_interval=logging.progress_interval)
    elif sys.stderr.isatty() and environment.get("TERM") != "dumb":
        from lokki.live import LiveDisplay  # noqa: PLC0415  # only a terminal needs it

        display = LiveDisplay(sys.stderr, level=logging.level, color=environment.get("NO_COLOR") is None)
        try:
            yield display
        finally:
            display.close()
    else:
        yield HumanLog(
            _to_stderr,
            level=logging.level,
            progress_interval=logging.progress_interval,
            show_timestamps=logging.show_timestamps,
        )


def _to_stderr(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
