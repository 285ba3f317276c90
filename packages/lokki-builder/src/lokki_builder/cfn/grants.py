"""The statements of each role: who may do what to what, and why.

Input: a Stack. Output: lists of IAM statements. Pure. The sets come from AWS's documentation of Distributed
Map, of `batch:submitJob.sync` and of Lambda in a VPC.
"""

from __future__ import annotations

from collections.abc import Sequence

from .kms import use_key
from .places import image_repositories, job_queue_arn
from .secrets import read_secrets
from .stack import Stack
from .yaml import Properties, Value, arn, get_att, literal, ref, sub

RUNS = "arn:${AWS::Partition}:s3:::${S3Bucket}/${FlowName}/runs/"
"""The ARN all objects of a flow's runs begin with."""

MOST_NAMED = 30
"""Functions a policy names one by one; with more it would outgrow IAM's 10,240 characters."""


def allow(sid: str, actions: Sequence[str], resources: Value, condition: Properties | None = None) -> Properties:
    """A statement that allows `actions` on `resources`."""
    statement = {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resources}
    return statement | ({"Condition": condition} if condition else {})


def of_functions(stack: Stack) -> list[Value]:
    """Lambda: the run's data, its own log, traces, secrets, the network, and what the user adds."""
    logs = arn("logs", "log-group:/aws/lambda/${FlowName}-*:*")
    return [
        *_data(),
        allow("WriteLogs", ["logs:CreateLogStream", "logs:PutLogEvents"], [sub(logs)]),
        allow("WriteTraces", ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*"),
        *use_key(stack.config.aws.kms_key, ["kms:Decrypt", "kms:GenerateDataKey"]),
        *read_secrets(stack.config),
        *_network(stack),
        *stack.config.aws.policies,
    ]


def of_jobs(stack: Stack) -> list[Value]:
    """Batch jobs: the run's data and what the user adds. Their log and secrets are the execution role's."""
    key = stack.config.aws.kms_key
    return [*_data(), *use_key(key, ["kms:Decrypt", "kms:GenerateDataKey"]), *stack.config.aws.policies]


def of_job_start(stack: Stack) -> list[Value]:
    """What starts a job's container: its image, its log and its secrets."""
    pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    logs = arn("logs", "log-group:/aws/batch/${FlowName}:*")
    return [
        allow("LogIntoRegistry", ["ecr:GetAuthorizationToken"], "*"),
        allow("PullImage", pull, [sub(text) for text in image_repositories(stack)]),
        allow("WriteLogs", ["logs:CreateLogStream", "logs:PutLogEvents"], [sub(logs)]),
        *read_secrets(stack.config),
    ]


def of_pipeline(stack: Stack) -> list[Value]:
    """The state machine: start its steps, read manifests, write the records of its maps, log and trace."""
    return [
        *_invoke(stack),
        *(_submit(stack) if stack.jobs else []),
        *(_maps(stack) if stack.machine.has_maps else []),
        allow("DeliverLogs", _LOG_DELIVERY, "*"),
        allow("WriteTraces", _TRACING, "*"),
    ]


def of_scheduler() -> list[Value]:
    """The schedule: start an execution."""
    return [allow("StartFlow", ["states:StartExecution"], [ref("StateMachine")])]


_LOG_DELIVERY = [
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
]
_TRACING = [
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
]
_NETWORK = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
]


def _data() -> list[Value]:
    """Read and write the flow's runs, never delete.

    Without `s3:ListBucket` S3 answers 403 where an object is missing, and a run often asks for what may be missing.
    Such a request carries no prefix, so the condition must hold where there is none.
    """
    return [
        allow("UseRuns", ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"], [sub(f"{RUNS}*")]),
        allow(
            "TellMissing",
            ["s3:ListBucket"],
            [sub("arn:${AWS::Partition}:s3:::${S3Bucket}")],
            {"StringLikeIfExists": {"s3:prefix": sub("${FlowName}/runs/*")}},
        ),
    ]


def _network(stack: Stack) -> list[Value]:
    """Lambda's service needs these to join a network; the code it runs does not, and is refused them."""
    if not stack.config.lambda_.vpc.subnets:
        return []
    own = sub(arn("lambda", "function:${FlowName}-*"))
    deny = {
        "Sid": "KeepCodeOffNetworks",
        "Effect": "Deny",
        "Action": list(_NETWORK),
        "Resource": "*",
        "Condition": {"ArnLike": {"lambda:SourceFunctionArn": own}},
    }
    return [allow("JoinNetwork", _NETWORK, "*"), deny]


def _invoke(stack: Stack) -> list[Value]:
    """The definition names versions, whose ARNs are the function's and a number."""
    if not stack.functions:
        return []
    named: list[Value] = []
    for step in stack.functions[:MOST_NAMED]:
        named += [get_att(step.logical), sub(f"${{{step.logical}.Arn}}:*")]
    every: list[Value] = [sub(arn("lambda", "function:${FlowName}-*"))]
    return [
        allow("InvokeSteps", ["lambda:InvokeFunction"], named if len(stack.functions) <= MOST_NAMED else every),
    ]


def _submit(stack: Stack) -> list[Value]:
    """`.sync` follows a job through an EventBridge rule that Step Functions keeps in the account."""
    rule = arn("events", "rule/StepFunctionsGetEventsForBatchJobsRule")
    return [
        allow("SubmitJobs", ["batch:SubmitJob"], [*_job_definitions(stack), job_queue_arn(stack)]),
        allow("FollowJobs", ["batch:DescribeJobs", "batch:TerminateJob"], "*"),
        allow("FollowJobsByEvents", ["events:PutTargets", "events:PutRule", "events:DescribeRule"], [sub(rule)]),
    ]


def _job_definitions(stack: Stack) -> list[Value]:
    """ARNs of the job definitions, whatever their revision."""
    given = stack.config.batch.job_definition_name
    if given.startswith("arn:"):
        return [given]
    name = literal(given.partition(":")[0]) or "${FlowName}-*"
    return [sub(arn("batch", f"job-definition/{name}")), sub(arn("batch", f"job-definition/{name}:*"))]


def _maps(stack: Stack) -> list[Value]:
    """Manifests are read, and Step Functions' own records written; the items' data it never touches."""
    write = ["s3:PutObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"]
    return [
        allow("ReadManifests", ["s3:GetObject"], [sub(f"{RUNS}*/map_manifest.json")]),
        allow("WriteRecords", write, [sub(f"{RUNS}*/map_results/*")]),
        *use_key(stack.config.aws.kms_key, ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]),
    ]
