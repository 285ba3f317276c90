"""Starts and resumes deployed runs.

Input: a Place; a flow and what was given for it, or a run. Output: the execution that was started. The flow's body is
evaluated here, so that parameters are refused before anything is started, by the code that `run` uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lokki.clock import SYSTEM_CLOCK, Clock
from lokki.commands.parameters import Given
from lokki.decorators import Flow
from lokki.errors import ResumeError
from lokki.params import check_size, complete, params_limit_bytes, to_json
from lokki.resolve import flow_params, resolve
from lokki.runner.record import check_run_id, new_run_id

from ..aws.executions import Execution
from ..errors import NameTakenError
from .place import Place
from .runhistory import RESUME, history_of, resumed_name


@dataclass(frozen=True)
class Started:
    """A run that is under way."""

    run_id: str
    execution: Execution


def input_of(flow: Flow[Any], given: Given) -> dict[str, Any]:
    """The execution's input: the parameters that were given, as JSON; defaults are the deployed flow's business.

    Raises ParamError for missing, unknown, ill-typed or too many of them, and GraphError for mistakes of the flow.
    """
    resolved = resolve(flow, complete(flow.name, flow_params(flow), given.values))
    implicit = given.implicit(resolved)
    check_size({**resolved.params, **implicit}, params_limit_bytes(resolved.graph))
    return to_json({**given.values, **implicit})


def start(place: Place, given: Mapping[str, Any], run_id: str | None, clock: Clock = SYSTEM_CLOCK) -> Started:
    """Start a run with this input. Raises NotDeployedError, ResumeError for a bad run id, NameTakenError."""
    name = check_run_id(run_id) if run_id else new_run_id(clock.now())
    execution = place.executions.start(name, given)
    if execution is None:
        raise NameTakenError(
            f"flow '{place.names.deployed}' has a run '{name}' already.",
            hint=f"Choose another --run-id, or go on with it: lokki-cli resume FLOW {name}.",
        )
    return Started(name, execution)


def resume(place: Place, run_id: str) -> Started:
    """Start another execution over a run that did not succeed, with the run's parameters.

    They are said again because a run whose first step was ended from outside may not have kept them.

    Raises ResumeError for one that is running or has succeeded, ObjectMissingError where there is no such run.
    """
    history = history_of(place, check_run_id(run_id))
    name = history.run_id
    if history.status == "running":
        raise ResumeError(f"run '{name}' is still running.", hint=f"Watch it: lokki-cli show FLOW --run {name} --wait.")
    if history.status == "succeeded":
        raise ResumeError(f"run '{name}' has succeeded; there is nothing left to do.", hint="Start a new one.")
    given = {RESUME: name} | ({"params": dict(history.params)} if history.params else {})
    for number in range(len(history.executions), len(history.executions) + 3):
        execution = place.executions.start(resumed_name(name, number), given)
        if execution is not None:
            return Started(name, execution)
    raise ResumeError(f"run '{name}' is being resumed by somebody else.", hint="Look at it with: lokki-cli show FLOW.")
