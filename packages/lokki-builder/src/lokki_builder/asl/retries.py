"""Who tries a failed step again: the `Retry` fields of tasks and maps. Pure.

A *regime* follows from the graph alone, never from how many items a row happens to hold:

    SINGLE     a plain task, an aggregation, a step of a map with one item per child: Step Functions applies the
               step's policy. The runtime makes one attempt and raises LokkiRetryable where the policy's `exceptions`
               match, LokkiFatal where they do not.
    BATCHES    a step of a map without a map inside and with batch_size other than 1: the runtime applies the policy
               item by item. It raises LokkiContinue when time runs short, LokkiFatal when an item failed for good.
               Step Functions retries LokkiContinue on a budget of its own, and kills on the step's.
    (Batch)    the container applies the policy; Step Functions retries only a submission that AWS turned down.

**Attempts.** One retrier of the policy holds every error after which an attempt counts: LokkiRetryable and the
kills. Retriers count by themselves, so this one allows exactly `retries` of them. AWS's own transient errors have
retriers of their own; after most of them the step was never called. `$$.State.RetryCount`, the event's `attempt`,
counts all of these together: it is never less than the number of calls of the step before this one. So a
runtime may take it as an upper bound (and must not call the step more often because of it), and it must not give up
because `attempt` exceeds `retries`. Two of the transient errors (Lambda.SdkClientException and
Lambda.ClientExecutionTimeoutException) can hide an invocation whose answer was lost. If that one had
succeeded, its sealed output makes the next one a skip. If it had failed, its error record says which attempt
it was: a runtime that finds `attempts` > `retries` there fails at once, and the bound of retries + 1 holds.
"""

from __future__ import annotations

import math
from enum import Enum

from lokki.retry import RetryConfig

from ..limits import Finding, check
from .model import State

RETRYABLE = "LokkiRetryable"
CONTINUE = "LokkiContinue"

KILLS = ["Sandbox.Timedout", "Lambda.Unknown", "Runtime.ExitError", "States.Timeout"]
"""The function was ended from outside: a timeout, too little memory, a crash."""

TRANSIENT = [
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ResourceNotReadyException",
]
"""AWS's own errors of an invocation."""

THROTTLED = ["Lambda.TooManyRequestsException"]
BATCH_TRANSIENT = ["Batch.AWSBatchException"]
AWS_OWN = frozenset([*TRANSIENT, *THROTTLED, *BATCH_TRANSIENT])
"""Where, and only where, waits are jittered."""

MAP_ERRORS = ["States.ItemReaderFailed", "States.ResultWriterFailed"]
"""What a map may be retried on: reading its manifest or writing its record failed, not an item."""

CONTINUE_ATTEMPTS = 1_000
"""Invocations one batch may take; each makes progress, and together they stay below the limit of a history."""


class Regime(Enum):
    """Who applies a Lambda step's policy."""

    SINGLE = "Step Functions"
    BATCHES = "the runtime"


def lambda_retry(policy: RetryConfig, regime: Regime) -> list[State]:
    """The `Retry` of a Lambda task. Every error name stands in one retrier, so their order means nothing."""
    batches = regime is Regime.BATCHES
    own = _policy(policy, KILLS if batches else [RETRYABLE, *KILLS])
    going_on = [_retrier([CONTINUE], 1, CONTINUE_ATTEMPTS, 1.0)] if batches else []
    throttled = _retrier(THROTTLED, 2, 12, 2.0, max_delay=120)
    transient = _retrier(TRANSIENT, 2, 6, 2.0)
    return [*own, *going_on, throttled | _JITTER, transient | _JITTER]


def batch_retry() -> list[State]:
    """The `Retry` of a Batch task."""
    return [_retrier(BATCH_TRANSIENT, 2, 10, 2.0, max_delay=60) | _JITTER]


def map_retry() -> list[State]:
    """The `Retry` of a map. A retry starts every item again; items with a sealed result are skipped."""
    return [_retrier(MAP_ERRORS, 5, 3, 2.0)]


def check_policy(policy: RetryConfig, subject: str) -> list[Finding]:
    """Findings where a policy is beyond what a retrier can say."""
    if not policy.retries:
        return []
    return [
        *check("retry_attempts", policy.retries, f"{subject}, retries"),
        *check("retry_interval", _interval(policy), f"{subject}, delay"),
        *check("retry_interval", max(1, math.ceil(policy.max_delay)), f"{subject}, max_delay"),
    ]


_JITTER = {"JitterStrategy": "FULL"}


def _policy(policy: RetryConfig, errors: list[str]) -> list[State]:
    """The retrier of a step's own policy; none where it has no retries."""
    if not policy.retries:
        return []
    interval, longest = _interval(policy), math.ceil(policy.max_delay)
    if policy.delay == 0 or longest <= interval:  # every wait is the same; AWS wants MaxDelaySeconds > IntervalSeconds
        return [_retrier(errors, interval, policy.retries, 1.0)]
    return [_retrier(errors, interval, policy.retries, float(policy.backoff), max_delay=longest)]


def _interval(policy: RetryConfig) -> int:
    """The first wait in whole seconds, at least 1."""
    return max(1, math.ceil(min(policy.delay, policy.max_delay)))


def _retrier(errors: list[str], interval: int, attempts: int, rate: float, *, max_delay: int | None = None) -> State:
    retrier: State = {
        "ErrorEquals": list(errors),
        "IntervalSeconds": interval,
        "MaxAttempts": attempts,
        "BackoffRate": rate,
    }
    return retrier | ({} if max_delay is None else {"MaxDelaySeconds": max_delay})
