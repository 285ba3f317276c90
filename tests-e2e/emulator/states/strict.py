"""Reads a definition strictly: what MiniStack would skip over in silence is a problem here. Pure.

Knows JSONPath definitions only, which are the ones generated here; a field that is missing below is not supported by
the emulator, or not by AWS.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]

_EVERY = {"Type", "Comment", "InputPath", "OutputPath"}
_STEP = _EVERY | {"Next", "End", "Parameters", "ResultPath", "ResultSelector"}
_RETRIED = _STEP | {"Retry", "Catch"}
_DISTRIBUTED = {
    "ItemReader",
    "ResultWriter",
    "Label",
    "ToleratedFailureCount",
    "ToleratedFailurePercentage",
}
_FIELDS = {
    "Pass": _STEP | {"Result"},
    "Task": _RETRIED | {"Resource", "TimeoutSeconds"},
    "Choice": _EVERY | {"Choices", "Default"},
    "Wait": _EVERY | {"Next", "End", "Seconds"},
    "Succeed": _EVERY,
    "Fail": {"Type", "Comment", "Error", "Cause"},
    "Map": (_RETRIED - {"Parameters"})
    | {"ItemProcessor", "ItemsPath", "ItemSelector", "MaxConcurrency"}
    | _DISTRIBUTED,
}
_RETRIER = {"ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy"}
_CATCHER = {"ErrorEquals", "Next", "ResultPath", "Comment"}
_MACHINE = {"Comment", "StartAt", "States", "Version"}
_PROCESSOR = {"ProcessorConfig", "StartAt", "States"}
_SUBMIT = {
    "ContainerOverrides",
    "JobDefinition",
    "JobName",
    "JobQueue",
    "Parameters",
    "PropagateTags",
    "RetryStrategy",
    "Tags",
    "Timeout",
}


def problem(definition: Document) -> str | None:
    """The first problem of a definition, and where; None for none."""
    return next(_machine("$", definition, _MACHINE), None)


def _machine(where: str, machine: Document, fields: set[str]) -> Iterator[str]:
    yield from _unknown(where, machine, fields)
    states: Document = machine.get("States") or {}
    if machine.get("StartAt") not in states:
        yield f"{where}: StartAt {machine.get('StartAt')!r} is no state"
    for name, state in states.items():
        yield from _state(f"{where}.{name}", state, states)


def _state(where: str, state: Document, states: Document) -> Iterator[str]:
    kind = str(state.get("Type"))
    if kind not in _FIELDS:
        yield f"{where}: states of type {kind} are not supported"
        return
    yield from _unknown(where, state, _FIELDS[kind])
    yield from _targets(where, kind, state, states)
    yield from _handlers(where, state)
    if kind == "Task":
        yield from _task(where, state)
    if kind == "Map":
        yield from _map(where, state)


def _targets(where: str, kind: str, state: Document, states: Document) -> Iterator[str]:
    branches = [*state.get("Choices", []), *state.get("Catch", [])]
    named = [state.get("Next"), state.get("Default"), *(branch.get("Next") for branch in branches)]
    for target in named:
        if target is not None and target not in states:
            yield f"{where}: {target!r} is no state of this machine"
    if kind not in ("Choice", "Succeed", "Fail") and ("Next" in state) == bool(state.get("End")):
        yield f"{where}: needs either Next or End"


def _handlers(where: str, state: Document) -> Iterator[str]:
    for field, known in (("Retry", _RETRIER), ("Catch", _CATCHER)):
        handlers = state.get(field, [])
        for number, handler in enumerate(handlers):
            yield from _unknown(f"{where}.{field}[{number}]", handler, known)
            errors = handler.get("ErrorEquals") or []
            last = number == len(handlers) - 1
            if not errors or ("States.ALL" in errors and (len(errors) > 1 or not last)):
                yield f"{where}.{field}[{number}]: States.ALL stands alone and last, and nothing is no error"


def _task(where: str, state: Document) -> Iterator[str]:
    resource, parameters = str(state.get("Resource")), state.get("Parameters") or {}
    if resource.endswith(":states:::lambda:invoke"):
        if not {"FunctionName", "FunctionName.$"} & set(parameters):
            yield f"{where}: lambda:invoke needs a FunctionName"
    elif resource.endswith((":states:::batch:submitJob.sync", ":states:::batch:submitJob")):
        yield from _unknown(f"{where}.Parameters", _names(parameters), _SUBMIT)
    else:
        yield f"{where}: the task {resource} is not supported"


def _map(where: str, state: Document) -> Iterator[str]:
    processor: Document = state.get("ItemProcessor") or {}
    mode = (processor.get("ProcessorConfig") or {}).get("Mode")
    if mode != "DISTRIBUTED" and _DISTRIBUTED & set(state):
        yield f"{where}: {sorted(_DISTRIBUTED & set(state))} are for distributed maps"
    if mode == "DISTRIBUTED" and "ItemReader" not in state:
        yield f"{where}: only items of an ItemReader are supported"
    yield from _place(f"{where}.ItemReader", state.get("ItemReader"), "s3:getObject", {"Bucket", "Key"})
    yield from _place(f"{where}.ResultWriter", state.get("ResultWriter"), "s3:putObject", {"Bucket", "Prefix"})
    yield from _machine(f"{where}.ItemProcessor", processor, _PROCESSOR)


def _place(where: str, place: Document | None, task: str, parameters: set[str]) -> Iterator[str]:
    if place is None:
        return
    yield from _unknown(where, place, {"Resource", "Parameters", "ReaderConfig"})
    if not str(place.get("Resource")).endswith(f":states:::{task}"):
        yield f"{where}: its resource is {place.get('Resource')}, not {task}"
    given = _names(place.get("Parameters") or {})
    if set(given) != parameters:
        yield f"{where}.Parameters: {sorted(given)} where {sorted(parameters)} are wanted"
    config = place.get("ReaderConfig", {"InputType": "JSON"})
    if config.get("InputType") != "JSON":
        yield f"{where}.ReaderConfig: {config} is not supported"


def _names(parameters: Document) -> Document:
    """{field: value}, whether a field is a path or not."""
    return {key.removesuffix(".$"): value for key, value in parameters.items()}


def _unknown(where: str, given: Document, known: set[str]) -> Iterator[str]:
    unknown = sorted(set(given) - known)
    if unknown:
        yield f"{where}: {', '.join(unknown)} not supported"
