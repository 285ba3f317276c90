"""The stand-ins lokki ships for tests, and the clock they stand in for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from lokki import LokkiError, run, step
from lokki.clock import SYSTEM_CLOCK
from lokki.testing import EPOCH, FakeClock, run_info


@step
def name_of_run() -> str:
    info = run()
    return f"{info.flow}/{info.run_id}/{info.node}/{info.item_index}/{info.attempt}"


def test_a_fake_clock_moves_when_somebody_sleeps() -> None:
    clock = FakeClock()
    assert (clock.now(), clock.monotonic(), clock.thread_cpu_s()) == (EPOCH, 0, 0)
    clock.sleep(1.5)
    clock.sleep(-1)
    clock.advance(2)
    assert clock.now() == EPOCH + timedelta(seconds=3.5)
    assert clock.monotonic() == 3.5
    assert clock.sleeps == [1.5, -1]


def test_a_fake_clock_starts_where_it_is_told() -> None:
    start = datetime(2030, 1, 1, tzinfo=UTC)
    assert FakeClock(start).now() == start


def test_the_system_s_clock_is_aware_and_goes_on() -> None:
    before, cpu, now = SYSTEM_CLOCK.monotonic(), SYSTEM_CLOCK.thread_cpu_s(), SYSTEM_CLOCK.now()
    SYSTEM_CLOCK.sleep(0)
    SYSTEM_CLOCK.sleep(-5)
    assert SYSTEM_CLOCK.monotonic() >= before
    assert SYSTEM_CLOCK.thread_cpu_s() >= cpu
    assert SYSTEM_CLOCK.now() >= now
    assert now.tzinfo is UTC


def test_a_step_s_function_can_be_tested_with_a_run() -> None:
    with run_info(run_id="r1", flow="f", node="n", item_index=3, attempt=2):
        assert name_of_run.fn() == "f/r1/n/3/2"
        assert run().started_at == EPOCH
    with run_info():
        assert name_of_run.fn() == "test-flow/test-run/step/None/1"
    with pytest.raises(LokkiError, match=r"lokki\.run\(\) was called outside a running step"):
        name_of_run.fn()


def test_the_run_ends_with_the_context_also_after_an_error() -> None:
    with pytest.raises(ValueError, match="x"), run_info():
        raise ValueError("x")
    with pytest.raises(LokkiError):
        run()
