"""How long a failed call waits."""

from __future__ import annotations

import pytest
from portl.errors import ConnectorError, RetryClass
from portl.retry import RetryPolicy, is_safe, system_random

POLICY = RetryPolicy(max_attempts=9, backoff_ms=100, max_backoff_ms=1000)


def test_waits_double_up_to_the_longest() -> None:
    assert [POLICY.delay_s(n, random=lambda: 1.0) for n in range(1, 7)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert POLICY.delay_s(10_000, random=lambda: 1.0) == 1.0


def test_waits_are_chosen_below_their_length() -> None:
    assert POLICY.delay_s(3, random=lambda: 0.5) == 0.2
    assert RetryPolicy(backoff_ms=100, jitter=False).delay_s(1, random=lambda: 0.5) == 0.1


@pytest.mark.parametrize(("asked", "waited"), [(0.5, 0.5), (99, 1.0), (0.01, 0.1), (0, 0.1), (-3, 0.1), (None, 0.1)])
def test_what_the_other_side_asks_for(asked: float | None, waited: float) -> None:
    assert POLICY.delay_s(1, random=lambda: 1.0, asked_s=asked) == waited


@pytest.mark.parametrize(
    ("kind", "idempotent", "safe"),
    [
        (RetryClass.NOTHING_HAPPENED, False, True),
        (RetryClass.MAYBE_EXECUTED, False, False),
        (RetryClass.MAYBE_EXECUTED, True, True),
        (RetryClass.NEVER, True, False),
        (RetryClass.OUTCOME_UNKNOWN, True, False),
        (RetryClass.TRANSACTION_GONE, True, False),
    ],
)
def test_what_may_be_repeated(kind: RetryClass, idempotent: bool, safe: bool) -> None:
    assert is_safe(ConnectorError("x", retry_class=kind), is_idempotent=idempotent) is safe


def test_random_numbers() -> None:
    assert all(0 <= system_random() < 1 for _ in range(100))
