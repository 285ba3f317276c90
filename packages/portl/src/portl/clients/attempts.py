"""The attempts of one call, and many calls beside each other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import Any

from portl.clock import Clock
from portl.errors import ConnectorError
from portl.retry import Random, RetryPolicy, is_safe

from .base import Reply

AHEAD = 2
"""So many requests per place are taken before it is their turn."""


def with_retries(
    call: Callable[[], Reply], policy: RetryPolicy, *, is_idempotent: bool, clock: Clock, random: Random
) -> Reply:
    """The reply of the first attempt that succeeds. Raises the error of the last."""
    attempt = 1
    while True:
        try:
            return replace(call(), attempts=attempt)
        except ConnectorError as error:
            allowed = is_safe(error, is_idempotent=is_idempotent) and policy.wants(error)
            if error.token == "function_error":  # a token of retry_on, not a password
                allowed = policy.names(error.token)
            if not allowed or attempt >= policy.max_attempts:
                raise _counted(error, attempt) from error.__cause__
            clock.sleep(policy.delay_s(attempt, random=random, asked_s=error.retry_after_s))
            attempt += 1


def _counted(error: ConnectorError, attempts: int) -> ConnectorError:
    if attempts > 1:
        error.message = f"{error.message} It was tried {attempts} times."
    return error


def in_order(send: Callable[[Any], Reply], requests: Iterable[Any], concurrency: int) -> Iterator[Reply]:
    """Replies in the order of the requests, at most `concurrency` calls at once. See `Client.send_all`."""
    waiting: deque[Future[Reply]] = deque()
    source = iter(requests)
    done = 0
    pool = ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="portl-call")
    is_interrupted = False
    try:
        while True:
            for request in islice(source, concurrency * AHEAD - len(waiting)):
                waiting.append(pool.submit(send, request))
            if not waiting:
                return
            yield waiting.popleft().result()
            done += 1
    except ConnectorError as error:
        error.index = done
        raise
    except KeyboardInterrupt:
        is_interrupted = True
        raise
    finally:
        pool.shutdown(wait=not is_interrupted, cancel_futures=True)
