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
from lokki_builder import BuildOptions, BuildPlan, plan_build
from lokki_builder.gather import gather

from .evaluate import evaluate


@dataclass(frozen=True)
class Planned:
    """A build that is ready to be written."""

    plan: BuildPlan
    assumed: Mapping[str, Any]
    """{required parameter that was not given: the value the flow's body was evaluated with}, as JSON."""


def plan(flow: Flow[Any], given: Given, config: LokkiConfig, options: BuildOptions | None = None) -> Planned:
    """Plan the build of `flow`."""
    evaluated = evaluate(flow, given)
    return Planned(plan_build(gather(evaluated.resolved, config, options or BuildOptions())), evaluated.assumed)
