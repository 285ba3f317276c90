"""Who does what next: maps hand out runs of their items to workers, deepest map first.

Workers call `take`, do the unit and call `exchange`. A map whose body holds another map hands out whole items; an item
that reaches an inner map waits, without holding a worker, until that map is done. Touches nothing but memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from threading import Condition
from typing import TYPE_CHECKING

from .units import TRIAL_S, FanOut, Outcome, Unit

if TYPE_CHECKING:
    from ..errors import LokkiError


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
