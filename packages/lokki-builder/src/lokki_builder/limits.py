"""Every AWS limit a build can know, in one table, and the checks that compare with it.

Input: numbers a build has measured. Output: lists of `Finding`, never an exception: the caller gathers all of
them and raises one LimitError. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from .errors import LimitError

Unit = Literal["characters", "bytes", "MiB", "seconds", "events", "executions", "retries", "resources"]


@dataclass(frozen=True)
class Limit:
    """What AWS (or lokki, where `source` says so) allows at most; at least `least`."""

    name: str
    """What is limited, as a message says it: `the name of a state`."""
    value: float
    """The most that is allowed."""
    unit: Unit
    source: str
    """Where the number stands."""
    least: float = 0
    """The least that is allowed; 0 for no lower limit."""


@dataclass(frozen=True)
class Finding:
    """One thing that is over (or under) a limit."""

    limit: Limit
    subject: str
    """What breaks the limit, as `state 'GetBirds'`."""
    found: float
    """Its size, in the limit's unit."""
    hint: str = ""
    """What to do about it: a sentence."""

    @property
    def text(self) -> str:
        """*subject: what. hint*, with the limit's number."""
        limit = self.limit
        side = "at least" if self.found < limit.least else "at most"
        bound = limit.least if self.found < limit.least else limit.value
        unit = limit.unit
        what = (
            f"{_number(self.found)} {unit}, but {limit.name} may take {side} {_number(bound)} {unit} ({limit.source})."
        )
        return f"{self.subject}: {what} {self.hint}".rstrip()


def _number(value: float) -> str:
    return f"{value:,.10g}" if value != int(value) else f"{int(value):,}"


def _table(*limits: tuple[str, Limit]) -> dict[str, Limit]:
    return dict(limits)


_SFN = "Step Functions quotas"
_LAMBDA = "Lambda quotas"
_BATCH = "AWS Batch quotas"
_CFN = "CloudFormation quotas"

LIMITS: dict[str, Limit] = _table(
    # Step Functions
    ("state_name", Limit("the name of a state", 80, "characters", _SFN, 1)),
    ("state_machine_name", Limit("the name of a state machine", 80, "characters", _SFN, 1)),
    ("execution_name", Limit("the name of an execution", 80, "characters", _SFN, 1)),
    ("map_label", Limit("the label of a map", 40, "characters", "Step Functions, Distributed Map", 1)),
    ("definition", Limit("a definition", 1_048_576, "bytes", _SFN)),
    ("state_data", Limit("the input of a state", 262_144, "bytes", _SFN)),
    ("history", Limit("the history of an execution", 25_000, "events", _SFN)),
    ("standard_time", Limit("a STANDARD execution", 31_536_000, "seconds", _SFN, 1)),
    ("express_time", Limit("an EXPRESS execution", 300, "seconds", _SFN, 1)),
    ("task_timeout", Limit("a state's timeout", 99_999_999, "seconds", "Amazon States Language", 1)),
    ("map_concurrency", Limit("the concurrency of a map", 10_000, "executions", _SFN, 1)),
    ("retry_interval", Limit("the wait before a retry", 31_622_400, "seconds", "Amazon States Language, Retry", 1)),
    ("retry_attempts", Limit("the retries of a step", 99_999_999, "retries", "Amazon States Language, Retry")),
    # Lambda
    ("lambda_name", Limit("the name of a Lambda function", 64, "characters", _LAMBDA, 1)),
    ("lambda_timeout", Limit("the timeout of a Lambda function", 900, "seconds", _LAMBDA, 1)),
    ("lambda_memory", Limit("the memory of a Lambda function", 10_240, "MiB", _LAMBDA, 128)),
    ("lambda_storage", Limit("the /tmp of a Lambda function", 10_240, "MiB", _LAMBDA, 512)),
    ("lambda_env", Limit("the environment of a Lambda function", 4_096, "bytes", _LAMBDA)),
    ("lambda_payload", Limit("the event of a Lambda function", 6 * 1024 * 1024, "bytes", _LAMBDA)),
    ("lambda_zip", Limit("a zip package, unpacked,", 250 * 1024 * 1024, "bytes", _LAMBDA)),
    ("lambda_image", Limit("an image, unpacked,", 10 * 1024 * 1024 * 1024, "bytes", _LAMBDA)),
    # Batch
    ("batch_job_name", Limit("the name of a Batch job", 128, "characters", _BATCH, 1)),
    ("batch_job_definition", Limit("a Batch job definition", 24 * 1024, "bytes", _BATCH)),
    ("batch_payload", Limit("the request that submits a Batch job", 30 * 1024, "bytes", _BATCH)),
    ("batch_overrides", Limit("the overrides of a Batch job", 8_192, "characters", _BATCH)),
    ("batch_timeout", Limit("the timeout of a Batch job", 31_536_000, "seconds", "AWS Batch API", 60)),
    # EventBridge Scheduler, IAM, CloudFormation
    ("scheduler_name", Limit("the name of a schedule", 64, "characters", "EventBridge Scheduler API", 1)),
    ("scheduler_expression", Limit("a schedule", 256, "characters", "EventBridge Scheduler API", 1)),
    ("role_name", Limit("the name of an IAM role", 64, "characters", "IAM quotas", 1)),
    ("logical_id", Limit("a logical id", 255, "characters", _CFN, 1)),
    ("template_inline", Limit("a template that is not uploaded to S3", 51_200, "bytes", _CFN)),
    ("template", Limit("a template", 1_048_576, "bytes", _CFN)),
    ("template_resources", Limit("a template", 500, "resources", _CFN)),
    # lokki's own, so that an event fits wherever it has to go
    ("params", Limit("a run's parameters as JSON", 16 * 1024, "bytes", "lokki")),
    ("params_batch", Limit("a run's parameters as JSON, with a Batch step in the flow,", 4 * 1024, "bytes", "lokki")),
)
"""{short name: limit}."""


def check(name: str, found: float, subject: str, hint: str = "") -> list[Finding]:
    """The finding, if any, of comparing `found` with the limit called `name` in LIMITS."""
    limit = LIMITS[name]
    fine = limit.least <= found <= limit.value
    return [] if fine else [Finding(limit, subject, found, hint)]


def check_text(name: str, text: str, subject: str, hint: str = "") -> list[Finding]:
    """`check` of a text's length: in UTF-8 bytes where the limit counts bytes, else in characters."""
    size = len(text.encode()) if LIMITS[name].unit == "bytes" else len(text)
    return check(name, size, subject, hint)


def enforce(flow: str, findings: Iterable[Finding]) -> None:
    """Raise one LimitError that lists every finding; return where there is none."""
    found: Sequence[Finding] = list(findings)
    if found:
        raise LimitError(flow, found)
