"""When a failed call or transaction is tried again, and how long to wait before.

Stage: around calls of clients, and around the transaction phase. Reads the time only through a clock.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from .errors import ConnectorError, RetryClass

Random = Callable[[], float]
"""A number from 0 to below 1."""


def system_random() -> float:
    """A random number; two programs that failed together do not come back together."""
    return secrets.randbelow(1 << 30) / (1 << 30)


@dataclass(frozen=True)
class RetryPolicy:
    """How often and when a failed call is made again."""

    max_attempts: int = 1
    """The first included."""
    backoff_ms: int = 250
    """Longest wait before the second attempt; it doubles with each further one."""
    max_backoff_ms: int = 10_000
    """No wait is longer, whatever the other side asks for."""
    jitter: bool = True
    """Whether waits are chosen at random between 0 and their length."""
    retry_on: frozenset[str] | None = None
    """Tokens of errors that are worth another attempt; None for all that are safe to repeat."""

    def wants(self, error: ConnectorError) -> bool:
        """Whether this kind of error is worth another attempt; whether one is safe is another question."""
        return self.retry_on is None or error.token in self.retry_on

    def names(self, token: str) -> bool:
        """Whether the job itself names this kind of error."""
        return self.retry_on is not None and token in self.retry_on

    def delay_s(self, failures: int, *, random: Random, asked_s: float | None = None) -> float:
        """Seconds to wait after `failures` failed attempts; `asked_s` is the other side's wish."""
        longest = min(self.backoff_ms * float(2 ** min(failures - 1, 40)), self.max_backoff_ms) / 1000
        chosen = longest * random() if self.jitter else longest
        if asked_s is None or asked_s <= 0:
            return chosen
        return min(max(chosen, asked_s), self.max_backoff_ms / 1000)


def is_safe(error: ConnectorError, *, is_idempotent: bool) -> bool:
    """Whether a call that failed with `error` may be made again without doing its work twice."""
    if error.retry_class is RetryClass.NOTHING_HAPPENED:
        return True
    return error.retry_class is RetryClass.MAYBE_EXECUTED and is_idempotent
