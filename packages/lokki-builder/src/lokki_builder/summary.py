"""What a build says about itself on a terminal: what there is, why each map fans out as it does, what a run costs.

Input: the parts of a plan. Output: lines. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .asl.estimate import Cost, MapCost
from .asl.machine import Machine, MapPlan
from .cfn.stack import Stack
from .cfn.template import Template
from .image.base import PLATFORMS

SOURCES = {"none": "none", "lock": "uv.lock", "project": "pyproject.toml, without a lock"}
"""{where dependencies are declared: in words}."""


@dataclass(frozen=True)
class Facts:
    """What the summary is made from."""

    stack: Stack
    machine: Machine
    template: Template
    dependencies: str
    """A key of SOURCES."""
    layers: Mapping[str, str]
    warnings: tuple[str, ...]

    @property
    def platform(self) -> str:
        """What code is built for, as Docker says it."""
        return PLATFORMS[self.stack.config.lambda_.architecture]


def summary_lines(facts: Facts) -> tuple[str, ...]:
    """The whole summary, warnings last."""
    stack, template = facts.stack, facts.template
    through = ", goes through S3" if template.needs_upload else ""
    return (
        f"flow {stack.flow}" + (f" as {stack.name}" if stack.name != stack.flow else ""),
        f"  statemachine.json  {len(facts.machine.text.encode()):,} bytes",
        f"  template.yaml      {template.bytes:,} bytes, {template.resources} resources{through}",
        f"  lambdas/           {_packed(facts)}",
        f"  dependencies       {SOURCES[facts.dependencies]} (layer {facts.layers['dependencies'][:12]})",
        f"  flow files         layer {facts.layers['flow'][:12]}",
        *(_map_line(one) for one in facts.machine.maps),
        _cost_line("a run without items", facts.machine.estimate.run),
        *(_map_cost(one) for one in facts.machine.estimate.maps),
        *(f"warning: {warning}" for warning in facts.warnings),
    )


def _packed(facts: Facts) -> str:
    code = facts.stack.code
    settings = facts.stack.config.lambda_
    what = (
        f"image {code.image_repository}:{code.image_tag}"
        if code.package_type == "image"
        else f"zip {code.content_hash}"
    )
    return f"{what} (Python {settings.python}, {facts.platform})"


def _map_line(plan: MapPlan) -> str:
    batch = "" if plan.batch_size == 1 else f", {plan.batch_size} items a batch"
    express = ", EXPRESS" if plan.express else ""
    return f"  map {plan.name}: {plan.concurrency} at once ({plan.reason}){batch}{express}"


def _map_cost(one: MapCost) -> str:
    return _cost_line(f"{one.items:,} items of map {one.name}", one.cost)


def _cost_line(what: str, cost: Cost) -> str:
    parts = [
        f"{cost.transitions:,} transitions",
        f"{cost.s3_requests:,} S3 requests",
        f"{cost.invocations:,} invocations",
    ]
    parts += [f"{cost.jobs:,} Batch jobs"] if cost.jobs else []
    parts += [f"{cost.express_executions:,} EXPRESS executions"] if cost.express_executions else []
    return f"  {what}: about {', '.join(parts)}"
