"""One event and everything that is needed to answer it: its node, its store, its step, its attempts so far.

Input: an event and a Runtime. Output: `Invocation`, which `plain` and `items` work with.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lokki.errors import StepFailedError, StoreError, WireError
from lokki.invoke import Invoker, StepTimeoutError
from lokki.resolve import Call
from lokki.retry import NO_RETRY, RetryConfig
from lokki.wire import WIRE_VERSION, LambdaEvent, LambdaReply, ManifestRef, format_path

from .deadline import Deadline
from .errors import LokkiFatal
from .program import RunPlace
from .report import cause_text, is_disk_full

if TYPE_CHECKING:
    from datetime import datetime

    from lokki.chain import StepDef
    from lokki.invoke import RetryListener

    from .program import Bound
    from .roles import Role
    from .runtime import Runtime

FRESH_S = 120.0
"""Seconds for which a record of attempts is taken to be of this execution, besides the policy's longest wait.

Step Functions tells how often it has tried a state, throttled starts included, but not in which execution a record was
written: a run that was resumed after days must not be refused for what failed then.
"""


class Invocation:
    """One event being answered."""

    def __init__(
        self,
        runtime: Runtime,
        event: LambdaEvent,
        role: Role,
        remaining_s: Callable[[], float] | None,
        request_id: str | None,
    ) -> None:
        self.runtime = runtime
        self.event = event
        self.role = role
        self.store = runtime.store
        self.flow = runtime.flow_name
        self.run_id = event.flow.run_id
        self.deadline = Deadline(remaining_s)
        self.log = runtime.log.bind(
            flow=self.flow,
            run_id=self.run_id,
            node=role.node,
            path=format_path(event.path) or None,
            attempt=event.attempt + 1,
            request_id=request_id,
        )
        self.in_process = runtime.container or role.in_batches
        """Whether the step's policy is applied here; else Step Functions applies it."""

    @property
    def place(self) -> tuple[str, str, str]:
        """The deployed flow, the run and the node, as stores want them."""
        return self.flow, self.run_id, self.role.node

    @property
    def index(self) -> int | None:
        """The item's place in the innermost map, where the path names a single one; None outside maps."""
        return self.event.path[-1] if self.event.path else None

    @cached_property
    def output_url(self) -> str:
        """Where the result lies."""
        return self.store.output_url(*self.place, path=self.event.path)

    @cached_property
    def manifest_url(self) -> str:
        """Where the manifest lies, where a map runs over the result."""
        return self.store.manifest_url(*self.place, path=self.event.path)

    @cached_property
    def bound(self) -> Bound:
        """What the run's steps are called with. Raises LokkiError."""
        place = RunPlace(self.store, self.flow, self.run_id, self.event.flow.params)
        return self.runtime.program.bound(self.role, place, self.runtime.clock)

    @cached_property
    def step(self) -> StepDef:
        """The step. Raises DeploymentError."""
        return self.runtime.program.step(self.role)

    @property
    def policy(self) -> RetryConfig:
        """The step's retry policy."""
        return self.step.options.retry

    def invoker(self, on_retry: RetryListener) -> Invoker:
        """Calls the step, with its policy where that is applied here. `on_retry` is told of each further attempt."""
        return Invoker(
            self.step,
            self.role.node,
            self.bound.calls.get(self.role.node, Call()),
            flow=self.runtime.program.title,
            run_id=self.run_id,
            started_at=self.bound.started_at,
            retry=self.policy if self.in_process else NO_RETRY,
            clock=self.runtime.clock,
            on_retry=on_retry,
        )

    def url_input(self) -> str:
        """The event's input, which has to be a URL. Raises WireError."""
        if not isinstance(self.event.input, str):
            raise self._wrong_input("a URL")
        return self.event.input

    def row_input(self) -> Any:
        """The event's input, which has to be a manifest row. Raises WireError."""
        if self.event.input is None or isinstance(self.event.input, str):
            raise self._wrong_input("a manifest row")
        return self.event.input

    def _wrong_input(self, wanted: str) -> WireError:
        message = f"node '{self.role.node}' needs {wanted} as input, not {self.event.input!r}."
        return WireError(message, expected=WIRE_VERSION, found=self.event.input)

    # Attempts

    @cached_property
    def known_attempts(self) -> int:
        """How many attempts of this state are known to have failed; kills and throttled starts leave no record.

        Raises LokkiFatal where the policy allows no more of them: then an answer of ours was lost on its way.
        """
        if self.in_process or self.event.attempt == 0:
            return 0
        record = self.store.read_error(*self.place, path=self.event.path) or {}
        attempts = record.get("attempts")
        if not isinstance(attempts, int) or attempts > self.event.attempt or not self.is_fresh(_moment(record)):
            return 0
        if attempts > self.policy.retries:
            raise LokkiFatal(cause_text(record), record)
        return attempts

    @property
    def first_attempt(self) -> int:
        """The number of the attempt that comes next, from 1."""
        return max(self.known_attempts, min(self.event.attempt, self.policy.retries)) + 1 if not self.in_process else 1

    def is_fresh(self, moment: datetime | None) -> bool:
        """Whether what was recorded then belongs to an earlier attempt of the same state."""
        if self.event.attempt == 0 or moment is None:
            return False
        return self.runtime.clock.now() - moment <= timedelta(seconds=FRESH_S + self.policy.max_delay)

    def allows_another(self, error: StepFailedError) -> bool:
        """Whether Step Functions may try again after `error`."""
        cause = error.__cause__
        if self.in_process or cause is None or isinstance(cause, StoreError) or is_disk_full(cause):
            return False
        matches = isinstance(cause, StepTimeoutError) or self.policy.matches(cause)
        return matches and self.known_attempts < self.policy.retries

    # Answers

    def reply(self, *, skipped: bool = False, items: int | None = None) -> LambdaReply:
        """The answer: where the result lies. `items` is how many a map runs over."""
        manifest = self._manifest_ref(items) if self.role.feeds is not None else None
        url = self.output_url if self.role.task is not None else None
        return LambdaReply(self.role.node, self.event.path, url, manifest, skipped)

    def _manifest_ref(self, items: int | None) -> ManifestRef:
        from lokki.store.collect import total_of  # noqa: PLC0415  # only sources of maps need it
        from lokki.store.keys import manifest_key  # noqa: PLC0415  # see above

        count = total_of(self.store.read_manifest(self.manifest_url)) if items is None else items
        return ManifestRef(self.runtime.settings.bucket or "", manifest_key(*self.place, self.event.path), count)


def stop_hopeless(invoker: Invoker, error: BaseException, index: int | None, attempt: int) -> None:
    """Raise what ends an item at once where another attempt cannot help, whatever the policy says."""
    if is_disk_full(error) or isinstance(error, StoreError):
        raise invoker.failure(error, index, attempt) from error


def _moment(record: dict[str, Any]) -> datetime | None:
    from datetime import datetime  # noqa: PLC0415  # only a second attempt needs it

    try:
        return datetime.fromisoformat(record["at"])
    except (KeyError, TypeError, ValueError):
        return None
