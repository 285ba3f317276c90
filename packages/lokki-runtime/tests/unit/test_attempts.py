"""How often a step is tried: never more than `retries` + 1 times, whoever does the trying."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lokki.store.base import BaseStore
from lokki.store.memory import MemoryStore
from lokki.testing import FakeClock
from lokki.wire import LambdaEvent
from lokki_runtime.errors import LokkiFatal, LokkiRetryable
from lokki_runtime.testing import AnswerLost, ExecutionFailed, Killed, MortalBlobs, StateMachine, Throttled

Deploy = Callable[..., StateMachine]
MAIN = "main-flow"

PLAIN = """
    @step(retry=RetryConfig(retries={retries}, delay=0), job_type="{job}")
    def work() -> str:
        calls.append(lokki.run().attempt)
        HOOK(0)
        return "done"
    @flow
    def main_flow():
        return work()
    """

FAN_OUT = """
    @step
    def get() -> list:
        return list(range({items}))
    @step(retry=RetryConfig(retries={retries}, delay=0, exceptions=(OSError,)), job_type="{job}")
    def work(x: int) -> int:
        calls.append(x)
        HOOK(x)
        return x * 10
    @step
    def join(xs: list) -> list:
        return xs
    @flow
    def main_flow():
        return get().map(work, batch_size={size}).agg(join)
    """


class Fate:
    """What becomes of each attempt and invocation, as drawn."""

    def __init__(self, machine: StateMachine, module: Any, fates: Iterator[str]) -> None:
        self._fates = fates
        self._machine = machine
        module.HOOK = self.step
        machine.before = self.start
        machine.after = self.end
        self._lose = False

    def start(self, event: LambdaEvent) -> None:
        fate = next(self._fates, "ok")
        self._lose = fate == "lost"
        if fate == "throttled":
            raise Throttled

    def end(self, event: LambdaEvent) -> None:
        if self._lose:
            raise AnswerLost

    def step(self, index: int) -> None:
        fate = next(self._fates, "ok")
        if fate == "killed":
            blobs = self._machine.store._blobs  # type: ignore[attr-defined]  # the fake below
            blobs.dead = True
            raise Killed
        if fate == "fails":
            raise OSError("try again")
        if fate == "bug":
            raise ValueError("a bug")


def fresh(machine: StateMachine, module: Any) -> StateMachine:
    """The same deployment, another run with nothing stored."""
    module.calls.clear()
    store = BaseStore(MortalBlobs(), flow_name=MAIN)
    return StateMachine(machine.root, store, clock=FakeClock())


quick = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
COMMON = ["ok", "fails", "fails", "throttled", "bug"]

# A kill leaves no record, and a lost answer is only known by its record: both together may cost one attempt more.
patterns = st.lists(st.sampled_from([*COMMON, "killed"]), max_size=14) | st.lists(
    st.sampled_from([*COMMON, "lost"]), max_size=14
)


@quick
@given(patterns, st.integers(0, 3))
def test_a_plain_step_is_never_tried_more_than_it_should(
    deployed: Callable[[str], tuple[StateMachine, Any]], fates: list[str], retries: int
) -> None:
    template, module = deployed(PLAIN.format(retries=retries, job="lambda"))
    machine = fresh(template, module)
    Fate(machine, module, iter(fates))
    try:
        machine.run()
        assert machine.result() == "done"
    except ExecutionFailed:
        assert not machine.store.exists(machine.url("work", ()))
    assert len(module.calls) <= retries + 1
    assert all(attempt <= retries + 1 for attempt in module.calls)


@quick
@given(patterns, st.integers(0, 2))
def test_an_item_is_never_tried_more_than_it_should(
    deployed: Callable[[str], tuple[StateMachine, Any]], fates: list[str], retries: int
) -> None:
    template, module = deployed(FAN_OUT.format(items=3, retries=retries, size=1, job="lambda"))
    machine = fresh(template, module)
    Fate(machine, module, iter(fates))
    try:
        machine.run()
        assert machine.result() == [0, 10, 20]
    except ExecutionFailed:
        pass
    assert max(Counter(module.calls).values(), default=0) <= retries + 1


@quick
@given(patterns, st.integers(0, 2), st.sampled_from(["lambda", "batch"]), st.integers(2, 4))
def test_an_item_of_a_batch_is_tried_again_in_the_process(
    deployed: Callable[[str], tuple[StateMachine, Any]], fates: list[str], retries: int, job: str, size: int
) -> None:
    """Without kills the bound holds here, too; a killed batch is worked through again."""
    template, module = deployed(FAN_OUT.format(items=5, retries=retries, size=size, job=job))
    machine = fresh(template, module)
    Fate(machine, module, iter("ok" if fate == "killed" else fate for fate in fates))
    try:
        machine.run()
        assert machine.result() == [0, 10, 20, 30, 40]
    except ExecutionFailed:
        pass
    bound = retries + 1
    if "lost" in fates and job == "batch":
        return  # Batch has no lost answers: a job's result is read by its state
    assert max(Counter(module.calls).values(), default=0) <= bound


@quick
@given(patterns, st.integers(1, 4))
def test_kills_never_make_wrong_values(
    deployed: Callable[[str], tuple[StateMachine, Any]], fates: list[str], size: int
) -> None:
    template, module = deployed(FAN_OUT.format(items=6, retries=3, size=size, job="lambda"))
    machine = fresh(template, module)
    Fate(machine, module, iter(fates))
    for _ in range(20):
        try:
            machine.run()
            break
        except ExecutionFailed:
            continue
    assert machine.result() == [0, 10, 20, 30, 40, 50]


@pytest.mark.parametrize("writes", range(1, 9))
def test_a_kill_right_after_any_write_is_made_good(
    deployed: Callable[[str], tuple[StateMachine, Any]], writes: int
) -> None:
    template, module = deployed(FAN_OUT.format(items=4, retries=1, size=2, job="lambda"))
    machine = fresh(template, module)
    module.HOOK = lambda index: None
    machine.store._blobs.dies_after = writes  # type: ignore[attr-defined]  # the fake
    for _ in range(3):
        try:
            machine.run()
            break
        except ExecutionFailed:
            continue
    assert machine.result() == [0, 10, 20, 30]
    assert Counter(module.calls).most_common(1)[0][1] <= 2


@pytest.fixture
def deployed(deploy: Deploy, module: Callable[..., Any]) -> Callable[[str], tuple[StateMachine, Any]]:
    """A function that deploys each source once."""
    known: dict[str, StateMachine] = {}

    def once(source: str) -> tuple[StateMachine, Any]:
        if source not in known:
            known[source] = deploy(source)
        return known[source], module(known[source])

    return once


# Single cases, as a user would tell them


def retrying(deploy: Deploy, module: Callable[..., Any], hook: Callable[[int], None], **options: Any) -> StateMachine:
    machine = deploy(PLAIN.format(retries=2, job="lambda"), **options)
    module(machine).HOOK = hook
    return machine


def boom(index: int) -> None:
    raise OSError("boom")


def test_each_attempt_is_named_until_the_last_one_is_fatal(deploy: Deploy, module: Callable[..., Any]) -> None:
    machine = retrying(deploy, module, boom)
    for attempt, kind in ((0, LokkiRetryable), (1, LokkiRetryable), (2, LokkiFatal)):
        with pytest.raises(kind) as caught:
            machine.invoke("work", (), None, attempt)
        assert caught.value.record["attempts"] == attempt + 1
    assert module(machine).calls == [1, 2, 3]


def test_throttled_starts_cost_no_attempts(deploy: Deploy, module: Callable[..., Any]) -> None:
    machine = retrying(deploy, module, boom)
    with pytest.raises(LokkiRetryable) as caught:
        machine.invoke("work", (), None, 7)
    assert caught.value.record["attempts"] == 1


def test_an_error_outside_the_policy_is_fatal_at_once(deploy: Deploy, module: Callable[..., Any]) -> None:
    machine = deploy(FAN_OUT.format(items=1, retries=5, size=1, job="lambda"))
    module(machine).HOOK = lambda index: [][index]
    with pytest.raises(ExecutionFailed) as caught:
        machine.run()
    assert isinstance(caught.value.__cause__, LokkiFatal)
    assert module(machine).calls == [0]


def test_an_error_record_of_an_earlier_execution_does_not_count(deploy: Deploy, module: Callable[..., Any]) -> None:
    clock = FakeClock()
    machine = retrying(deploy, module, boom, clock=clock)
    with pytest.raises(ExecutionFailed):
        machine.run()
    clock.advance(3600)
    with pytest.raises(LokkiRetryable):
        machine.invoke("work", (), None, 3)


def test_a_lost_last_answer_is_given_again_without_another_attempt(deploy: Deploy, module: Callable[..., Any]) -> None:
    machine = retrying(deploy, module, boom)
    for attempt in range(3):
        with pytest.raises((LokkiRetryable, LokkiFatal)):
            machine.invoke("work", (), None, attempt)
    with pytest.raises(LokkiFatal) as caught:
        machine.invoke("work", (), None, 3)
    assert len(module(machine).calls) == 3
    assert caught.value.record["error_message"] == "boom"


@pytest.mark.parametrize(
    "record", [{"other": 1}, {"attempts": "2"}, {"attempts": 2}, {"attempts": 2, "at": "yesterday"}]
)
def test_an_error_record_that_says_too_little_does_not_count(
    record: dict[str, Any], deploy: Deploy, module: Callable[..., Any]
) -> None:
    machine = retrying(deploy, module, boom, store=MemoryStore())
    machine.store.write_error(MAIN, machine.run_id, "work", record)
    with pytest.raises(LokkiRetryable):
        machine.invoke("work", (), None, 2)


def test_a_container_applies_the_policy_itself(deploy: Deploy, module: Callable[..., Any]) -> None:
    machine = deploy(PLAIN.format(retries=2, job="batch"), clock=FakeClock())
    module(machine).HOOK = boom
    with pytest.raises(ExecutionFailed) as caught:
        machine.run()
    assert module(machine).calls == [1, 2, 3]
    assert isinstance(caught.value.__cause__, LokkiFatal)
    assert caught.value.__cause__.record["attempts"] == 3
