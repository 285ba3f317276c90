"""Our own judge: one planted fault per rule, each of which has to be found, in a definition that is fine without it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from lokki_builder.asl.lint import lint_definition
from lokki_builder.asl.machine import build_machine

from .flows import FLOWS, batch, each, graph, task

FLOW = graph(
    task("ids", retry={"retries": 2}),
    each(task("load"), each(batch("crunch"), agg=task("count")), tolerated_failure_percentage=5, agg=batch("report")),
)
GOOD = build_machine(FLOW)

State = dict[str, Any]
Fault = Callable[[State], Any]


def lint(definition: State) -> list[str]:
    return lint_definition(definition, GOOD.substitutions)


def states(definition: State, *maps: str) -> dict[str, State]:
    """The states of the machine, or of the body of a map."""
    for name in maps:
        definition = definition["States"][name]["ItemProcessor"]
    return definition["States"]  # type: ignore[no-any-return]  # plain JSON


def outer(definition: State) -> State:
    return states(definition)["MapLoad"]


def inner(definition: State) -> State:
    return states(definition, "MapLoad")["MapCrunch"]


def job(definition: State) -> State:
    return states(definition, "MapLoad", "MapCrunch")["Crunch"]


def ids(definition: State) -> State:
    return states(definition)["Ids"]


def load(definition: State) -> State:
    return states(definition, "MapLoad")["Load"]


def put(state: State, key: str, value: Any) -> None:
    """Set `key`, which may have dots, or remove it where the value is `...`."""
    *path, last = key.split("/")
    inside: Any = state
    for part in path:
        inside = inside[int(part) if part.isdigit() else part]
    if value is ...:
        del inside[last]
    else:
        inside[last] = value


def at(find: Callable[[State], State], key: str, value: Any) -> Fault:
    return lambda definition: put(find(definition), key, value)


def rename(state: State, key: str, name: str) -> None:
    state[name] = state.pop(key)


def move_in(state: State, key: str, name: str, part: str) -> None:
    rename(state[part], key, name)


S3 = "arn:${Partition}:states:::s3"
ALL_LAST = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1, "BackoffRate": 1.0}

FAULTS: dict[str, tuple[Fault, str]] = {
    # what no outside judge sees
    "reader key misspelled": (
        lambda d: move_in(outer(d)["ItemReader"], "Key.$", "key.$", "Parameters"),
        "ItemReader.Parameters has no 'Key'",
    ),
    "reader bucket missing": (at(outer, "ItemReader/Parameters/Bucket", ...), "ItemReader.Parameters has no 'Bucket'"),
    "writer prefix misspelled": (
        lambda d: move_in(outer(d)["ResultWriter"], "Prefix.$", "Key.$", "Parameters"),
        "ResultWriter.Parameters has no 'Prefix'",
    ),
    "writer with more": (at(outer, "ResultWriter/WriterConfig", {}), "ResultWriter has 'WriterConfig'"),
    "wrong reader": (
        at(outer, "ItemReader/Resource", "arn:${Partition}:states:::s3:listObjectsV2"),
        "ItemReader.Resource",
    ),
    "wrong writer": (
        at(outer, "ResultWriter/Resource", "arn:${Partition}:states:::s3:getObject"),
        "ResultWriter.Resource",
    ),
    "wrong input type": (at(outer, "ItemReader/ReaderConfig/InputType", "JSONL"), "ReaderConfig is InputType JSON"),
    "path under a plain key": (at(load, "Parameters/Payload/input", "$.row"), "lacks '.$'"),
    "context under a plain key": (at(load, "Parameters/Payload/node", "$$.State.Name"), "lacks '.$'"),
    "intrinsic under a plain key": (at(ids, "Parameters/Payload/node", "States.UUID()"), "lacks '.$'"),
    "constant under an evaluated key": (at(ids, "Parameters/Payload/flow.$", "flow"), "neither a path nor"),
    "number under an evaluated key": (at(ids, "Parameters/Payload/flow.$", 5), "neither a path nor"),
    "States.ALL first": (lambda d: ids(d)["Retry"].insert(0, ALL_LAST), "States.ALL has to stand alone and last"),
    "States.ALL in company": (at(ids, "Retry/0/ErrorEquals", ["States.ALL", "X"]), "States.ALL has to stand alone"),
    "a loop": (at(load, "Next", "Load"), "no way from it leads to an end"),
    "no function": (at(ids, "Parameters/FunctionName", ...), "lambda:invoke has no 'FunctionName'"),
    "lambda with .sync": (at(ids, "Resource", "${LambdaInvoke}.sync"), "Resource is ${LambdaInvoke} or"),
    "lambda by its own ARN": (at(ids, "Resource", "${IdsFunction}"), "Resource is ${LambdaInvoke} or"),
    "inline map": (at(outer, "ItemProcessor/ProcessorConfig/Mode", "INLINE"), "Mode has to be DISTRIBUTED"),
    "label on an inline map": (at(outer, "ItemProcessor/ProcessorConfig/Mode", "INLINE"), "'Label' means nothing"),
    "no mode": (at(outer, "ItemProcessor/ProcessorConfig", ...), "Mode has to be DISTRIBUTED"),
    "batch in camel case": (
        lambda d: rename(job(d)["Parameters"], "JobName", "jobName"),
        "batch:submitJob has 'jobName', which the service does not know",
    ),
    "overrides in camel case": (
        lambda d: move_in(job(d)["Parameters"], "Environment", "environment", "ContainerOverrides"),
        "ContainerOverrides has 'environment'",
    ),
    "overrides that are no object": (at(job, "Parameters/ContainerOverrides", []), "ContainerOverrides has no 'Envir"),
    "environment in camel case": (
        lambda d: rename(job(d)["Parameters"]["ContainerOverrides"]["Environment"][0], "Name", "name"),
        "a variable of Environment has 'name'",
    ),
    "no event": (
        at(job, "Parameters/ContainerOverrides/Environment/0/Name", "EVENT"),
        "Environment does not hold LOKKI_EVENT",
    ),
    "parameters that are no object": (at(job, "Parameters", "none"), "batch:submitJob has no 'JobName'"),
    "lambda parameters that are no object": (at(ids, "Parameters", None), "lambda:invoke has no 'Payload'"),
    "event without its version": (at(ids, "Parameters/Payload/v", ...), "the event has no 'v'"),
    "event with more": (at(ids, "Parameters/Payload/retries", 1), "the event has 'retries'"),
    # transitions
    "no start": (lambda d: put(d, "StartAt", "Nowhere"), "the machine: StartAt names 'Nowhere'"),
    "no start in a body": (at(outer, "ItemProcessor/StartAt", "Ids"), "the body of 'MapLoad': StartAt names 'Ids'"),
    "unknown target": (at(ids, "Next", "Nowhere"), "leads to 'Nowhere', which is not in the machine"),
    "target in another scope": (at(load, "Next", "Report"), "leads to 'Report', which is not in the body of 'MapLoad'"),
    "unknown default": (lambda d: put(d, "States/ChooseRun/Default", "Nowhere"), "leads to 'Nowhere'"),
    "unknown choice": (lambda d: put(d, "States/ChooseRun/Choices/0/Next", "Nowhere"), "leads to 'Nowhere'"),
    "nothing leads there": (at(load, "Next", "Count"), "state 'MapCrunch': nothing leads to it"),
    "next and end": (at(ids, "End", True), "it needs either Next or End, and has both"),
    "neither next nor end": (at(ids, "Next", ...), "it needs either Next or End, and has neither"),
    # names
    "two of one name": (
        lambda d: rename(states(d, "MapLoad", "MapCrunch"), "CrunchEvent", "Ids"),
        "state 'Ids': 2 states have this name",
    ),
    "a long name": (lambda d: rename(states(d), "Ids", "x" * 81), "its name has 81 characters, and 80 are allowed"),
    "two labels": (at(inner, "Label", "load"), "label 'load': 2 maps have it"),
    "a long label": (at(inner, "Label", "x" * 41), "Label is 1 to 40"),
    "a label with a blank": (at(inner, "Label", "a b"), "Label is 1 to 40"),
    "a label that is no text": (at(inner, "Label", 5), "Label is 1 to 40"),
    # fields
    "unknown field": (at(ids, "Timeout", 5), "a Task has no field 'Timeout'"),
    "unknown type": (at(ids, "Type", "Wait"), "lokki writes no state of type 'Wait'"),
    "no type": (at(ids, "Type", ...), "lokki writes no state of type None"),
    "no timeout": (at(ids, "TimeoutSeconds", ...), "the field 'TimeoutSeconds' is missing"),
    "a timeout of 0": (at(ids, "TimeoutSeconds", 0), "TimeoutSeconds is a whole number from 1"),
    "a timeout as text": (at(ids, "TimeoutSeconds", "5"), "TimeoutSeconds is a whole number from 1"),
    "result kept": (at(ids, "ResultPath", "$.result"), "ResultPath has to be null"),
    "result path left out": (at(outer, "ResultPath", ...), "the field 'ResultPath' is missing"),
    "no retry": (at(outer, "Retry", ...), "the field 'Retry' is missing"),
    "no record": (at(outer, "ResultWriter", ...), "the field 'ResultWriter' is missing"),
    # maps
    "an execution type of its own": (
        at(outer, "ItemProcessor/ProcessorConfig/ExecutionType", "FAST"),
        "ExecutionType is STANDARD or EXPRESS, not 'FAST'",
    ),
    "express around a map": (
        at(outer, "ItemProcessor/ProcessorConfig/ExecutionType", "EXPRESS"),
        "state 'MapCrunch': an EXPRESS execution cannot hold a Distributed Map",
    ),
    "express around a job": (
        at(inner, "ItemProcessor/ProcessorConfig/ExecutionType", "EXPRESS"),
        "an EXPRESS execution cannot wait for a Batch job",
    ),
    "tolerance without a decimal point": (at(outer, "ToleratedFailurePercentage", 100), "with a decimal point"),
    "too much tolerance": (at(outer, "ToleratedFailurePercentage", 100.5), "from 0.0 to 100.0"),
    "no concurrency": (at(outer, "MaxConcurrency", 0), "MaxConcurrency is 1 to 10000, not 0"),
    "concurrency as a flag": (at(outer, "MaxConcurrency", True), "MaxConcurrency is 1 to 10000"),
    "child without its path": (at(outer, "ItemSelector/path.$", ...), "ItemSelector has no 'path'"),
    "child with more": (at(outer, "ItemSelector/index.$", "$$.Map.Item.Value.first"), "ItemSelector has 'index'"),
    # retries
    "a map starts again": (at(outer, "Retry/0/ErrorEquals", ["States.TaskFailed"]), "would start every item again"),
    "one error twice": (at(ids, "Retry/1/ErrorEquals", ["LokkiRetryable"]), "Retry names LokkiRetryable 2 times"),
    "no errors": (at(ids, "Retry/0/ErrorEquals", []), "a retrier has no ErrorEquals"),
    "unknown field of a retrier": (at(ids, "Retry/0/Delay", 5), "a retrier has no field 'Delay'"),
    "no interval": (at(ids, "Retry/0/IntervalSeconds", 0), "IntervalSeconds is 1 to"),
    "half an interval": (at(ids, "Retry/0/IntervalSeconds", 0.5), "IntervalSeconds is 1 to"),
    "max delay below": (at(ids, "Retry/0/MaxDelaySeconds", 1), "MaxDelaySeconds is 2 to"),
    "negative attempts": (at(ids, "Retry/0/MaxAttempts", -1), "MaxAttempts is a whole number"),
    "backoff below 1": (at(ids, "Retry/0/BackoffRate", 0.5), "BackoffRate is a number"),
    "jitter on a step's own errors": (
        at(ids, "Retry/0/JitterStrategy", "FULL"),
        "waits are jittered on Lambda.Unknown, LokkiRetryable",
    ),
    "unknown jitter": (at(ids, "Retry/1/JitterStrategy", "HALF"), "JitterStrategy is FULL or absent"),
    # texts
    "literal partition": (at(outer, "ItemReader/Resource", "arn:aws:states:::s3:getObject"), "the partition of an ARN"),
    "unknown substitution": (at(ids, "Parameters/FunctionName", "${Unknown}"), "nothing fills in ${Unknown}"),
    "open substitution": (at(ids, "Parameters/FunctionName", "${IdsFunction"), "nothing fills in ${IdsFunction"),
    "too few values": (
        at(inner, "ItemReader/Parameters/Key.$", "States.Format('a/{}/{}', $.flow.run_id)"),
        "has 2 places for 1 values",
    ),
    "too many values": (
        at(inner, "ItemReader/Parameters/Key.$", "States.Format('a/{}', $.flow.run_id, $.path)"),
        "has 1 places for 2 values",
    ),
    "open quotation": (at(inner, "ItemReader/Parameters/Key.$", "States.Format('a/{}, $.path)"), "cannot be read"),
    "open bracket": (at(inner, "ItemReader/Parameters/Key.$", "States.Format('a/{}', $.path"), "not an intrinsic"),
    "another intrinsic": (at(inner, "ItemReader/Parameters/Key.$", "States.UUID()"), "not an intrinsic function that"),
    "what the state has not": (at(ids, "Parameters/Payload/input.$", "$.row"), "$.row is not in the state here"),
    "the whole state": (at(ids, "Parameters/Payload/input.$", "$"), "$ is not in the state here"),
    "a job's event elsewhere": (at(load, "Parameters/Payload/input.$", "$.event"), "$.event is not in the state here"),
    "a child's own execution": (
        at(load, "Parameters/Payload/input.$", "$$.Execution.Name"),
        "$$.Execution is the child's own inside a map",
    ),
    "an item outside its selector": (
        at(load, "Parameters/Payload/input.$", "$$.Map.Item.Value"),
        "$$.Map.Item.Value is not to be used here",
    ),
    "an item's index": (at(outer, "ItemSelector/row.$", "$$.Map.Item.Index"), "$$.Map.Item.Index is not to be used"),
    "a retry count outside a task": (
        lambda d: put(d, "States/InitFlow/Parameters/flow/run_id.$", "$$.State.RetryCount"),
        "means something only in a task",
    ),
    "a child that ends with everything": (
        lambda d: put(states(d, "MapLoad")["Count"], "OutputPath", "$"),
        "OutputPath is $.path here",
    ),
    "a job that does not give the state back": (
        lambda d: put(states(d)["Report"], "OutputPath", ...),
        "OutputPath is $.state here",
    ),
}


def test_the_definition_without_a_fault_is_fine() -> None:
    assert lint(copy.deepcopy(GOOD.definition)) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str) -> None:
    plant, finding = FAULTS[fault]
    definition = copy.deepcopy(GOOD.definition)
    plant(definition)
    found = lint(definition)
    assert [one for one in found if finding in one], found or "nothing was found"


def test_all_faults_are_told_at_once() -> None:
    definition = copy.deepcopy(GOOD.definition)
    for fault in ("no timeout", "two labels", "reader key misspelled"):
        FAULTS[fault][0](definition)
    assert len(lint(definition)) == 4  # the misspelled key is both missing and unknown


def test_an_empty_definition_is_a_finding() -> None:
    assert lint({}) == ["the machine: StartAt names None, which is not one of its states."]


@pytest.mark.parametrize("name", FLOWS)
def test_what_is_built_is_fine(name: str) -> None:
    machine = build_machine(FLOWS[name])
    assert lint_definition(machine.definition, machine.substitutions) == []
