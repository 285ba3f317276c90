"""Works through a batch of items of a map without a map inside, and keeps their results as one object.

Input: an Invocation, its row or the batch of the step before. Output: a sealed batch, or a partial one and an error.
Runs the author's step.

What is done is saved before anything is raised: an item that failed for good, time that runs short, a container that
is told to stop. Only a kill loses it; then the batch is worked through again from what was saved before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lokki.describe import describe
from lokki.errors import LokkiError, ObjectMissingError, ResultError, StepFailedError, WireError
from lokki.store.batch import Batch, read_output, read_partial, write_output, write_partial
from lokki.wire import WIRE_VERSION

from .errors import LokkiContinue, LokkiFatal, OutOfTime
from .invocation import Invocation, stop_hopeless
from .plain import read_row
from .report import cause_text, failure_of

if TYPE_CHECKING:
    from lokki.failure import ItemFailure
    from lokki.invoke import Invoker
    from lokki.wire import LambdaReply


def sealed_batch(job: Invocation) -> bool:
    """Whether the batch needs no more work.

    A run that is resumed tries again what had failed for good: a sealed batch with failures counts as unfinished the
    first time an execution comes to it.
    """
    if not (job.role.in_batches and job.role.tolerant):
        return job.store.exists(job.output_url)
    output = _output(job)
    if output is None or not output.failures:
        return output is not None
    if job.event.attempt > 0:
        return _newest(job, output) is output
    return _is_aggregated(job)


def _is_aggregated(job: Invocation) -> bool:
    """Whether the map's results have been used, so that it is too late for others."""
    body = job.role.body
    if body is None or body.agg is None:
        return False
    place, path = (job.flow, job.run_id, body.agg.node), job.event.path[:-1]
    feeds = job.runtime.program.roles[body.agg.node].feeds
    url = job.store.output_url(*place, path=path) if feeds is None else job.store.manifest_url(*place, path=path)
    return job.store.exists(url)


def _output(job: Invocation) -> Batch | None:
    try:
        return read_output(job.store, job.output_url)
    except ObjectMissingError:
        return None


def _newest(job: Invocation, output: Batch | None) -> Batch | None:
    """What was saved last of a batch: the sealed output, or what is done of working through it again."""
    partial = read_partial(job.store, *job.place, path=job.event.path)
    if output is None or partial is None:
        return output or partial
    return partial if _saved_s(partial) > _saved_s(output) else output


def _saved_s(batch: Batch) -> float:
    return batch.saved_at.timestamp() if batch.saved_at else 0.0


def run_items(job: Invocation) -> LambdaReply:
    """Work through the batch. Raises StepFailedError, ResultError, StoreError and the outcomes of this package."""
    source = _source(job)
    batch = _Work(job, source).go()
    write_output(job.store, *job.place, batch, path=job.event.path)
    job.log.info("batch_saved", first=batch.first, count=batch.count, failed=len(batch.failures) or None)
    return job.reply()


class _Source:
    """The items of a batch: where it begins, what failed before, and a fresh copy of each item."""

    def __init__(
        self, first: int, count: int, failures: Mapping[int, ItemFailure], fresh: Callable[[int], Sequence[Any]]
    ) -> None:
        self.first = first
        self.count = count
        self.failures = failures
        """{index: failure} of items that an earlier step of the body gave up."""
        self.fresh = fresh


def _source(job: Invocation) -> _Source:
    source = _from_row(job) if job.role.begins_body else _from_batch(job)
    if source.count != 1 and not job.role.in_batches:
        message = f"node '{job.role.node}' takes one item at a time, but is given {source.count}."
        raise WireError(message, expected=WIRE_VERSION, found=source.count)
    return source


def _from_row(job: Invocation) -> _Source:
    body = job.role.body
    assert body is not None  # noqa: S101  # a body's first step stands in it
    row = read_row(job)
    pack_url = job.store.output_url(job.flow, job.run_id, body.source, path=job.event.path[:-1])
    items: list[Any] = job.store.read_batch(pack_url, row)
    taken = bytearray(row.count)

    def fresh(index: int) -> tuple[Any]:
        """The item as it was stored; one that a step has had may have been changed by it."""
        place = index - row.first
        if taken[place]:
            return (job.store.read_batch(pack_url, row)[place],)
        taken[place] = 1
        item, items[place] = items[place], None
        return (item,)

    return _Source(row.first, row.count, {}, fresh)


def _from_batch(job: Invocation) -> _Source:
    before = read_output(job.store, job.url_input())
    if before.first != job.event.path[-1]:
        message = f"the event's path ends in {job.event.path[-1]}, but its input begins with item {before.first}."
        raise WireError(message, expected=WIRE_VERSION, found=before.first)
    return _Source(before.first, before.count, before.failures, lambda index: (before.value(index),))


class _Work:
    """The loop over the items, and what it knows so far."""

    def __init__(self, job: Invocation, source: _Source) -> None:
        self._job = job
        self._source = source
        self._clock = job.runtime.clock
        self._payloads: dict[int, bytes] = {}
        self._failures: dict[int, ItemFailure] = {}
        self._attempts: dict[int, int] = {}
        self._invoker: Invoker = job.invoker(self._on_retry)
        self._session = self._invoker.session()
        self._began_s = 0.0
        if job.role.in_batches:
            self._go_on()

    def go(self) -> Batch:
        """The finished batch. Whatever is raised, what is done has been saved before."""
        worked = False
        try:
            for index in self._batch().missing():
                if index in self._source.failures:
                    self._failures[index] = self._source.failures[index]
                    continue
                if worked and not self._job.deadline.allows():
                    raise self._continue()
                self._one(index)
                worked = True
        except OutOfTime:
            raise self._continue() from None
        except LokkiContinue:
            raise
        except BaseException:
            with suppress(LokkiError):  # what ended the batch says more
                self._save()
            raise
        return self._batch()

    def _one(self, index: int) -> None:
        self._began_s = self._clock.monotonic()
        try:
            self._payloads[index] = self._call(index)
            self._attempts.pop(index, None)
        except (StepFailedError, ResultError) as error:
            self._failed(index, error)
        finally:
            self._job.deadline.note(self._clock.monotonic() - self._began_s)

    def _call(self, index: int) -> bytes:
        job, fresh = self._job, self._source.fresh
        if not job.in_process:
            return self._session.tried_item(fresh, index, job.first_attempt)
        tried = self._attempts.get(index, 0)
        if not tried:
            return self._session.item(fresh(index)[0], index, fresh)
        self._stop_tried_out(index, tried)
        wait_s = min(job.policy.wait_s(tried - 1), max(job.deadline.spare_s(), 0.0))
        self._clock.sleep(wait_s)
        self._began_s += wait_s
        return self._session.tried_item(fresh, index, tried + 1)

    def _stop_tried_out(self, index: int, tried: int) -> None:
        """End the batch again, without another attempt, where the answer that it had ended was lost on its way."""
        job = self._job
        if tried > job.policy.retries:
            record = job.store.read_error(*job.place, path=job.event.path) or {
                "error_type": "StepFailedError",
                "message": f"step '{job.role.node}', item {index}: failed after {tried} attempts.",
            }
            raise LokkiFatal(cause_text(record), record)

    def _failed(self, index: int, error: StepFailedError | ResultError) -> None:
        """Note an item that failed for good; raise where the map does not tolerate it."""
        job = self._job
        job.log.warning("item_failure", index=index, error=str(error))
        if job.role.in_batches and job.role.tolerant:
            self._failures[index] = failure_of(error, index, job.role.node)
            self._attempts.pop(index, None)
            return
        self._attempts[index] = getattr(error, "attempts", 1)
        raise error

    def _on_retry(self, node: str, index: int | None, attempt: int, error: BaseException, wait_s: float) -> None:
        """Another attempt is about to be made, after `wait_s`; there may be no time for it."""
        stop_hopeless(self._invoker, error, index, attempt)
        now = self._clock.monotonic()
        self._job.deadline.note(now - self._began_s)
        if not self._job.deadline.allows(wait_s):
            assert index is not None  # noqa: S101  # items have one
            self._attempts[index] = attempt
            raise OutOfTime(attempt)
        self._job.log.warning("step_retry", index=index, attempt=attempt, error=describe(error), wait_s=wait_s)
        self._began_s = now + wait_s

    # Progress

    def _batch(self) -> Batch:
        now = self._clock.now()
        return Batch(self._source.first, self._source.count, self._payloads, self._failures, self._attempts, now)

    def _go_on(self) -> None:
        """Take over what an earlier invocation has done."""
        job = self._job
        known = _newest(job, _output(job) if job.role.tolerant else None)
        if known is None:
            return
        if (known.first, known.count) != (self._source.first, self._source.count):
            message = f"what is saved of this batch holds {known.count} items, but {self._source.count} are given."
            raise WireError(message, expected=WIRE_VERSION, found=known.count)
        self._payloads.update(known.payloads)
        if job.event.attempt > 0:
            self._failures.update(known.failures)
        if job.is_fresh(known.saved_at):
            self._attempts.update(known.attempts)
        job.log.info("batch_continued", first=known.first, count=known.count, done=len(known.payloads))

    def _save(self) -> None:
        """Save what is done; a single item that was not finished leaves nothing to save."""
        batch = self._batch()
        known = self._payloads or self._failures or self._attempts
        if self._job.role.in_batches and known and not batch.sealed:
            write_partial(self._job.store, *self._job.place, batch, path=self._job.event.path)

    def _continue(self) -> LokkiContinue:
        """Save, and say that another invocation has to go on. Raises StoreError where saving fails."""
        self._save()
        done = len(self._payloads) + len(self._failures)
        record = {
            "error_type": "LokkiContinue",
            "message": f"{done} of {self._source.count} items are done and saved; time ran short.",
            "done": done,
            "count": self._source.count,
        }
        return LokkiContinue(cause_text(record), record)
