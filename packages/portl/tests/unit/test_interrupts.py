"""Interrupts wait for COMMIT to be answered; a second one does not."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator

import pytest
from portl.interrupts import held_back, raise_interrupt, treat_alike


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def _in_a_block(*actions: Callable[[], None]) -> None:
    with held_back():
        for action in actions:
            action()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_comes_when_the_block_is_left(number: int) -> None:
    treat_alike()
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        _in_a_block(lambda: signal.raise_signal(number), lambda: done.append("after"))
    assert done == ["after"]


def test_a_second_one_does_not_wait() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        _in_a_block(*[lambda: signal.raise_signal(signal.SIGINT)] * 2, lambda: done.append("after"))
    assert done == []


def test_it_comes_also_where_the_block_fails() -> None:
    def fail() -> None:
        raise ValueError

    with pytest.raises(KeyboardInterrupt) as caught:
        _in_a_block(lambda: signal.raise_signal(signal.SIGINT), fail)
    assert isinstance(caught.value.__context__, ValueError)


def test_what_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    treat_alike()
    with held_back():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)


def test_handlers_are_put_back() -> None:
    with held_back():
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(KeyboardInterrupt):
        raise_interrupt(signal.SIGTERM, None)


def test_other_threads_hold_nothing_back() -> None:
    done: list[bool] = []

    def work() -> None:
        with held_back():
            done.append(signal.getsignal(signal.SIGINT) is signal.default_int_handler)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
