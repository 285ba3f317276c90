"""Batches of items: progress is kept, deadlines are respected, failures are counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from lokki.errors import StoreError
from lokki.store.base import BaseStore
from lokki.store.batch import Batch, read_output, read_partial, write_partial
from lokki.store.memory import MemoryBlobs
from lokki.testing import FakeClock
from lokki_runtime.errors import LokkiContinue, LokkiFatal, Terminated
from lokki_runtime.testing import ExecutionFailed, StateMachine

Deploy = Callable[..., StateMachine]
ModuleOf = Callable[[StateMachine], Any]

FLOW = """
    @step
    def get() -> list:
        return [[n] for n in range({items})]
    @step(retry=RetryConfig(retries=1, delay={delay}))
    def work(x: list) -> int:
        assert len(x) == 1, "an earlier attempt's changes are seen"
        calls.append(x[0])
        x.append("changed by the step")
        HOOK(x[0])
        return x[0] * 10
    @step
    def join(xs: list, failures: list) -> tuple:
        return xs, [f.index for f in failures]
    @flow
    def main_flow():
        return get().map(work, batch_size={size}, tolerated_failure_percentage={percent}).agg(join)
    """


LAST_STEP = """
    @step
    def last(x: object) -> object:
        return x
    """


def source(items: int = 6, *, size: object = 10, percent: float = 0, delay: float = 0) -> str:
    return FLOW.format(items=items, size=size, percent=percent, delay=delay)


def timed(deploy: Deploy, module: ModuleOf, text: str, *, budget_s: float, item_s: float) -> StateMachine:
    """A machine whose invocations have `budget_s`, and whose items take `item_s` of it."""
    clock = FakeClock()

    def remaining_s() -> Callable[[], float]:
        end = clock.monotonic() + budget_s
        return lambda: end - clock.monotonic()

    machine = deploy(text, clock=clock, remaining_s=remaining_s)
    module(machine).HOOK = lambda index: clock.advance(item_s)
    return machine


def attempts_of(machine: StateMachine, node: str) -> list[int]:
    return [event["attempt"] for event in machine.events if event["node"] == node]


def test_a_batch_that_runs_out_of_time_goes_on_in_another_invocation(deploy: Deploy, module: ModuleOf) -> None:
    machine = timed(deploy, module, source(10), budget_s=100, item_s=25)
    machine.run()
    assert machine.result() == ([n * 10 for n in range(10)], [])
    assert module(machine).calls == list(range(10))
    assert attempts_of(machine, "work") == [0, 1, 2, 3]


def test_items_slower_than_the_time_there_is_still_make_progress(deploy: Deploy, module: ModuleOf) -> None:
    machine = timed(deploy, module, source(3), budget_s=10, item_s=30)
    machine.run()
    assert module(machine).calls == [0, 1, 2]
    assert attempts_of(machine, "work") == [0, 1, 2]


def test_a_wait_that_would_end_too_late_is_left_to_the_next_invocation(deploy: Deploy, module: ModuleOf) -> None:
    machine = timed(deploy, module, source(2, delay=50), budget_s=40, item_s=1)
    space = module(machine)

    def fail_once(index: int) -> None:
        if index == 1 and space.calls.count(1) == 1:
            raise OSError("again")

    space.HOOK = fail_once
    machine.run()
    assert space.calls == [0, 1, 1]
    assert attempts_of(machine, "work") == [0, 1]
    assert isinstance(machine.clock, FakeClock)
    assert machine.clock.sleeps == [36.0]


def test_attempts_of_an_item_are_counted_across_invocations(deploy: Deploy, module: ModuleOf) -> None:
    machine = timed(deploy, module, source(2, delay=50), budget_s=40, item_s=1)
    space = module(machine)

    def fail(index: int) -> None:
        if index == 1:
            raise OSError("always")

    space.HOOK = fail
    with pytest.raises(ExecutionFailed) as caught:
        machine.run()
    assert space.calls == [0, 1, 1]
    assert isinstance(caught.value.__cause__, LokkiFatal)
    assert caught.value.__cause__.record["attempts"] == 2


def test_the_answer_of_a_continued_batch_says_how_far_it_is(deploy: Deploy, module: ModuleOf) -> None:
    machine = timed(deploy, module, source(10), budget_s=100, item_s=25)
    machine.invoke("get", (), None)
    row = machine.store.read_manifest(machine.store.manifest_url("main-flow", "run-1", "get"))[0]
    with pytest.raises(LokkiContinue, match="3 of 10 items are done and saved") as caught:
        machine.invoke("work", (0,), row.to_dict())
    assert (caught.value.record["done"], caught.value.record["count"]) == (3, 10)
    assert machine.store.read_error("main-flow", "run-1", "work", path=(0,)) is None


def failing(*bad: int) -> Callable[[int], None]:
    def hook(index: int) -> None:
        if index in bad:
            raise ValueError(f"bad {index}")

    return hook


def test_the_first_item_that_fails_for_good_ends_an_intolerant_batch(deploy: Deploy, module: ModuleOf) -> None:
    machine = deploy(source(6))
    space = module(machine)
    space.HOOK = failing(3)
    with pytest.raises(ExecutionFailed):
        machine.run()
    assert space.calls == [0, 1, 2, 3, 3]
    assert not machine.store.exists(machine.url("work", (0,)))
    saved = read_partial(machine.store, "main-flow", "run-1", "work", path=(0,))
    assert saved is not None
    assert saved.missing() == [3, 4, 5]
    error = machine.store.read_error("main-flow", "run-1", "work", path=(0,))
    assert error is not None
    assert (error["index"], error["attempts"], error["error_type"]) == (3, 2, "ValueError")


def test_a_resumed_run_does_only_what_is_left(deploy: Deploy, module: ModuleOf) -> None:
    machine = deploy(source(6))
    space = module(machine)
    space.HOOK = failing(3)
    with pytest.raises(ExecutionFailed):
        machine.run()
    space.calls.clear()
    space.HOOK = failing()
    machine.run()
    assert space.calls == [3, 4, 5]
    assert machine.result() == ([0, 10, 20, 30, 40, 50], [])


def test_a_batch_that_failed_for_good_stays_so_when_its_answer_was_lost(deploy: Deploy, module: ModuleOf) -> None:
    machine = deploy(source(3))
    space = module(machine)
    space.HOOK = failing(1)
    machine.invoke("get", (), None)
    row = machine.store.read_manifest(machine.store.manifest_url("main-flow", "run-1", "get"))[0].to_dict()
    for attempt in (0, 1):
        with pytest.raises(LokkiFatal, match="bad 1"):
            machine.invoke("work", (0,), row, attempt)
    assert space.calls == [0, 1, 1]
    machine.store.write_error("main-flow", "run-1", "work", {}, path=(0,))
    with pytest.raises(LokkiFatal, match="item 1: failed after 2 attempts"):
        machine.invoke("work", (0,), row, 2)


@pytest.mark.parametrize("size", [3, "'auto'"])
def test_tolerated_failures_do_not_end_a_batch(size: object, deploy: Deploy, module: ModuleOf) -> None:
    machine = deploy(source(6, size=size, percent=34))
    module(machine).HOOK = failing(1, 5)
    machine.run()
    assert machine.result() == ([0, 20, 30, 40], [1, 5])
    assert Counter(module(machine).calls) == Counter([0, 1, 1, 2, 3, 4, 5, 5])


def test_more_failures_than_tolerated_fail_the_run_and_say_how_many(deploy: Deploy, module: ModuleOf) -> None:
    machine = deploy(source(6, size=3, percent=33))
    module(machine).HOOK = failing(1, 4, 5)
    with pytest.raises(ExecutionFailed) as caught:
        machine.run()
    outcome = caught.value.__cause__
    assert isinstance(outcome, LokkiFatal)
    assert "3 of 6 items failed, more than the 33 % it tolerates" in outcome.record["message"]
    assert [failure["index"] for failure in outcome.record["failures"]] == [1, 4, 5]
    assert "failures" not in json.loads(str(outcome))


def test_a_resumed_run_tries_tolerated_failures_again(deploy: Deploy, module: ModuleOf) -> None:
    machine = deploy(source(6, size=3, percent=33))
    space = module(machine)
    space.HOOK = failing(1, 4, 5)
    with pytest.raises(ExecutionFailed):
        machine.run()
    space.calls.clear()
    space.HOOK = failing(4)
    machine.run()
    assert sorted(space.calls) == [1, 4, 4, 5]
    assert machine.result() == ([0, 10, 20, 30, 50], [4])


def test_failures_are_not_tried_again_once_their_map_is_aggregated(deploy: Deploy, module: ModuleOf) -> None:
    for text in (
        source(4, percent=50),
        source(4, percent=50).replace(".agg(join)", ".agg(join).map(last)") + LAST_STEP,
    ):
        machine = deploy(text)
        module(machine).HOOK = failing(2)
        machine.run()
        module(machine).calls.clear()
        machine.run()
        assert module(machine).calls == []


def test_failures_of_an_open_map_are_tried_again(deploy: Deploy, module: ModuleOf) -> None:
    machine = deploy(source(4, percent=50).replace(".agg(join)", ""))
    module(machine).HOOK = failing(2)
    machine.run()
    module(machine).HOOK = failing()
    machine.run()
    assert machine.result() == [0, 10, 20, 30]


def test_trying_again_may_take_several_invocations(deploy: Deploy, module: ModuleOf) -> None:
    machine = timed(deploy, module, source(4, percent=90), budget_s=1000, item_s=1)
    space = module(machine)
    space.HOOK = failing(0, 1, 2, 3)
    with pytest.raises(ExecutionFailed):
        machine.run()
    space.calls.clear()
    assert isinstance(machine.clock, FakeClock)
    clock = machine.clock
    space.HOOK = lambda index: clock.advance(400)
    machine.run()
    assert space.calls == [0, 1, 2, 3]
    assert machine.result() == ([0, 10, 20, 30], [])


def test_a_sealed_batch_with_failures_is_left_alone_by_a_further_attempt(deploy: Deploy, module: ModuleOf) -> None:
    machine = deploy(source(4, percent=50))
    module(machine).HOOK = failing(2)
    machine.run()
    row = machine.store.read_manifest(machine.store.manifest_url("main-flow", "run-1", "get"))[0]
    assert machine.invoke("work", (0,), row.to_dict(), 1)["skipped"]


def test_an_unpicklable_result_is_a_failure_of_its_item(deploy: Deploy, module: ModuleOf) -> None:
    text = source(3, percent=50).replace("return x[0] * 10", "return x[0] * 10 if x[0] != 1 else (lambda: 0)")
    machine = deploy(text)
    module(machine).HOOK = failing()
    machine.run()
    assert machine.result() == ([0, 20], [1])
    batch = read_output(machine.store, machine.url("work", (0,)))
    assert batch.failures[1].error_type == "lokki.errors.ResultError"
    assert module(machine).calls == [0, 1, 2]


def test_an_unpicklable_result_ends_an_intolerant_batch_without_a_retry(deploy: Deploy, module: ModuleOf) -> None:
    machine = deploy(source(3).replace("return x[0] * 10", "return (i for i in x)"))
    module(machine).HOOK = failing()
    with pytest.raises(ExecutionFailed, match="a generator, cannot be pickled"):
        machine.run()
    assert module(machine).calls == [0]


def test_being_told_to_stop_saves_what_is_done(deploy: Deploy, module: ModuleOf) -> None:
    machine = deploy(source(4).replace("@step(retry", '@step(job_type="batch", retry'))

    def stop(index: int) -> None:
        if index == 2:
            raise Terminated

    module(machine).HOOK = stop
    with pytest.raises(Terminated):
        machine.run()
    saved = read_partial(machine.store, "main-flow", "run-1", "work", path=(0,))
    assert saved is not None
    assert saved.missing() == [2, 3]
    module(machine).HOOK = failing()
    machine.run()
    assert module(machine).calls == [0, 1, 2, 2, 3]


def test_progress_of_another_batch_is_refused(deploy: Deploy, module: ModuleOf) -> None:
    machine = deploy(source(3))
    module(machine).HOOK = failing()
    machine.invoke("get", (), None)
    row = machine.store.read_manifest(machine.store.manifest_url("main-flow", "run-1", "get"))[0]
    write_partial(machine.store, "main-flow", "run-1", "work", Batch(0, 2), path=(0,))
    with pytest.raises(LokkiFatal, match="saved of this batch holds 2 items, but 3 are given"):
        machine.invoke("work", (0,), row.to_dict())


class FullBlobs(MemoryBlobs):
    """A medium that refuses some keys."""

    refused = ""

    def put(self, key: str, data: Any) -> None:
        if self.refused and self.refused in key:
            raise StoreError("no", url=key, operation="write")
        super().put(key, data)


@pytest.mark.parametrize("refused", ["partial", "output"])
def test_a_store_that_refuses_is_what_is_told(refused: str, deploy: Deploy, module: ModuleOf) -> None:
    blobs = FullBlobs()
    machine = timed(deploy, module, source(3), budget_s=10, item_s=30)
    machine.store = BaseStore(blobs, flow_name="main-flow")
    machine.invoke("get", (), None)
    row = machine.store.read_manifest(machine.store.manifest_url("main-flow", "run-1", "get"))[0].to_dict()
    blobs.refused = refused
    kind = LokkiFatal if refused == "partial" else LokkiContinue
    with pytest.raises(kind):
        machine.invoke("work", (0,), row)


def test_without_a_deadline_nothing_is_interrupted(deploy: Deploy, module: ModuleOf) -> None:
    clock = FakeClock()
    machine = deploy(source(50, size="'auto'"), clock=clock)
    module(machine).HOOK = lambda index: clock.advance(10_000)
    machine.run()
    assert attempts_of(machine, "work") == [0] * 50
