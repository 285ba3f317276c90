"""Retries: what Step Functions does with them, simulated from the States Language, and how many attempts that makes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lokki.retry import NO_RETRY, RetryConfig
from lokki_builder.asl.machine import build_machine
from lokki_builder.asl.retries import (
    AWS_OWN,
    CONTINUE,
    CONTINUE_ATTEMPTS,
    KILLS,
    RETRYABLE,
    THROTTLED,
    TRANSIENT,
    Regime,
    batch_retry,
    check_policy,
    lambda_retry,
    map_retry,
)
from lokki_builder.errors import LimitError

from .flows import FLOWS, each, graph, task

LOST_ANSWERS = ["Lambda.SdkClientException", "Lambda.ClientExecutionTimeoutException"]
POLICIES = st.builds(
    RetryConfig,
    retries=st.integers(0, 6),
    delay=st.floats(0, 50),
    backoff=st.floats(1, 4),
    max_delay=st.floats(0, 200),
)


@dataclass
class Task:
    """A task as the States Language has it: each retrier counts for itself, the first that names an error acts."""

    retriers: list[dict[str, Any]]
    waits: list[float] = field(default_factory=list)
    failed_with: str | None = None

    def run(self, call: Callable[[int], str | None]) -> None:
        """Call until it succeeds or no retrier is left; `call` gets $$.State.RetryCount and returns an error."""
        used = [0] * len(self.retriers)
        while error := call(sum(used)):
            place = next((n for n, one in enumerate(self.retriers) if error in one["ErrorEquals"]), None)
            if place is None or used[place] >= self.retriers[place]["MaxAttempts"]:
                self.failed_with = error
                return
            one = self.retriers[place]
            wait = one["IntervalSeconds"] * one["BackoffRate"] ** used[place]
            self.waits.append(min(wait, one.get("MaxDelaySeconds", wait)))
            used[place] += 1


def feed(errors: Iterable[str | None], heard: list[int] | None = None) -> Callable[[int], str | None]:
    """Answers one after another, then success."""
    answers = iter(errors)

    def call(attempt: int) -> str | None:
        if heard is not None:
            heard.append(attempt)
        return next(answers, None)

    return call


@given(POLICIES, st.sampled_from([RETRYABLE, *KILLS]))
def test_a_step_that_always_fails_is_called_retries_plus_one_times(policy: RetryConfig, error: str) -> None:
    heard: list[int] = []
    state = Task(lambda_retry(policy, Regime.SINGLE))
    state.run(feed([error] * 50, heard))
    assert heard == list(range(policy.retries + 1))
    assert state.failed_with == error


COUNTED = [RETRYABLE, *KILLS]
UNCALLED = [error for error in [*TRANSIENT, *THROTTLED] if error not in LOST_ANSWERS]
"""Errors of AWS after which the function was not called."""


@given(POLICIES, st.lists(st.sampled_from(COUNTED + UNCALLED), max_size=40))
def test_no_mixture_of_errors_calls_a_step_more_often(policy: RetryConfig, errors: list[str]) -> None:
    """Errors of AWS on the way take none of the step's retries, and add none."""
    calls = [0]
    answers = feed(errors)

    def call(attempt: int) -> str | None:
        assert attempt >= calls[0], "the event's attempt is an upper bound of the calls before"
        error = answers(attempt)
        calls[0] += error not in UNCALLED
        return error

    Task(lambda_retry(policy, Regime.SINGLE)).run(call)
    assert calls[0] <= policy.retries + 1


@dataclass
class Runtime:
    """What a runtime has to do for the bound to hold even where an answer was lost: look at its last error record."""

    retries: int
    answers: Callable[[int], str | None]
    calls: int = 0
    recorded: int = 0
    sealed: bool = False

    def __call__(self, attempt: int) -> str | None:
        fate = self.answers(attempt)
        if fate in UNCALLED:
            return fate
        if self.sealed:
            return fate if fate in LOST_ANSWERS else None
        if self.recorded > self.retries:
            return "LokkiFatal"
        self.calls += 1
        if fate is None or fate == "lost after success":
            self.sealed = True
            return None if fate is None else LOST_ANSWERS[0]
        self.recorded += 1
        return LOST_ANSWERS[0] if fate == "lost after failure" else fate


FATES = st.sampled_from([RETRYABLE, *UNCALLED, "lost after success", "lost after failure"])


@given(POLICIES, st.lists(FATES, max_size=60))
def test_lost_answers_add_no_call_where_the_runtime_reads_its_error_record(
    policy: RetryConfig, fates: list[str]
) -> None:
    runtime = Runtime(policy.retries, feed(fates))
    Task(lambda_retry(policy, Regime.SINGLE)).run(runtime)
    assert runtime.calls <= policy.retries + 1


@given(POLICIES)
def test_a_batch_is_killed_no_more_often_than_its_policy_says(policy: RetryConfig) -> None:
    heard: list[int] = []
    state = Task(lambda_retry(policy, Regime.BATCHES))
    state.run(feed([CONTINUE, CONTINUE, *KILLS * 10], heard))
    assert len(heard) == 2 + policy.retries + 1
    assert state.failed_with in KILLS


def test_the_runtime_retries_the_items_of_a_batch() -> None:
    retriers = lambda_retry(RetryConfig(retries=3), Regime.BATCHES)
    assert not any(RETRYABLE in one["ErrorEquals"] for one in retriers)
    state = Task(retriers)
    state.run(feed([CONTINUE] * (CONTINUE_ATTEMPTS + 1)))
    assert len(state.waits) == CONTINUE_ATTEMPTS
    assert set(state.waits) == {1.0}


def test_who_retries_follows_from_the_graph() -> None:
    maps = {
        "outer": each(task("a"), each(task("b"), batch_size=9), batch_size="auto"),
        "leaf": each(task("b"), batch_size=9),
    }
    policy = {"retries": 1}
    flow = graph(task("x", retry=policy), each(task("a", retry=policy), maps["leaf"], batch_size="auto"))
    states = build_machine(flow).definition["States"]
    outer = states["MapA"]["ItemProcessor"]["States"]
    inner = outer["MapB"]["ItemProcessor"]["States"]
    heads = [state["Retry"][0]["ErrorEquals"][0] for state in (states["X"], outer["A"], inner["B"])]
    assert heads == [RETRYABLE, RETRYABLE, CONTINUE]


@pytest.mark.parametrize(
    ("policy", "waits"),
    [
        (RetryConfig(retries=4, delay=1, backoff=2, max_delay=60), [1, 2, 4, 8]),
        (RetryConfig(retries=4, delay=2, backoff=2, max_delay=5), [2, 4, 5, 5]),
        (RetryConfig(retries=2, delay=0.2, backoff=3, max_delay=60), [1, 3]),
        (RetryConfig(retries=3, delay=0, backoff=3, max_delay=60), [1, 1, 1]),
        (RetryConfig(retries=3, delay=10, backoff=3, max_delay=2.5), [3, 3, 3]),
        (RetryConfig(retries=3, delay=10, backoff=1, max_delay=10), [10, 10, 10]),
        (RetryConfig(retries=2, delay=1, backoff=2, max_delay=0), [1, 1]),
        (NO_RETRY, []),
    ],
)
def test_waits_are_the_policys_in_whole_seconds(policy: RetryConfig, waits: list[float]) -> None:
    state = Task(lambda_retry(policy, Regime.SINGLE))
    state.run(feed([RETRYABLE] * 10))
    assert state.waits == waits


@given(POLICIES, st.sampled_from(Regime))
def test_every_retrier_is_one_aws_accepts(policy: RetryConfig, regime: Regime) -> None:
    retriers = [*lambda_retry(policy, regime), *batch_retry(), *map_retry()]
    names = [name for one in retriers for name in one["ErrorEquals"]]
    assert len(names) == len(set(names))
    for one in retriers:
        assert one["IntervalSeconds"] >= 1
        assert one["BackoffRate"] >= 1.0
        assert isinstance(one["BackoffRate"], float)
        assert one.get("MaxDelaySeconds", 10**9) > one["IntervalSeconds"]
        assert ("JitterStrategy" in one) == (set(one["ErrorEquals"]) <= AWS_OWN)


def test_a_batch_step_is_retried_by_aws_only_where_its_submission_failed() -> None:
    body = build_machine(FLOWS["retries"]).definition["States"]["MapLoad"]["ItemProcessor"]["States"]
    assert [one["ErrorEquals"] for one in body["Crunch"]["Retry"]] == [["Batch.AWSBatchException"]]


def test_a_policy_beyond_what_a_retrier_can_say_is_found() -> None:
    policy = RetryConfig(retries=10**9, delay=4e7, max_delay=5e7)
    assert [finding.subject for finding in check_policy(policy, "step 'x'")] == [
        "step 'x', retries",
        "step 'x', delay",
        "step 'x', max_delay",
    ]
    assert check_policy(RetryConfig(delay=4e7), "step 'x'") == []
    with pytest.raises(LimitError, match="retries: 1,000,000,000 retries, but the retries of a step"):
        build_machine(graph(task("x", retry={"retries": 10**9})))


def test_so_many_retries_that_a_history_is_too_short_are_found() -> None:
    with pytest.raises(LimitError, match="25,000 events") as caught:
        build_machine(graph(task("x"), each(task("y", retry={"retries": 10_000}))))
    assert [finding.subject for finding in caught.value.findings] == ["a child of the map over 'y'"]
