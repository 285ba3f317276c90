"""Lowers a graph to states. Input: the graph and everything decided about it. Output: a definition. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lokki.graph import Chain, FlowGraph, MapLink
from lokki.retry import NO_RETRY

from .model import BUCKET, FLOW_NAME, FunctionRef, MachineOptions, MapPlan, State
from .names import CHOOSE_RUN, INIT_FLOW, RESUME_FLOW, RESUME_WITH_PARAMS, Names, job_name_part
from .payload import (
    NO_INPUT,
    ROW_INPUT,
    Input,
    Place,
    child_input,
    event,
    manifest_input,
    manifest_key,
    output_input,
    results_prefix,
)
from .retries import Regime, batch_retry, lambda_retry, map_retry
from .sites import Site, collect_node
from .states import batch_event, batch_task, distributed_map, lambda_task, linked, pass_state

Named = tuple[str, State]
"""A state's name and the state, not yet linked."""


def lower(
    graph: FlowGraph,
    names: Names,
    functions: Mapping[str, FunctionRef],
    maps: Mapping[str, MapPlan],
    options: MachineOptions,
) -> State:
    """The definition of `graph`."""
    body = _Lowering(names, functions, maps, options).chain(graph.chain, Place(), None, NO_INPUT)
    return {
        "Comment": f"lokki flow {graph.name}",
        "StartAt": CHOOSE_RUN,
        "States": {**initial_states(next(iter(body))), **body},
    }


def initial_states(first: str) -> dict[str, State]:
    """The states that put `{"flow": {"run_id", "params"}}` into the state: of a new run, or of the one resumed."""
    started = {"run_id.$": "$$.Execution.Name", "params.$": "$"}
    resumed: State = {"run_id.$": "$.resume", "params": {}}
    repeated = {"run_id.$": "$.resume", "params.$": "$.params"}
    return {
        CHOOSE_RUN: {
            "Type": "Choice",
            "Choices": [
                {"And": [*_RESUMES, {"Variable": "$.params", "IsPresent": True}], "Next": RESUME_WITH_PARAMS},
                {"And": _RESUMES, "Next": RESUME_FLOW},
            ],
            "Default": INIT_FLOW,
        },
        INIT_FLOW: {**pass_state({"flow": started}), "Next": first},
        RESUME_FLOW: {**pass_state({"flow": resumed}), "Next": first},
        RESUME_WITH_PARAMS: {**pass_state({"flow": repeated}), "Next": first},
    }


_RESUMES: list[State] = [
    {"Variable": "$.resume", "IsPresent": True},
    {"Variable": "$.resume", "IsString": True},
    {"Not": {"Variable": "$.resume", "StringEquals": ""}},
]


@dataclass(frozen=True)
class _Lowering:
    names: Names
    functions: Mapping[str, FunctionRef]
    maps: Mapping[str, MapPlan]
    options: MachineOptions

    def chain(self, chain: Chain, place: Place, within: MapLink | None, given: Input) -> dict[str, State]:
        """The states of `chain`, linked; `given` is the input of its first task."""
        states: list[Named] = []
        for link in chain:
            if isinstance(link, MapLink):
                states += self._map(link, place, within)
                last = link.agg
            else:
                states += self._task(Site(link, place, within), given)
                last = link
            if last is not None:
                given = output_input(last.node, place)
        return linked(states, output_path=".path" if place.depth else None)

    def _task(self, site: Site, given: Input) -> list[Named]:
        if site.task.options.job_type == "batch":
            return self._batch(site, given)
        return [self._lambda(site, given)]

    def _lambda(self, site: Site, given: Input) -> Named:
        node = site.task.node
        retry = lambda_retry(site.task.options.retry, site.regime)
        return self._invoke(node, site.place, given, retry)

    def _invoke(self, node: str, place: Place, given: Input, retry: list[State]) -> Named:
        ref = self.functions[node]
        payload = event(node, place, given, {"attempt.$": "$$.State.RetryCount"})
        timeout_s = ref["timeout_s"] + self.options.lambda_margin_s
        return self.names.tasks[node], lambda_task(ref["substitution"], payload, timeout_s=timeout_s, retry=retry)

    def _batch(self, site: Site, given: Input) -> list[Named]:
        node = site.task.node
        ref = self.functions[node]
        timeout_s = ref["timeout_s"] * self.options.batch_attempts + self.options.batch_queue_wait_s
        job_name = f"${{{FLOW_NAME}}}-{job_name_part(node)}"
        job = batch_task(ref["substitution"], job_name, timeout_s=timeout_s, retry=batch_retry())
        before = batch_event(event(node, site.place, given, {"attempt": 0}))
        return [(self.names.events[node], before), (self.names.tasks[node], job)]

    def _map(self, link: MapLink, place: Place, within: MapLink | None) -> list[Named]:
        """A map and what comes after it: its aggregation, or the judge of an open tolerant one."""
        states = [(self.names.maps[link.name], self._distributed(link, place))]
        given = manifest_input(link.source, place)
        if link.agg is not None:
            states += self._task(Site(link.agg, place, within), given)
        elif judge := collect_node(link):
            states.append(self._collect(judge, place, given))
        return states

    def _collect(self, judge: str, place: Place, given: Input) -> Named:
        return self._invoke(judge, place, given, lambda_retry(NO_RETRY, Regime.SINGLE))

    def _distributed(self, link: MapLink, place: Place) -> State:
        plan = self.maps[link.name]
        body = self.chain(link.body, place.inside(), link, ROW_INPUT)
        return distributed_map(
            label=plan.label,
            manifest_key=manifest_key(link.source, place),
            results_prefix=results_prefix(link.name, place),
            bucket=f"${{{BUCKET}}}",
            child_input=child_input(place),
            body={"StartAt": next(iter(body)), "States": body},
            express=plan.express,
            concurrency=plan.concurrency,
            tolerant=plan.tolerated_failure_percentage > 0,
            retry=map_retry(),
        )
