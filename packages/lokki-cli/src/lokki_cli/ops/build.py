"""Plans the build of a flow from what a command line gives.

Input: a flow, parameters, configuration. Output: `Planned`; `lokki_builder.write_build` writes it. Reads the flow's
folder and project (`lokki_builder.gather`). Raises LokkiError: all mistakes of the flow, or all of the build, at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lokki.commands.parameters import Given
from lokki.config import LokkiConfig
from lokki.decorators import Flow
from lokki.errors import FlowDefinitionError, GraphError
from lokki.params import complete, to_json
from lokki.resolve import Resolved, flow_params, resolve
from lokki_builder import BuildOptions, BuildPlan, plan_build
from lokki_builder.gather import gather

from ..placeholders import placeholders


@dataclass(frozen=True)
class Planned:
    """A build that is ready to be written."""

    plan: BuildPlan
    assumed: Mapping[str, Any]
    """{required parameter that was not given: the value the flow's body was evaluated with}, as JSON."""


def plan(flow: Flow[Any], given: Given, config: LokkiConfig) -> Planned:
    """Plan the build of `flow`."""
    params = flow_params(flow)
    assumed = placeholders(flow, params, given.values)
    resolved = _resolve(flow, complete(flow.name, params, {**given.values, **assumed}), to_json(assumed))
    given.implicit(resolved)  # refuses what neither the flow nor its first step knows
    return Planned(plan_build(gather(resolved, config, BuildOptions())), to_json(assumed))


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
