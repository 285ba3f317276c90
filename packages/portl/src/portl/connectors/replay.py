"""The transaction phase of a job, run again from its beginning when the database undid it.

Deadlocks, serialization failures and connections lost before COMMIT leave nothing behind, so the whole phase is
repeated; one statement alone never is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from portl.clock import Clock
from portl.errors import ConnectionFailedError, ConnectorError, DatabaseError, RetryClass
from portl.interrupts import held_back
from portl.retry import Random, RetryPolicy, system_random

from .base import Connector, Transaction
from .operations import TransactionOptions, Witness

ResultT = TypeVar("ResultT")

_REPEATABLE = (RetryClass.TRANSACTION_GONE, RetryClass.NOTHING_HAPPENED)
REPLAYS = RetryPolicy(max_attempts=5, backoff_ms=100, max_backoff_ms=5_000)
"""Where a job says nothing."""


def run_phase(
    connector: Connector,
    body: Callable[[Transaction], ResultT],
    *,
    clock: Clock,
    options: TransactionOptions = TransactionOptions(),  # noqa: B008  # frozen
    retry: RetryPolicy = REPLAYS,
    witness: Callable[[], Witness | None] = lambda: None,
    on_commit: Callable[[], None] = lambda: None,
    on_replay: Callable[[ConnectorError, int], None] = lambda error, attempt: None,
    random: Random = system_random,
) -> ResultT:
    """What `body` gives, committed. Raises its errors, and OutcomeUnknownError.

    `body` may be called several times, each time with a new transaction; `on_replay` is told why and which attempt is
    next. `witness` is asked after the body, `on_commit` called when it took effect; an interrupt waits until then.
    """
    attempt = 1
    while True:
        try:
            with connector.begin(options) as transaction:
                result = body(transaction)
                with held_back():
                    transaction.commit(witness())
                    on_commit()
                return result
        except ConnectorError as error:
            if not _is_repeatable(error, retry) or attempt >= retry.max_attempts:
                raise
            attempt += 1
            on_replay(error, attempt)
            clock.sleep(retry.delay_s(attempt - 1, random=random))


def _is_repeatable(error: ConnectorError, retry: RetryPolicy) -> bool:
    """Only failures of the database itself: a call made by a step has made its own attempts."""
    if not isinstance(error, DatabaseError | ConnectionFailedError):
        return False
    return error.retry_class in _REPEATABLE and retry.wants(error)
