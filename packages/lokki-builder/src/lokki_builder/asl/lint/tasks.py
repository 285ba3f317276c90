"""What a task asks of AWS: its resource, and parameters spelled as the service spells them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from ..model import State
from ..states import EVENT_VARIABLE, INVOKE, SUBMIT
from .scopes import Found

EVENT_KEYS = frozenset("v flow node path input attempt".split())

BATCH_REQUIRED = frozenset("JobName JobDefinition JobQueue ContainerOverrides".split())
BATCH_KEYS = BATCH_REQUIRED | frozenset(
    "ArrayProperties DependsOn Parameters PropagateTags RetryStrategy SchedulingPriorityOverride ShareIdentifier Tags"
    " Timeout".split()
)


def plain_keys(template: Any) -> list[str]:
    """The keys of a template as the service will see them, without `.$`; [] for what is no object."""
    return [key.removesuffix(".$") for key in template] if isinstance(template, dict) else []


def compare_keys(template: Any, required: Collection[str], known: Collection[str], what: str) -> Iterator[str]:
    """Findings, without their state, for keys of `template` that are missing or unknown."""
    keys = plain_keys(template)
    for key in sorted(set(required) - set(keys)):
        yield f"{what} has no '{key}'."
    for key in sorted(set(keys) - set(known)):
        yield f"{what} has '{key}', which the service does not know."


def lint_task(one: Found) -> Iterator[str]:
    """Faults of one task."""
    yield from map(one.says, _task(one.state, express=one.scope.express))


def _task(state: State, *, express: bool) -> Iterator[str]:
    resource = state.get("Resource")
    timeout = state.get("TimeoutSeconds", 1)
    if not isinstance(timeout, int) or isinstance(timeout, bool) or timeout < 1:
        yield f"TimeoutSeconds is a whole number from 1, not {timeout!r}."
    if resource == INVOKE:
        yield from _lambda(state.get("Parameters"))
    elif resource == SUBMIT:
        yield from _batch(state.get("Parameters"))
        if express:
            yield "an EXPRESS execution cannot wait for a Batch job."
    else:
        yield f"Resource is {INVOKE} or {SUBMIT}, not {resource!r}."


def _lambda(parameters: Any) -> Iterator[str]:
    keys = {"FunctionName", "Payload"}
    yield from compare_keys(parameters, keys, keys, "lambda:invoke")
    if isinstance(parameters, dict):
        yield from compare_keys(parameters.get("Payload"), EVENT_KEYS, EVENT_KEYS, "the event")


def _batch(parameters: Any) -> Iterator[str]:
    yield from compare_keys(parameters, BATCH_REQUIRED, BATCH_KEYS, "batch:submitJob")
    overrides = parameters.get("ContainerOverrides") if isinstance(parameters, dict) else None
    yield from compare_keys(overrides, {"Environment"}, {"Environment"}, "ContainerOverrides")
    variables = overrides.get("Environment") if isinstance(overrides, dict) else None
    for variable in variables if isinstance(variables, list) else []:
        yield from compare_keys(variable, {"Name", "Value"}, {"Name", "Value"}, "a variable of Environment")
    names = [variable.get("Name") for variable in variables or [] if isinstance(variable, dict)]
    if EVENT_VARIABLE not in names:
        yield f"Environment does not hold {EVENT_VARIABLE}."
