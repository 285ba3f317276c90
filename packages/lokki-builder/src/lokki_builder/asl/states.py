"""Single states as plain JSON, without `Next` and `End`. Pure; nothing here knows a graph."""

from __future__ import annotations

from collections.abc import Sequence

from .model import BATCH_SUBMIT, JOB_QUEUE, LAMBDA_INVOKE, PARTITION, State

INVOKE = f"${{{LAMBDA_INVOKE}}}"
SUBMIT = f"${{{BATCH_SUBMIT}}}"
S3_READ = f"arn:${{{PARTITION}}}:states:::s3:getObject"
S3_WRITE = f"arn:${{{PARTITION}}}:states:::s3:putObject"

EVENT_VARIABLE = "LOKKI_EVENT"


def lambda_task(substitution: str, payload: State, *, timeout_s: int, retry: list[State]) -> State:
    """A task that invokes a function and keeps nothing of its reply: every key is known without it."""
    return {
        "Type": "Task",
        "Resource": INVOKE,
        "Parameters": {"FunctionName": f"${{{substitution}}}", "Payload": payload},
        "ResultPath": None,
        "TimeoutSeconds": timeout_s,
        "Retry": retry,
    }


def batch_event(payload: State) -> State:
    """What goes before a Batch task: only an event that stands in the state can be made text of."""
    return {"Type": "Pass", "Parameters": {"event": payload, "state.$": "$"}}


def batch_task(substitution: str, job_name: str, *, timeout_s: int, retry: list[State]) -> State:
    """A task that runs a job with the event of `batch_event` and restores the state from before it."""
    return {
        "Type": "Task",
        "Resource": SUBMIT,
        "Parameters": {
            "JobName": job_name,
            "JobDefinition": f"${{{substitution}}}",
            "JobQueue": f"${{{JOB_QUEUE}}}",
            "ContainerOverrides": {
                "Environment": [{"Name": EVENT_VARIABLE, "Value.$": "States.JsonToString($.event)"}],
            },
        },
        "ResultPath": None,
        "OutputPath": "$.state",
        "TimeoutSeconds": timeout_s,
        "Retry": retry,
    }


def distributed_map(
    *,
    label: str,
    manifest_key: str,
    results_prefix: str,
    bucket: str,
    child_input: State,
    body: State,
    express: bool,
    concurrency: int,
    tolerant: bool,
    retry: list[State],
) -> State:
    """A map whose children are executions; `body` is `{"StartAt", "States"}`.

    A tolerant map lets every item fail, because Step Functions would count batches where the author means items:
    the task after it judges.
    """
    return {
        "Type": "Map",
        "Label": label,
        "ItemReader": {
            "Resource": S3_READ,
            "ReaderConfig": {"InputType": "JSON"},
            "Parameters": {"Bucket": bucket, "Key.$": manifest_key},
        },
        "ItemSelector": child_input,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS" if express else "STANDARD"},
            **body,
        },
        "MaxConcurrency": concurrency,
        **({"ToleratedFailurePercentage": 100.0} if tolerant else {}),
        "ResultWriter": {"Resource": S3_WRITE, "Parameters": {"Bucket": bucket, "Prefix.$": results_prefix}},
        "ResultPath": None,
        "Retry": retry,
    }


def pass_state(parameters: State) -> State:
    """A state that replaces the state by `parameters`."""
    return {"Type": "Pass", "Parameters": parameters}


def linked(states: Sequence[tuple[str, State]], *, output_path: str | None = None) -> dict[str, State]:
    """`(name, state)` pairs as a chain: each goes to the next, the last one ends.

    `output_path`, as `.path`, is what of the state the end hands out; None for all of it.
    """
    chain: dict[str, State] = {}
    followers: list[str | None] = [name for name, _ in states[1:]]
    for (name, state), follower in zip(states, [*followers, None], strict=True):
        chain[name] = {**state, "Next": follower} if follower else {**state, "End": True}
    if output_path is not None:
        last = chain[states[-1][0]]
        last["OutputPath"] = last.get("OutputPath", "$") + output_path
    return chain
