"""What is handed out: runs of a map's items, sized by what is known of how long items take. Touches nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
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
