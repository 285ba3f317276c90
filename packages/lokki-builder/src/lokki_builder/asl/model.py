"""What `build_machine` takes and what it tells about the functions and maps of a machine. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypedDict

State = dict[str, Any]
"""One state, or a part of one, as plain JSON."""

PARTITION = "Partition"
LAMBDA_INVOKE = "LambdaInvoke"
BATCH_SUBMIT = "BatchSubmitJob"
BUCKET = "Bucket"
FLOW_NAME = "FlowName"
JOB_QUEUE = "JobQueue"

COMMON_SUBSTITUTIONS: dict[str, str] = {
    PARTITION: "the AWS partition: aws, aws-cn or aws-us-gov",
    LAMBDA_INVOKE: "the resource of Lambda tasks, arn:<partition>:states:::lambda:invoke",
    BATCH_SUBMIT: "the resource of Batch tasks, arn:<partition>:states:::batch:submitJob.sync",
    BUCKET: "the name of the artifact bucket",
    FLOW_NAME: "the flow's physical name, which begins every key in the bucket",
    JOB_QUEUE: "the ARN or name of the Batch job queue",
}
"""{name in `${...}`: meaning}; a machine has those its definition uses.

A task's resource is one substitution as a whole, because cfn-lint knows no resource with a part to fill in."""


@dataclass(frozen=True)
class MachineOptions:
    """What the configuration decides about a state machine."""

    lambda_timeout_s: int = 900
    """Timeout of functions whose step names none."""
    batch_timeout_s: int = 3600
    """Timeout of one attempt of a Batch step that names none."""
    batch_attempts: int = 3
    """How often the job definition starts a job whose host is lost."""
    batch_queue_wait_s: int = 86_400
    """How long a job may wait for a host before its state gives up."""
    lambda_margin_s: int = 60
    """What a state waits longer than its function may run: start-up and transport."""
    map_concurrency: int = 100
    """Children of a map that run at once, unless the map says `concurrency_limit`."""
    nested_concurrency: int = 10
    """The same for a map inside another; each child of the outer one has so many."""


class FunctionRef(TypedDict):
    """The function or job definition a node runs on."""

    logical: str
    """Its logical id in the template: `GetBirdsFunction`, `CrunchJobDefinition`, `LokkiCollectFunction`."""
    substitution: str
    """The name in `${...}` that stands for its ARN: a function's version ARN, a job definition's ARN."""
    kind: Literal["lambda", "batch", "collect"]
    """`collect` is a function without a step: the runtime judges a tolerant map."""
    node: str
    """The first node that runs on it; nodes of the same step share it."""
    timeout_s: int
    """What the function's `Timeout`, or the job's `AttemptDurationSeconds`, has to be: the states wait for it."""


@dataclass(frozen=True)
class MapPlan:
    """How one map fans out, for the build summary."""

    name: str
    """The map's name: its body's first node."""
    state: str
    """The name of its state."""
    label: str
    """Its label, which is part of its children's ARNs; at most 40 characters."""
    source: str
    """The node whose result it runs over."""
    depth: int
    """How many maps it stands in."""
    concurrency: int
    """Its MaxConcurrency."""
    reason: str
    """Why it is this: a phrase for the summary."""
    batch_size: int | Literal["auto"]
    """Items of one child; the source step groups them into the manifest's rows."""
    express: bool
    """Whether its children are EXPRESS executions."""
    tolerated_failure_percentage: float
    """As the author wrote it; the machine tolerates none (0) or all, and the next task judges."""
