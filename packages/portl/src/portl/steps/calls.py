"""`lambda.invoke`, `api.call` and `outbox.enqueue`: requests out of expressions, and what comes back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..clients.base import HttpRequest, LambdaRequest, Reply, Request
from ..connectors.base import Transaction
from ..context import RunContext
from ..errors import ConnectorError, TemplateError
from ..logging import Event
from ..model.steps import Retry
from ..outbox.base import OutboxRow
from ..outbox.enqueue import Enqueuer
from ..plan import PlannedStep
from ..retry import RetryPolicy
from ..template.access import text
from ..template.rows import Chunk, RowFailure, RowFunction, rows_function
from ..template.scope import Scope
from ..template.syntax import Literal

CHUNK = 1_000
"""Requests that are made ready at once."""


class Requests:
    """Makes the requests of a step's items."""

    def __init__(self, planned: PlannedStep, scope: Scope) -> None:
        self._planned = planned
        key = "dedup_key" if planned.step.type == "outbox.enqueue" else "idempotency_key"
        names = ("payload",) if self.is_function(planned) else ("path", "query", "headers", "body")
        self._names = (*names, key, "ordering_key")
        templates = [planned.templates.get(name, Literal(None)) for name in self._names]
        self._rows: RowFunction = rows_function(templates, scope)
        self.keys = self._rows.keys

    @staticmethod
    def is_function(planned: PlannedStep) -> bool:
        """Whether the step calls a function, not an API."""
        return planned.step.type == "lambda.invoke" or getattr(planned.step, "payload", None) is not None

    def of(self, chunk: Chunk) -> Iterator[tuple[Request, str | None, str | None]]:
        """The request, key and ordering key of each item. Raises RowFailure."""
        for place, values in enumerate(self._rows(chunk)):
            try:
                yield self._request(values)
            except TemplateError as error:
                raise self._failure(error, place) from error

    def _request(self, values: tuple[Any, ...]) -> tuple[Request, str | None, str | None]:
        *parts, raw_key, raw_order = values
        step = self._planned.step
        key = None if self._absent(-2) else text(raw_key)
        order = None if raw_order is None else text(raw_order)
        if key == "":
            raise TemplateError("The key is empty.", hint="Make it from what names the item in the business.")
        if self.is_function(self._planned):
            timeout = getattr(step, "timeout_ms", None)
            return LambdaRequest(parts[0], timeout, getattr(step, "idempotent", True)), key, order
        path, query, headers, body = parts
        return (
            HttpRequest(
                method=step.method,
                path=text(path),
                query=query or {},
                headers={name: text(value) for name, value in (headers or {}).items() if value is not None},
                body=body,
                idempotency_key=key,
                idempotency_in=step.idempotency_in,
                expect_status=tuple(step.expect_status),
                timeout_ms=getattr(step, "timeout_ms", None),
            ),
            key,
            order,
        )

    def _absent(self, number: int) -> bool:
        return self._names[number] not in self._planned.templates

    def _failure(self, error: TemplateError, place: int) -> RowFailure:
        failure = RowFailure(error.message, expression=error.expression, hint=error.hint)
        failure.place = place
        return failure


class CallWorker:
    """Calls a function or an API for each item, several at once."""

    size = CHUNK
    columns: tuple[str, ...] | None = None
    nullable = False

    def __init__(self, planned: PlannedStep, scope: Scope, context: RunContext) -> None:
        assert planned.connection is not None  # noqa: S101  # calls have one
        self._requests = Requests(planned, scope)
        self._client = context.connections.client(planned.connection)
        self._policy = retry_policy(planned.step.retry or context.plan.file.job.defaults.retry)
        self._is_function = planned.step.type == "lambda.invoke"
        self._observer, self._made = context.observer, Event("call_made", planned.id, level="debug")
        self._calls = self._attempts = 0
        self.keys = self._requests.keys

    def work(self, chunk: Chunk) -> Sequence[Any]:
        """Make the calls of a chunk."""
        requests = [request for request, _, _ in self._requests.of(chunk)]
        return [self._result(reply) for reply in self._client.send_all(requests, self._policy)]

    def finish(self) -> dict[str, Any]:
        """How many calls were made."""
        return {"calls": self._calls, "attempts": self._attempts}

    def _result(self, reply: Reply) -> Any:
        self._calls += 1
        self._attempts += reply.attempts
        self._observer(self._made)
        if self._is_function:
            return reply.body
        return {"status": reply.status, "headers": dict(reply.headers), "body": reply.body}


class MockWorker:
    """Answers calls with the step's `mock`, and makes none."""

    size = CHUNK
    columns: tuple[str, ...] | None = None
    nullable = True

    def __init__(self, planned: PlannedStep, scope: Scope) -> None:
        self._requests = Requests(planned, scope)
        self._planned = planned
        self._answers = rows_function([planned.templates.get("mock", Literal(None))], scope)
        self._calls = 0
        self.keys = tuple({*self._requests.keys, *self._answers.keys})

    def work(self, chunk: Chunk) -> Sequence[Any]:
        """Make the requests, and answer them."""
        self._calls += sum(1 for _ in self._requests.of(chunk))
        if self._planned.keeps and "mock" not in self._planned.templates:
            raise ConnectorError(
                "A dry run makes no calls, and the result of this one is needed.",
                hint="Give the step an answer: mock: …",
            )
        return [answer for (answer,) in self._answers(chunk)]

    def finish(self) -> dict[str, Any]:
        """How many calls were left out."""
        return {"calls_left_out": self._calls}


class OutboxWorker:
    """Writes one delivery per item into the outbox."""

    size = CHUNK
    columns: tuple[str, ...] | None = None
    nullable = True

    def __init__(self, planned: PlannedStep, scope: Scope, context: RunContext, transaction: Transaction) -> None:
        self._requests = Requests(planned, scope)
        self._planned = planned
        self._context = context
        self._enqueuer = Enqueuer(transaction, table=context.plan.file.job.outbox.table)
        self._count = self._new = 0
        self.keys = self._requests.keys

    def work(self, chunk: Chunk) -> Sequence[Any]:
        """Write the deliveries of a chunk."""
        job = self._context.plan.file.job
        rows = [
            OutboxRow(
                dedup_key=key or "",
                connection=self._planned.connection or "",
                request=request,
                ordering_key=order,
                job=job.name,
                step=self._planned.id,
                max_attempts=job.outbox.max_attempts,
            )
            for request, key, order in self._requests.of(chunk)
        ]
        self._new += sum(self._enqueuer.write(rows, chunk.indexes))
        self._count += len(rows)
        return ()

    def finish(self) -> dict[str, Any]:
        """How many deliveries wait for COMMIT, and how many were known already."""
        self._enqueuer.finish()
        return {"deliveries": self._new, "known": self._count - self._new}


def retry_policy(retry: Retry) -> RetryPolicy:
    """The job's words in those of the clients."""
    tokens = None if retry.retry_on is None else frozenset(retry.retry_on)
    return RetryPolicy(retry.max_attempts, retry.backoff_ms, retry.max_backoff_ms, retry.jitter, tokens)
