"""The worker that makes the deliveries: after a job's COMMIT in the same process, or as `portl outbox drain`.

Claim, call, mark: a crash between call and mark gives a second call with the same key. Several workers may run at once.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Literal

from portl.clients.base import Client, Reply, Request
from portl.clock import Clock
from portl.errors import ConnectorError, PortlError, RequestError, RetryClass
from portl.retry import Random, RetryPolicy, system_random

from .base import DrainReport
from .queue import Claimed, Queue

BACKOFF = RetryPolicy(backoff_ms=1_000, max_backoff_ms=300_000)
"""Between the attempts of a delivery, where a job says nothing."""
LEASE_S = 120.0
"""A row is held so long at first: enough for a call with the usual timeout."""
MARGIN_S = 30.0
"""A row is held so much longer than its call can take."""
GRACE_S = 1.0
"""So long an interrupt lets the calls under way come to their end."""
ONCE = RetryPolicy()


@dataclass(frozen=True)
class Delivery:
    """What became of one attempt."""

    row: Claimed
    outcome: Literal["delivered", "failed", "dead"]
    error: str = ""
    status: int = 0
    """Of the reply; 0 where there was none."""


class Drainer:
    """Delivers what is due."""

    def __init__(
        self,
        queue: Queue,
        client: Callable[[str], Client],
        *,
        clock: Clock,
        concurrency: int = 4,
        backoff: RetryPolicy = BACKOFF,
        lease_s: float = LEASE_S,
        on_delivery: Callable[[Delivery], None] = lambda delivery: None,
        random: Random = system_random,
    ) -> None:
        self._queue = queue
        self._client = client
        self._clock = clock
        self._concurrency = concurrency
        self._backoff = backoff
        self._lease_s = lease_s
        self._on_delivery = on_delivery
        self._random = random
        self._worker = str(uuid.uuid4())

    def run(self, *, wait_s: float = 0.0) -> DrainReport:
        """Deliver until nothing is due; wait up to `wait_s` seconds for rows that will be.

        Raises the database's errors. The rows it holds are let go when it ends; an interrupt does not wait for calls
        that take long, and their rows are let go by the end of their lease.
        """
        end = self._clock.monotonic() + wait_s
        report = DrainReport()
        under_way: dict[Future[Reply], Claimed] = {}
        pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="portl-deliver")
        is_interrupted = False
        try:
            while True:
                self._begin(pool, under_way)
                if under_way:
                    report = self._finish(under_way, report)
                elif not self._sleep(end):
                    return replace(report, pending=self._queue.counts()["pending"])
        except KeyboardInterrupt:
            is_interrupted = True
            if wait(under_way, timeout=GRACE_S).done:
                self._finish(under_way, report)
            raise
        finally:
            pool.shutdown(wait=not is_interrupted, cancel_futures=True)
            if not is_interrupted:
                self._queue.release(self._worker)

    def _begin(self, pool: ThreadPoolExecutor, under_way: dict[Future[Reply], Claimed]) -> None:
        free = self._concurrency - len(under_way)
        if free:
            for row in self._queue.claim(self._worker, free, self._lease_s):
                under_way[pool.submit(self._deliver, *self._prepared(row))] = row

    def _prepared(self, row: Claimed) -> tuple[Client | None, Request | ConnectorError]:
        """The client and request of a row, held long enough."""
        try:
            client, request = self._client(row.connection), row.request()
        except KeyError:
            return None, RequestError(f"the job has no connection {row.connection} any more.")
        except ConnectorError as error:
            return None, error
        needed_s = client.longest_s(request) + MARGIN_S
        if needed_s > self._lease_s:
            self._queue.extend(row, self._worker, needed_s)
        return client, request

    @staticmethod
    def _deliver(client: Client | None, request: Request | ConnectorError) -> Reply:
        if client is None or isinstance(request, ConnectorError):
            assert isinstance(request, ConnectorError)  # noqa: S101  # both or none
            raise request
        return client.send(request, ONCE)

    def _finish(self, under_way: dict[Future[Reply], Claimed], report: DrainReport) -> DrainReport:
        """Mark what is done, as soon as anything is."""
        done, _ = wait(under_way, return_when=FIRST_COMPLETED)
        rows = [(under_way.pop(future), future) for future in done]
        good = [(row, future.result()) for row, future in rows if future.exception() is None]
        if good:
            self._queue.delivered([row for row, _ in good], self._worker)
        for row, reply in good:
            self._on_delivery(Delivery(row, "delivered", status=reply.status))
        report = replace(report, delivered=report.delivered + len(good))
        for row, future in rows:
            if future.exception() is not None:
                report = self._failed(row, future.exception(), report)
        return report

    def _failed(self, row: Claimed, error: BaseException | None, report: DrainReport) -> DrainReport:
        if not isinstance(error, PortlError):
            raise error or AssertionError
        delay_s = self._backoff.delay_s(
            row.attempts, random=self._random, asked_s=getattr(error, "retry_after_s", None)
        )
        is_dead = self._queue.failed(row, self._worker, str(error), delay_s, for_good=_is_hopeless(error))
        self._on_delivery(Delivery(row, "dead" if is_dead else "failed", str(error)))
        if is_dead:
            return replace(report, dead=report.dead + 1)
        return replace(report, failed=report.failed + 1)

    def _sleep(self, end: float) -> bool:
        """Wait for the next row; whether there is one in time."""
        due_s = self._queue.next_due_s()
        left_s = end - self._clock.monotonic()
        if due_s is None or left_s <= 0 or due_s > left_s:
            return False
        self._clock.sleep(max(due_s, 0.05))
        return True


def _is_hopeless(error: PortlError) -> bool:
    """Whether the same call would fail again. A function that ended with an error may do better next time."""
    if not isinstance(error, ConnectorError):
        return True
    return error.retry_class is RetryClass.NEVER and error.token != "function_error"
