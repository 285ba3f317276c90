"""Calls a step once and keeps its result as one object, or as the pack that a map runs over.

Input: an Invocation of a step outside leaf maps. Output: the result in the store and a reply. Runs the author's step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from lokki.describe import describe
from lokki.errors import WireError
from lokki.fanout import fan_out
from lokki.invoke import Invoker, pickled
from lokki.lint import FAILURES
from lokki.signatures import Parameters
from lokki.store.pack import PackRef, Row
from lokki.wire import WIRE_VERSION

from .invocation import Invocation, stop_hopeless

if TYPE_CHECKING:
    from lokki.failure import ItemFailure
    from lokki.graph import MapLink
    from lokki.wire import LambdaReply

Fetch = Callable[[], Sequence[Any]]
"""Makes fresh arguments for an attempt."""


def run_plain(job: Invocation) -> LambdaReply:
    """Call the step and keep its result. Raises StepFailedError, ResultError, MapFailedError or StoreError."""
    fetch, extra = _inputs(job)
    invoker: Invoker

    def on_retry(node: str, index: int | None, attempt: int, error: BaseException, wait_s: float) -> None:
        stop_hopeless(invoker, error, index, attempt)
        job.log.warning("step_retry", attempt=attempt, error=describe(error), wait_s=wait_s)

    invoker = job.invoker(on_retry)
    sink: Callable[[Any], PackRef | None] = _pack_sink(job, invoker) if job.role.feeds else _value_sink(job, invoker)
    done = invoker.session().call(fetch(), sink, index=job.index, again=fetch, attempt=job.first_attempt, extra=extra)
    return job.reply(items=done.count if done else None)


def run_judge(job: Invocation) -> LambdaReply:
    """Judge a map that no step aggregates. Raises MapFailedError where too many of its items failed."""
    link = job.role.aggregates
    assert link is not None  # noqa: S101  # only judges come here
    results = _results(job, link)
    results.judge(results.rows(job.url_input()))
    return job.reply()


def _value_sink(job: Invocation, invoker: Invoker) -> Callable[[Any], None]:
    def keep(result: Any) -> None:
        payload = pickled(result, invoker, job.index)
        job.store.write_pickled(*job.place, payload, path=job.event.path)

    return keep


def _pack_sink(job: Invocation, invoker: Invoker) -> Callable[[Any], PackRef]:
    """A partial, so that the author's traceback shows no frame of ours."""
    feeds = job.role.feeds
    assert feeds is not None  # noqa: S101  # only sources of maps come here
    size = 1 if feeds.nested else feeds.options.batch_size
    return partial(
        fan_out,
        invoker=invoker,
        batch_size=size,
        open_pack=lambda most: job.store.open_pack(*job.place, path=job.event.path, max_items=most),
    )


def _inputs(job: Invocation) -> tuple[Fetch, dict[str, Any] | None]:
    role = job.role
    if role.aggregates is not None:
        return _aggregate(job, role.aggregates)
    if role.is_first:
        return tuple, None
    if role.begins_body:
        return _item(job), None
    url = job.url_input()
    return lambda: (job.store.read(url),), None


def _item(job: Invocation) -> Fetch:
    """The one item of a row, for a body that holds another map."""
    body = job.role.body
    assert body is not None  # noqa: S101  # a body's first step stands in it
    row = read_row(job)
    if row.count != 1:
        message = f"a row of the map '{body.name}' holds one item, because it has a map inside, not {row.count}."
        raise WireError(message, expected=WIRE_VERSION, found=row.count)
    pack_url = job.store.output_url(job.flow, job.run_id, body.source, path=job.event.path[:-1])
    return lambda: job.store.read_batch(pack_url, row)


def read_row(job: Invocation) -> Row:
    """The manifest row of the event. Raises WireError and StoreFormatError."""
    row = Row.from_dict(job.row_input())
    if row.first != job.event.path[-1]:
        message = f"the event's path ends in {job.event.path[-1]}, but its row begins with item {row.first}."
        raise WireError(message, expected=WIRE_VERSION, found=row.first)
    return row


def _results(job: Invocation, link: MapLink) -> Any:
    from lokki.store.collect import MapResults  # noqa: PLC0415  # only aggregations and judges need it

    return MapResults(job.store, job.flow, job.run_id, link, job.event.path, title=job.runtime.program.title)


def _aggregate(job: Invocation, link: MapLink) -> tuple[Fetch, dict[str, Any]]:
    """The results of a map: lazily where the step asks for an iterator, else as a list."""
    parameters = Parameters(job.step.fn)
    results = _results(job, link)
    rows = results.rows(job.url_input())
    failures: list[ItemFailure] = []
    if link.options.tolerated_failure_percentage:
        failures = results.judge(rows)
    extra = {FAILURES: failures} if _asks_for_failures(job, parameters) else {}
    if parameters.wants_iterator():
        return lambda: (results.results(rows),), extra
    return lambda: (list(results.results(rows)),), extra


def _asks_for_failures(job: Invocation, parameters: Parameters) -> bool:
    first = parameters.first
    asked = FAILURES in parameters.named and (first is None or first.name != FAILURES)
    return asked and FAILURES not in job.bound.calls[job.role.node].kwargs
