"""`build`: from a flow to a plan, in one call. What command lines use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lokki.config import LokkiConfig
from lokki.decorators import Flow
from lokki.params import complete
from lokki.resolve import flow_params, resolve

from .gather import BuildOptions, gather
from .plan import BuildPlan, plan_build


def build(
    flow: Flow[Any], config: LokkiConfig, params: Mapping[str, Any] | None = None, options: BuildOptions | None = None
) -> BuildPlan:
    """Plan the build of `flow`; `write_build` writes it.

    `params` {name: typed value} are what the flow's body is evaluated with, to learn its shape; parameters with a
    default may be left out. Raises ParamError for one that is missing, GraphError for mistakes of the flow,
    PackagingError, and TemplateError with everything AWS would refuse.
    """
    values = complete(flow.name, flow_params(flow), params or {})
    return plan_build(gather(resolve(flow, values), config, options or BuildOptions()))
