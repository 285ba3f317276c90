"""Evaluates a flow's body with what a command line gives, for commands that need its graph and run nothing.

Input: a flow and parameters; required ones that are missing are made up. Output: `Evaluated`. Runs the flow's body.
Raises LokkiError: ParamError for bad parameters, GraphError with all mistakes of the flow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lokki.commands.parameters import Given
from lokki.decorators import Flow
from lokki.errors import FlowDefinitionError, GraphError
from lokki.params import complete, to_json
from lokki.resolve import Resolved, flow_params, resolve

from ..placeholders import placeholders


@dataclass(frozen=True)
class Evaluated:
    """A flow whose body has been evaluated."""

    resolved: Resolved
    assumed: Mapping[str, Any]
    """{required parameter that was not given: the value the flow's body was evaluated with}, as JSON."""


def evaluate(flow: Flow[Any], given: Given) -> Evaluated:
    """Evaluate `flow` with `given`, and made-up values for required parameters that are not among them."""
    params = flow_params(flow)
    assumed = placeholders(flow, params, given.values)
    resolved = _resolve(flow, complete(flow.name, params, {**given.values, **assumed}), to_json(assumed))
    given.implicit(resolved)  # refuses what neither the flow nor its first step knows
    return Evaluated(resolved, to_json(assumed))


def _resolve(flow: Flow[Any], values: Mapping[str, Any], assumed: Mapping[str, Any]) -> Resolved:
    try:
        return resolve(flow, values)
    except GraphError:
        raise
    except FlowDefinitionError as error:
        if assumed:
            made_up = ", ".join(f"{name} = {value!r}" for name, value in assumed.items())
            options = " ".join(f"--{name.replace('_', '-')} VALUE" for name in assumed)
            told = f"{error.hint} " if error.hint else ""
            error.hint = f"{told}It was evaluated with made-up parameters ({made_up}); give real ones: {options}"
        raise
