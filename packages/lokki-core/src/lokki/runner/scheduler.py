"""Who does what next: maps hand out runs of their items to workers, deepest map first.

Workers call `take`, do the unit and call `settle`. A map whose body holds another map hands out whole items; an item
that reaches an inner map waits, without holding a worker, until that map is done. Touches nothing but memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import Condition
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..errors import LokkiError
    from ..graph import MapLink
    from .execution import Path

MOST_ITEMS = 256
"""The most items of one claim."""

CLAIM_S = 0.02
"""How long a claim of several items should take, in seconds."""

TRIVIAL_ITEM_S = 50e-6
"""Items faster than this gain nothing from a second thread: the interpreter lock eats it up."""

TRIAL_S = 0.002
"""How long other workers wait for the first claim to tell how fast items are, in seconds."""

BUSY_PROCESSOR = 0.85
"""The share of a processor that threads together use when the interpreter lock is what they wait for."""


class Unit:
    """What a worker does at a time: items of a map, or one item of a map that holds others."""

    __slots__ = ("attempt", "count", "fan", "first", "node", "position", "suspect")

    def __init__(
        self,
        fan: FanOut,
        first: int,
        count: int = 1,
        *,
        position: int = 0,
        attempt: int = 1,
        node: str | None = None,
        suspect: bool = False,
    ) -> None:
        self.fan = fan
        self.first = first
        self.count = count
        self.position = position
        """The operation of the body to go on with; only where the body holds a map."""
        self.attempt = attempt
        """More than 1 where a worker process died on this very item before."""
        self.node = node
        """The step that `attempt` is about; None where it is 1."""
        self.suspect = suspect
        """Whether a worker process died while it held this, so that part of it may be done already."""


class Outcome:
    """How a unit ended."""

    def __init__(
        self,
        done: int = 0,
        failed: int = 0,
        error: LokkiError | None = None,
        *,
        elapsed_s: float = 0.0,
        cpu_s: float = 0.0,
        retry: Sequence[Unit] = (),
    ) -> None:
        self.done = done
        """Items that succeeded; 0 for an item that waits at an inner map."""
        self.failed = failed
        """Items that failed for good and are tolerated so far."""
        self.error = error
        """What ends the map."""
        self.elapsed_s = elapsed_s
        self.cpu_s = cpu_s
        """Processor time of the thread; 0 where it is not known."""
        self.retry = retry
        """What must be handed out again, because the worker died."""
        self.inner: FanOut | None = None
        """The map this item now waits for."""
        self.reached = 0
        """The operation of the body that `inner` is."""


class FanOut:
    """One map at work: at the top of the flow, or inside an item of another map."""

    def __init__(
        self, link: MapLink, path: Path, total: int, ranges: Iterable[tuple[int, int]], *, begun_s: float
    ) -> None:
        self.link = link
        self.path = path
        self.total = total
        self.ranges = deque(ranges)
        """(first, count) of what has not been handed out."""
        self.again: deque[Unit] = deque()
        """What has to be handed out once more."""
        self.waiting: Unit | None = None
        """The item of the outer map that waits for this one; None at the top."""
        self.done = total - sum(count for _, count in self.ranges)
        self.failed = 0
        self.active = 0
        """Units at work; for a map with maps inside, items begun and not finished."""
        self.item_s: float | None = None
        """Seconds an item takes, learnt from those done; None before the first."""
        self.cpu_s = 0.0
        self.trivial = False
        """Whether items are so fast that one thread at a time is best."""
        self.tried_s = 0.0
        """When the first unit was begun, on the monotonic clock."""
        self.begun_s = begun_s
        """When it was opened, on the monotonic clock."""
        self.error: LokkiError | None = None
        self.stopped = False

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do or at work."""
        return self.active == 0 and (self.stopped or not (self.ranges or self.again))

    @property
    def too_many_failed(self) -> bool:
        """Whether more items failed than the map tolerates."""
        return self.failed * 100 > self.link.options.tolerated_failure_percentage * self.total

    def claim(self, workers: int, now_s: float) -> Unit | None:
        """The next unit; None while there is none to hand out."""
        if self.stopped or not self.may_start(workers) or self.on_trial(now_s):
            return None
        self.tried_s = self.tried_s or now_s
        if self.again:
            return self._begin(self.again.popleft())
        if not self.ranges:
            return None
        first, left = self.ranges.popleft()
        count = min(left, self._claim_size(workers))
        if left > count:
            self.ranges.appendleft((first + count, left - count))
        return self._begin(Unit(self, first, count))

    def _begin(self, unit: Unit) -> Unit:
        self.active += 1
        return unit

    def may_start(self, workers: int) -> bool:
        """Whether another unit may be begun now, as far as limits go."""
        limit = self.link.options.concurrency_limit
        if self.link.nested:
            return self.active < min(limit or workers, workers)
        if self.active and self.trivial:
            return False
        return limit is None or self.active < limit

    def on_trial(self, now_s: float) -> bool:
        """Whether the very first claim has only just begun, so that nobody knows yet how fast items are."""
        return self.item_s is None and self.active > 0 and now_s - self.tried_s < TRIAL_S

    def _claim_size(self, workers: int) -> int:
        """One item while they are slow or unknown; a fair share of a few milliseconds' worth otherwise."""
        if self.link.nested or self.item_s is None:
            return 1
        if self.trivial:
            return MOST_ITEMS
        left = self.total - self.done - self.failed
        return max(1, min(MOST_ITEMS, int(CLAIM_S / self.item_s), left // (2 * workers)))

    def learn(self, outcome: Outcome, now_s: float) -> None:
        """Take in how a unit went."""
        self.done += outcome.done
        self.failed += outcome.failed
        self.cpu_s += outcome.cpu_s
        items = outcome.done + outcome.failed
        if items and not self.link.nested:
            latest = outcome.elapsed_s / items
            self.item_s = latest if self.item_s is None else 0.5 * (self.item_s + latest)
            self.trivial = self._is_trivial(latest, outcome.cpu_s / items, now_s)

    def _is_trivial(self, item_s: float, item_cpu_s: float, now_s: float) -> bool:
        """Whether items are so fast that threads only get in each other's way."""
        if self.active <= 1:
            return item_s < TRIVIAL_ITEM_S
        busy = self.cpu_s / max(now_s - self.begun_s, 1e-9)
        return 0 < item_cpu_s < TRIVIAL_ITEM_S and busy > BUSY_PROCESSOR


class Scheduler:
    """Hands out units to any number of workers. All methods may be called from any thread."""

    def __init__(
        self,
        workers: int,
        *,
        on_finish: Callable[[FanOut], LokkiError | None],
        on_item_failed: Callable[[FanOut, int, LokkiError], LokkiError | None],
        monotonic: Callable[[], float],
    ) -> None:
        self.workers = workers
        self._on_finish = on_finish
        """Told of a finished map; returns what makes it a failure after all."""
        self._on_item_failed = on_item_failed
        """Told of a failed item of a map with maps inside; returns what ends the map, None where it is tolerated."""
        self._monotonic = monotonic
        self._changed = Condition()
        self._open: list[FanOut] = []
        self._ready: deque[Unit] = deque()
        self._closed = False
        self._idle = 0

    def open(self, fan: FanOut) -> None:
        """Begin a map at the top of the flow."""
        with self._changed:
            self._open.append(fan)
            self._finish_what_is_done()
            self._changed.notify_all()

    def take(self) -> Unit | None:
        """The next unit for a worker, waiting for one if need be; None when the run is over."""
        with self._changed:
            return self._take()

    def exchange(self, unit: Unit, outcome: Outcome) -> Unit | None:
        """Take in how a worker's unit ended, and give it the next one as `take` does."""
        with self._changed:
            self._settle(unit, outcome)
            following = None if self._closed else self._next()
            if self._idle and (following is None or any(self._has_work(fan) for fan in self._open)):
                self._changed.notify_all()
            return following or self._take()

    def wants_worker(self) -> bool:
        """Whether another worker would have something to do."""
        with self._changed:
            return not self._closed and self._idle == 0 and any(self._has_work(fan) for fan in self._open)

    def _take(self) -> Unit | None:
        while not self._closed:
            unit = self._next()
            if unit is not None:
                return unit
            now_s = self._monotonic()
            trial = any(fan.on_trial(now_s) for fan in self._open)
            self._idle += 1
            self._changed.wait(TRIAL_S if trial else None)
            self._idle -= 1
        return None

    def _settle(self, unit: Unit, outcome: Outcome) -> None:
        fan = unit.fan
        fan.learn(outcome, self._monotonic())
        fan.again.extend(outcome.retry)
        if outcome.inner is not None and not fan.stopped:
            unit.position, unit.attempt = outcome.reached, 1
            outcome.inner.waiting = unit
            self._open.append(outcome.inner)
        else:
            self._end_unit(unit, outcome.error)
        self._finish_what_is_done()

    def wait(self, fan: FanOut, timeout_s: float | None) -> bool:
        """Wait until a map at the top is finished; False when `timeout_s` passed first."""
        with self._changed:
            return self._changed.wait_for(lambda: fan not in self._open, timeout_s)

    @property
    def closed(self) -> bool:
        """Whether nothing is handed out any more."""
        return self._closed

    def stop(self) -> None:
        """Hand out nothing more; workers end after their unit."""
        with self._changed:
            self._closed = True
            for fan in self._open:
                fan.stopped = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Stop, and let go of whoever waits for a map."""
        self.stop()
        with self._changed:
            self._open.clear()
            self._changed.notify_all()

    def snapshot(self) -> list[FanOut]:
        """The maps at work, outermost first."""
        with self._changed:
            return list(self._open)

    def _next(self) -> Unit | None:
        while self._ready:
            ready = self._ready.popleft()
            if not ready.fan.stopped:
                return ready
            ready.fan.active -= 1
            self._finish_what_is_done()
        now_s = self._monotonic()
        for fan in reversed(self._open):
            unit = fan.claim(self.workers, now_s)
            if unit is not None:
                return unit
        return None

    def _has_work(self, fan: FanOut) -> bool:
        return bool(fan.ranges or fan.again) and not fan.stopped and fan.may_start(self.workers)

    def _stop(self, fan: FanOut, error: LokkiError | None) -> None:
        """Let a map hand out nothing more, and the maps inside its items neither."""
        fan.error = fan.error or error
        fan.stopped = True
        for inner in self._inside(fan):
            inner.stopped = True

    def _inside(self, fan: FanOut) -> Iterator[FanOut]:
        for other in self._open:
            outer = other.waiting
            while outer is not None:
                if outer.fan is fan:
                    yield other
                    break
                outer = outer.fan.waiting

    def _finish_what_is_done(self) -> None:
        """Close finished maps, innermost first, and let the items that waited for them go on."""
        found = True
        while found:
            found = False
            for fan in reversed(self._open):
                if fan.finished:
                    self._finish(fan)
                    found = True
                    break

    def _finish(self, fan: FanOut) -> None:
        self._open.remove(fan)
        self._changed.notify_all()
        error = self._on_finish(fan)
        fan.error = fan.error or error
        waiting = fan.waiting
        if waiting is None:
            return
        if fan.error is None and not waiting.fan.stopped:
            waiting.position += 1
            self._ready.append(waiting)
        else:
            self._end_unit(waiting, fan.error)

    def _end_unit(self, unit: Unit, error: LokkiError | None) -> None:
        """A unit is over; an error is the map's own affair or, in a map with maps inside, perhaps tolerated."""
        fan = unit.fan
        fan.active -= 1
        if error is not None and fan.link.nested and not fan.stopped:
            error = self._on_item_failed(fan, unit.first, error)
            fan.failed += error is None
        if error is not None or fan.too_many_failed:
            self._stop(fan, error)
