"""Builds the Step Functions definition of a flow: graph in, `Machine` out. Pure.

    machine = build_machine(flow(), MachineOptions())

The definition holds `${Name}` wherever the template has to fill in something; every such name is in
`machine.substitutions`, so the template passes exactly these in `DefinitionSubstitutions`:

    Bucket, FlowName                       FlowName is the physical name and starts every key
    Partition                              in the ARNs of a map's reader and writer
    LambdaInvoke, BatchSubmitJob           a task's whole resource: arn:<partition>:states:::lambda:invoke and
                                           arn:<partition>:states:::batch:submitJob.sync
    JobQueue                               where a step runs on Batch
    <Step>Function, <Step>JobDefinition    one per step, `machine.functions` says which node uses which
    LokkiCollectFunction                   where a tolerant map ends open; its handler is the runtime's own

**The input of an execution** is the object of the flow's parameters, `{}` for none:

    {"limit": 5}
    {"resume": "<run id>"}                             continue that run with the parameters it was started with
    {"resume": "<run id>", "params": {"limit": 5}}     the same, the parameters said again and compared

No flow parameter may be called `resume` or `params` (lokki refuses them), so the two forms cannot be confused.
`params` reaches the event as it was given; with `{"resume": …}` alone it is `{}`. A schedule has to pass an object of
its own, since the scheduler's default is not one of parameters.

**What an event says**: see `payload`. **Who retries what**: see `retries`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lokki.graph import FlowGraph

from ..errors import AslError
from ..limits import enforce
from .checks import check_definition, check_graph
from .estimate import Estimate, estimate
from .functions import assign_functions, substitutions
from .lint import lint_definition
from .lower import lower
from .maps import plan_maps
from .model import FunctionRef, MachineOptions, MapPlan
from .names import assign_names

__all__ = ["FunctionRef", "Machine", "MachineOptions", "MapPlan", "build_machine"]


@dataclass(frozen=True)
class Machine:
    """A state machine, ready for a template."""

    definition: dict[str, Any]
    """The definition as plain JSON, with `${Name}` inside texts."""
    text: str
    """The same as JSON, indented, ending in a newline; equal graphs and options give equal bytes."""
    substitutions: Mapping[str, str]
    """{name used in `${...}`: what it means}, sorted by name."""
    functions: Mapping[str, FunctionRef]
    """{node, or `<map name>.collect`: what it runs on}, in the flow's order. Nodes of one step share a function."""
    maps: tuple[MapPlan, ...]
    """Every map in the flow's order, outer before inner."""
    estimate: Estimate
    """What a run costs in transitions, requests and invocations."""


def build_machine(graph: FlowGraph, options: MachineOptions | None = None) -> Machine:
    """The state machine of `graph`.

    Raises AslError where names cannot be told apart in a state machine, and LimitError where something is beyond what
    AWS allows; both list everything that is wrong.
    """
    options = options or MachineOptions()
    names = assign_names(graph)
    functions = assign_functions(graph, names, options)
    maps = plan_maps(graph, names, options)
    over = check_graph(graph, names, functions, maps, options)
    if names.findings:
        raise AslError(graph.name, [*names.findings, *(finding.text for finding in over)])
    definition = lower(graph, names, functions, maps, options)
    text = json.dumps(definition, indent=2) + "\n"
    enforce(graph.name, [*over, *check_definition(text)])
    known = substitutions(functions, definition)
    if faults := lint_definition(definition, known):
        raise AslError(graph.name, faults)
    return Machine(definition, text, known, functions, tuple(maps.values()), estimate(graph))
