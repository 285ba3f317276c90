"""The one way a step is called: bound arguments, the retry policy, the time limit, and errors that say where.

The local runner and the deployed runtime both call `Invoker`; what differs is where inputs come from and where
results go, which the caller passes in.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from types import GeneratorType
from typing import TYPE_CHECKING, Any, TypeVar

from .clock import SYSTEM_CLOCK, Clock
from .context import Frame, current
from .describe import author_traceback, describe, text_of
from .errors import LokkiError, ResultError, StepFailedError

if TYPE_CHECKING:
    from datetime import datetime

    from .chain import StepDef
    from .resolve import Call
    from .retry import RetryConfig

T = TypeVar("T")

RetryListener = Callable[[str, "int | None", int, BaseException, float], None]
"""Told (node, item index, attempt that failed, its error, seconds until the next)."""


class StepTimeoutError(Exception):
    """An attempt took longer than the step's `timeout_seconds`."""


class Invoker:
    """A step made ready for one run. Safe to share between threads."""

    def __init__(
        self,
        step: StepDef,
        node: str,
        call: Call,
        *,
        flow: str,
        run_id: str,
        started_at: datetime,
        retry: RetryConfig | None = None,
        clock: Clock = SYSTEM_CLOCK,
        on_retry: RetryListener | None = None,
    ) -> None:
        self.step = step
        self.node = node
        self.flow = flow
        self.retry = step.options.retry if retry is None else retry
        """The policy applied here; NO_RETRY where Step Functions retries instead."""
        self._call = call
        self._copied = _copied(call)
        self._clock = clock
        self._on_retry = on_retry
        self._run_id = run_id
        self._started_at = started_at

    @property
    def shares_bound(self) -> bool:
        """Whether all calls may be given the very same bound arguments."""
        return self._copied is None

    def bound(self) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """The bound arguments for one call, as nobody has changed them: (by place, by name)."""
        if self._copied is None:
            return self._call.args, self._call.kwargs
        args, kwargs = pickle.loads(self._copied)  # noqa: S301  # pickled in this process
        return args, kwargs

    def session(self) -> Session:
        """A caller for one thread."""
        return Session(self, Frame(self._run_id, self.flow, self.node, self._started_at))

    def failure(self, error: BaseException, index: int | None, attempts: int) -> StepFailedError:
        """What to raise when `error` ended the last of `attempts`."""
        item = "" if index is None else f", item {index}"
        times = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        message = f"flow '{self.flow}', step '{self.node}'{item}: failed after {times}: {describe(error)}"
        failed = StepFailedError(
            message,
            flow=self.flow,
            step=self.node,
            index=index,
            attempts=attempts,
            traceback=author_traceback(error),
        )
        failed.__cause__ = error
        return failed

    def unpicklable(self, result: Any, index: int | None, error: Exception) -> ResultError:
        """What to raise when `error` says that `result` cannot be pickled."""
        kind = type(result).__name__
        item = "" if index is None else f", item {index}"
        if kind in ("generator", "map", "filter", "zip"):
            hint = "Return a list; only a step that feeds .map may return a generator."
        else:
            hint = "Return plain data, or a class defined at module level."
        message = (
            f"flow '{self.flow}', step '{self.node}'{item}: its result, a {kind}, cannot be pickled: {text_of(error)}."
        )
        wrong = ResultError(message, hint=hint)
        wrong.step = self.node
        wrong.__cause__ = error
        return wrong


class Session:
    """Calls one step in one thread, item after item."""

    __slots__ = ("_fn", "_frame", "_invoker", "_limit_s")

    def __init__(self, invoker: Invoker, frame: Frame) -> None:
        self._invoker = invoker
        self._frame = frame
        self._fn = invoker.step.fn
        self._limit_s = invoker.step.options.timeout_seconds

    def call(
        self,
        inputs: Sequence[Any],
        sink: Callable[[Any], T],
        *,
        index: int | None = None,
        again: Callable[[], Sequence[Any]] | None = None,
        attempt: int = 1,
        extra: dict[str, Any] | None = None,
    ) -> T:
        """Call the step with `inputs` before its bound arguments and hand the result to `sink`.

        `again` makes fresh inputs for a further attempt (the same ones are used without it); `attempt` is the
        number of the first one; `extra` are further keyword arguments. Returns what `sink` returns.
        Raises StepFailedError with the author's exception as its cause; a LokkiError of `sink` passes through.
        """
        frame = self._frame
        frame.index = index
        frame.attempt = attempt
        token = current.set(frame)
        try:
            while True:
                try:
                    return self._attempt(inputs, sink, extra)
                except _SinkError as wrapped:
                    raise wrapped.error from wrapped.error.__cause__
                except KeyboardInterrupt:
                    raise
                except BaseException as error:  # SystemExit too: a step must not end the run's process
                    self._next_attempt(error)
                if again is not None:
                    inputs = again()
        finally:
            current.reset(token)

    def item(self, value: Any, index: int, again: Callable[[int], Sequence[Any]]) -> bytes:
        """The pickled result of the step for one item. `again(index)` makes fresh inputs for a further attempt."""
        return self.call((value,), self.pickle, index=index, again=lambda: again(index))

    def items(
        self, values: Iterable[Any], first: int, again: Callable[[int], Sequence[Any]]
    ) -> Iterator[bytes | LokkiError]:
        """`item` for consecutive items, `first` being the index of the first: maps of millions go this way.

        Yields the pickled result of each, or the StepFailedError or ResultError that ended it.
        """
        frame, one, dumps = self._frame, self._one_argument(), pickle.dumps
        frame.attempt = 1
        token = current.set(frame)
        try:
            for index, value in enumerate(values, first):
                frame.index = index
                try:
                    result = one(value)
                except KeyboardInterrupt:
                    raise
                except BaseException as error:  # SystemExit too: a step must not end the run's process
                    failed = error
                else:
                    try:
                        payload = dumps(result, 5)
                    except Exception as error:  # pickling runs the author's code: anything may come
                        yield self._invoker.unpicklable(result, index, error)
                    else:
                        yield payload
                    continue
                yield self._rescued(failed, index, again)  # not in `except`, or one failure would explain the next
        finally:
            current.reset(token)

    def _one_argument(self) -> Callable[[Any], Any]:
        """The step as a function of the upstream result alone."""
        if self._limit_s is not None or not self._invoker.shares_bound:
            return self._timed
        args, kwargs = self._invoker.bound()
        if args:
            return lambda value: self._fn(value, *args, **kwargs)
        return partial(self._fn, **kwargs) if kwargs else self._fn

    def _timed(self, value: Any) -> Any:
        return self._attempt((value,), _as_it_is, None)

    def _rescued(self, error: BaseException, index: int, again: Callable[[int], Sequence[Any]]) -> bytes | LokkiError:
        """What further attempts on an item bring after the first one failed with `error`."""
        try:
            self._next_attempt(error)
            return self.tried_item(again, index, self._frame.attempt)
        except (StepFailedError, ResultError) as final:
            return final
        finally:
            self._frame.attempt = 1

    def tried_item(self, again: Callable[[int], Sequence[Any]], index: int, attempt: int) -> bytes:
        """`item` for one that was tried before: this is attempt number `attempt`."""
        return self.call(again(index), self.pickle, index=index, again=lambda: again(index), attempt=attempt)

    def pickle(self, result: Any) -> bytes:
        """The pickled `result` of the item at hand. Raises ResultError."""
        return pickled(result, self._invoker, self._frame.index)

    def _attempt(self, inputs: Sequence[Any], sink: Callable[[Any], T], extra: dict[str, Any] | None) -> T:
        begin = self._invoker._clock.monotonic()
        args, kwargs = self._invoker.bound()
        if extra:
            kwargs = {**kwargs, **extra}
        result: Any = self._fn(*inputs, *args, **kwargs)
        if self._limit_s is not None:  # judged before anything is kept, for what is kept counts as done
            self._check_time(begin)
            if isinstance(result, GeneratorType):
                result = self._timed_items(result, begin)
        try:
            return sink(result)
        except LokkiError as error:
            raise _SinkError(error) from error

    def _timed_items(self, items: Generator[Any, Any, Any], begin: float) -> Generator[Any, Any, Any]:
        """The items of a generator, whose work is done while the sink asks for them."""
        yield from items
        self._check_time(begin)

    def _check_time(self, begin: float) -> None:
        taken = self._invoker._clock.monotonic() - begin
        if self._limit_s is not None and taken > self._limit_s:
            raise StepTimeoutError(f"took {taken:.1f} s; timeout_seconds={self._limit_s} would have ended it on AWS")

    def _next_attempt(self, error: BaseException) -> None:
        """Wait for the next attempt, or raise StepFailedError where there is none."""
        invoker, frame = self._invoker, self._frame
        retry = invoker.retry
        worth_it = isinstance(error, StepTimeoutError) or retry.matches(error)
        if not worth_it or frame.attempt > retry.retries:
            raise invoker.failure(error, frame.index, frame.attempt) from error
        wait_s = retry.wait_s(frame.attempt - 1)
        if invoker._on_retry is not None:
            invoker._on_retry(invoker.node, frame.index, frame.attempt, error, wait_s)
        invoker._clock.sleep(wait_s)
        frame.attempt += 1


class _SinkError(BaseException):
    """Carries a LokkiError of a sink past the retry policy."""

    def __init__(self, error: LokkiError) -> None:
        self.error = error


MOST_COPIED_BYTES = 64 * 1024
"""Bound arguments up to this size, pickled, are copied for each call; larger ones are shared by all calls."""

_IMMUTABLE = (str, int, float, bool, type(None), bytes, complex, date, timedelta)


def _copied(call: Call) -> bytes | None:
    """The bound arguments pickled, where a step could change them for others; None where calls may share them."""
    if all(isinstance(value, _IMMUTABLE) for value in (*call.args, *call.kwargs.values())):
        return None
    try:
        payload = pickle.dumps((call.args, dict(call.kwargs)), 5)
    except Exception:  # pickling runs the author's code; where bindings are stored, they are refused there
        return None
    return payload if len(payload) <= MOST_COPIED_BYTES else None


def pickled(result: Any, invoker: Invoker, index: int | None) -> bytes:
    """`result` as a pickle of its own. Raises ResultError naming flow, step and item where it has none."""
    try:
        return pickle.dumps(result, 5)
    except Exception as error:  # pickling runs the author's code: anything may come
        raise invoker.unpicklable(result, index, error) from error


def _as_it_is(result: Any) -> Any:
    return result
