"""One call of a step: attempts, time limits, results, and errors that show the author's own code."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from lokki import ItemFailure, run, step
from lokki.chain import StepNode
from lokki.context import current
from lokki.describe import author_traceback, describe, item_failure
from lokki.errors import LokkiError, ResultError, StepFailedError, StoreError
from lokki.invoke import Invoker, Session, StepTimeoutError
from lokki.resolve import Call
from lokki.retry import NO_RETRY, RetryConfig
from lokki.testing import EPOCH, FakeClock

from .conftest import Source

SEEN: list[Any] = []
"""What the steps below were called with, or saw."""

ERRORS: list[BaseException] = []
"""What `fail_until` raises, attempt after attempt, until none is left."""

WAITS: list[float] = []
"""How long the slow steps take."""

CLOCK = FakeClock()
"""The clock that the steps below wait on."""


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    SEEN.clear()
    CLOCK.sleeps.clear()
    yield
    assert current.get() is None


class Flaky(Exception):
    pass


class VeryFlaky(Flaky):
    pass


TWICE = RetryConfig(retries=2, delay=1, backoff=3, exceptions=(Flaky,))


@step
def echo(*args: Any, **kwargs: Any) -> Any:
    SEEN.append((args, kwargs))
    return args, kwargs


@step
def look(x: int = 0) -> Any:
    SEEN.append(run())
    return x


@step(retry=TWICE)
def fail_until(x: int) -> int:
    SEEN.append(run().attempt)
    if ERRORS:
        raise ERRORS.pop(0)
    return x


@step(timeout_seconds=10, retry=RetryConfig(retries=1))
def slow(x: int) -> int:
    CLOCK.sleep(WAITS.pop(0))
    return x


@step(timeout_seconds=10, retry=RetryConfig(retries=1, exceptions=(KeyError,)))
def slow_items(x: int) -> Iterator[int]:
    for wait in WAITS:
        CLOCK.sleep(wait)
        yield x


@step
def spoiler(x: int, items: list[int], *, seen: dict[int, int]) -> Any:
    items.append(x)
    seen[x] = x
    return len(items), len(seen)


def identity(x: int, held: object) -> int:
    return id(held)


@step
def unpicklable(x: int) -> Any:
    return lambda: x


@step
def generate(x: int) -> Iterator[int]:
    yield x


def failing(*errors: BaseException) -> Call:
    """The call of a step that raises these, attempt after attempt, and then succeeds."""
    ERRORS[:] = errors
    return Call()


def taking(*waits: float) -> Call:
    """The call of a step that takes these seconds."""
    WAITS[:] = waits
    return Call()


def session(node: StepNode[..., Any], call: Call | None = None, **options: Any) -> Session:
    definition = node.links[0].step  # type: ignore[union-attr]  # a step, not a map
    options = {"flow": "shop", "run_id": "r1", "started_at": EPOCH, "clock": CLOCK, **options}
    return Invoker(definition, definition.name, call or Call(), **options).session()


def keep(result: Any) -> Any:
    return result


Way = Callable[[StepNode[..., Any], int, Call], Any]


def by_call(node: StepNode[..., Any], value: int, call: Call) -> Any:
    return session(node, call).call((value,), keep, index=4)


def by_item(node: StepNode[..., Any], value: int, call: Call) -> Any:
    return pickle.loads(session(node, call).item(value, 4, lambda index: (value,)))


def by_items(node: StepNode[..., Any], value: int, call: Call) -> Any:
    [outcome] = session(node, call).items([value], 4, lambda index: (value,))
    if isinstance(outcome, LokkiError):
        raise outcome
    return pickle.loads(outcome)


@pytest.fixture(params=[by_call, by_item, by_items])
def way(request: pytest.FixtureRequest) -> Way:
    """The three ways to call a step, which must not differ."""
    found: Way = request.param
    return found


class TestArguments:
    def test_inputs_come_before_bound_arguments(self, way: Way) -> None:
        assert way(echo, 1, Call((2, 3), {"k": 4})) == ((1, 2, 3), {"k": 4})
        assert way(echo, 1, Call((2,), {})) == ((1, 2), {})
        assert way(echo, 1, Call((), {"k": 4})) == ((1,), {"k": 4})
        assert way(echo, 1, Call()) == ((1,), {})

    def test_the_first_step_has_no_input(self) -> None:
        assert session(echo, Call((), {"n": 1})).call((), keep) == ((), {"n": 1})

    def test_a_result_of_none_is_an_argument_like_others(self) -> None:
        assert session(echo).call((None,), keep) == ((None,), {})

    def test_a_step_that_changes_its_bound_arguments_changes_no_other_call(self, way: Way) -> None:
        call = Call(([],), {"seen": {}})
        for _ in range(2):
            assert way(spoiler, 1, call) == (1, 1)
        outcomes = session(spoiler, call).items([1, 2], 0, lambda index: (index,))
        assert [pickle.loads(payload) for payload in outcomes] == [(1, 1), (1, 1)]  # type: ignore[arg-type]  # bytes
        assert call == Call(([],), {"seen": {}})

    def test_bound_arguments_that_are_large_or_cannot_be_pickled_are_shared(self, way: Way) -> None:
        large = ["x" * 100_000]
        assert way(step(identity), 1, Call((large,), {})) == id(large)
        held = [lambda: 1]
        assert way(step(identity), 1, Call((held,), {})) == id(held)

    def test_extra_keywords_join_the_bound_ones_of_that_call_only(self) -> None:
        one = session(echo, Call((), {"k": 1}))
        assert one.call((), keep, extra={"failures": []}) == ((), {"k": 1, "failures": []})
        assert one.call((), keep) == ((), {"k": 1})


class TestRun:
    def test_a_step_knows_its_run(self, way: Way) -> None:
        way(look, 1, Call())
        [info] = SEEN
        assert (info.run_id, info.flow, info.node, info.item_index) == ("r1", "shop", "look", 4)
        assert (info.attempt, info.started_at) == (1, EPOCH)

    def test_outside_maps_there_is_no_index(self) -> None:
        session(look).call((1,), keep)
        assert SEEN[0].item_index is None

    def test_each_item_knows_its_index_and_starts_at_attempt_1(self) -> None:
        one = session(look)
        one.call((1,), keep, index=9, attempt=3)
        list(one.items([1, 2, 3], 10, lambda index: (index,)))
        assert [(info.item_index, info.attempt) for info in SEEN] == [(9, 3), (10, 1), (11, 1), (12, 1)]

    def test_a_generator_of_items_knows_its_run_too(self) -> None:
        def items() -> Iterator[Any]:
            yield run().node

        node = step(items)
        assert session(node).call((), list) == ["items"]

    def test_results_are_pickled_inside_the_run(self, way: Way) -> None:
        """So that the author's own `__reduce__` may ask for it."""
        if way is not by_call:
            assert way(step(reducing), 1, Call()) == "reducing"

    def test_outside_a_step_there_is_none(self) -> None:
        with pytest.raises(LokkiError) as caught:
            run()
        assert str(caught.value) == (
            "lokki.run() was called outside a running step. Call it in the body of a @step function; in a unit test of"
            " step.fn, use lokki.testing.run_info()."
        )


class Reducing:
    def __reduce__(self) -> tuple[Any, ...]:
        return str, (run().node,)


def reducing(x: int) -> Reducing:
    return Reducing()


class TestRetries:
    def test_a_failed_attempt_is_tried_again_after_growing_waits(self, way: Way) -> None:
        errors = [Flaky("one"), VeryFlaky("two")]
        assert way(fail_until, 5, failing(*errors)) == 5
        assert SEEN == [1, 2, 3]
        assert CLOCK.sleeps == [1, 3]

    def test_retries_are_counted_after_the_first_attempt(self, way: Way) -> None:
        errors = [Flaky("one"), Flaky("two"), VeryFlaky("three"), Flaky("never reached")]
        with pytest.raises(StepFailedError) as caught:
            way(fail_until, 5, failing(*errors))
        failed = caught.value
        assert str(failed) == "flow 'shop', step 'fail_until', item 4: failed after 3 attempts: VeryFlaky: three"
        assert (failed.flow, failed.step, failed.index, failed.attempts) == ("shop", "fail_until", 4, 3)
        assert isinstance(failed.__cause__, VeryFlaky)
        assert failed.exit_code == 1
        assert SEEN == [1, 2, 3]
        assert failed.traceback.count("Traceback (most recent call last)") == 1
        assert "one" not in failed.traceback

    @pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), GeneratorExit()])
    def test_other_errors_are_not_tried_again(self, way: Way, error: BaseException) -> None:
        with pytest.raises(StepFailedError) as caught:
            way(fail_until, 5, failing(error))
        assert caught.value.__cause__ is error
        assert caught.value.attempts == 1
        assert CLOCK.sleeps == []

    def test_outside_maps_the_message_names_no_item(self) -> None:
        with pytest.raises(StepFailedError) as caught:
            session(fail_until, failing(ValueError())).call((1,), keep)
        assert str(caught.value) == "flow 'shop', step 'fail_until': failed after 1 attempt: ValueError"
        assert caught.value.index is None

    def test_an_interruption_passes_through(self, way: Way) -> None:
        with pytest.raises(KeyboardInterrupt):
            way(fail_until, 5, failing(KeyboardInterrupt()))
        assert SEEN == [1]

    def test_the_policy_can_be_left_to_somebody_else(self) -> None:
        with pytest.raises(StepFailedError) as caught:
            session(fail_until, failing(Flaky()), retry=NO_RETRY).call((1,), keep)
        assert caught.value.attempts == 1

    def test_attempts_may_have_been_made_before(self) -> None:
        one = session(fail_until, failing(Flaky(), Flaky()))
        with pytest.raises(StepFailedError) as caught:
            one.tried_item(lambda index: (5,), 4, 2)
        assert SEEN == [2, 3]
        assert caught.value.attempts == 3
        assert CLOCK.sleeps == [3]

    def test_each_further_attempt_gets_fresh_inputs(self) -> None:
        made: list[list[int]] = []

        def spoil(items: list[int]) -> int:
            items.clear()
            raise Flaky

        def again() -> tuple[list[int]]:
            made.append([1, 2])
            return (made[-1],)

        node = step(retry=TWICE)(spoil)
        with pytest.raises(StepFailedError):
            session(node).call(([0],), keep, again=again)
        assert len(made) == 2

    def test_without_fresh_inputs_the_same_are_used(self) -> None:
        assert session(fail_until, failing(Flaky())).call((7,), keep) == 7

    def test_a_listener_hears_of_each_retry(self) -> None:
        heard: list[Any] = []
        one = session(fail_until, failing(Flaky("x"), Flaky("y")), on_retry=lambda *told: heard.append(told))
        one.call((1,), keep, index=8)
        assert [(node, index, attempt, str(error), wait) for node, index, attempt, error, wait in heard] == [
            ("fail_until", 8, 1, "x", 1.0),
            ("fail_until", 8, 2, "y", 3.0),
        ]

    def test_one_item_s_failure_ends_no_other_item(self) -> None:
        one = session(fail_until, failing(ValueError("bad"), Flaky(), Flaky()))
        outcomes = list(one.items([1, 2, 3], 0, lambda index: (index + 1,)))
        assert isinstance(outcomes[0], StepFailedError)
        assert [pickle.loads(payload) for payload in outcomes[1:]] == [2, 3]  # type: ignore[arg-type]  # bytes
        assert SEEN == [1, 1, 2, 3, 1]


class TestTimeLimit:
    def test_a_timeout_consumes_an_attempt(self, way: Way) -> None:
        assert way(slow, 5, taking(10.5, 9)) == 5
        assert CLOCK.sleeps == [10.5, 1.0, 9]

    def test_a_timeout_for_good(self, way: Way) -> None:
        with pytest.raises(StepFailedError) as caught:
            way(slow, 5, taking(11, 12.25))
        assert str(caught.value).endswith(
            "failed after 2 attempts: StepTimeoutError: took 12.2 s; timeout_seconds=10 would have ended it on AWS"
        )
        assert isinstance(caught.value.__cause__, StepTimeoutError)

    def test_exactly_the_limit_is_in_time(self, way: Way) -> None:
        assert way(slow, 5, taking(10)) == 5

    def test_nothing_of_a_late_result_is_kept(self) -> None:
        kept: list[int] = []
        with pytest.raises(StepFailedError):
            session(slow, taking(11, 11)).call((5,), kept.append)
        assert kept == []

    def test_a_generator_is_timed_to_its_end(self) -> None:
        """Whatever the policy retries, a timeout is tried again."""
        sealed = []

        def keep_all(items: Iterator[int]) -> None:
            list(items)
            sealed.append(True)

        with pytest.raises(StepFailedError, match=r"took 12\.0 s"):
            session(slow_items, taking(6, 6)).call((5,), keep_all)
        assert sealed == []
        assert session(slow_items, taking(5, 5)).call((5,), list) == [5, 5]


class TestResults:
    @pytest.mark.parametrize(
        ("node", "kind", "hint"),
        [
            (unpicklable, "function", "Return plain data, or a class defined at module level."),
            (generate, "generator", "Return a list; only a step that feeds .map may return a generator."),
        ],
    )
    def test_what_cannot_be_pickled_is_refused_with_its_place(
        self, node: StepNode[..., Any], kind: str, hint: str
    ) -> None:
        messages = []
        for way in (by_item, by_items):
            with pytest.raises(ResultError) as caught:
                way(node, 1, Call())
            messages.append(str(caught.value))
            assert caught.value.hint == hint
            assert caught.value.__cause__ is not None
        assert messages[0] == messages[1]
        assert messages[0].startswith(f"flow 'shop', step '{node.name}', item 4: its result, a {kind}, cannot be pick")

    def test_a_sink_s_own_error_is_not_the_step_s(self) -> None:
        def full(result: Any) -> None:
            raise StoreError("disk is full.", url="file:///x", operation="write")

        with pytest.raises(StoreError, match="disk is full"):
            session(fail_until, failing()).call((1,), full)
        assert SEEN == [1]

    def test_an_error_of_the_author_s_generator_is_the_step_s(self) -> None:
        """It is raised while the sink asks for items."""

        def breaks() -> Iterator[int]:
            yield 1
            raise ValueError("half way")

        with pytest.raises(StepFailedError, match="ValueError: half way"):
            session(step(breaks)).call((), list)

    def test_an_unpicklable_item_names_the_item(self) -> None:
        one = session(unpicklable)
        with pytest.raises(ResultError, match="step 'unpicklable': its result, a function, cannot be pickled"):
            one.call((1,), one.pickle)


class TestErrors:
    FILE = """
def inner(x):
    raise KeyError(x)

def plain(x):
    inner(x)

def chained(x):
    try:
        inner(x)
    except KeyError as error:
        raise ValueError("from") from error

def in_context(x):
    try:
        inner(x)
    except KeyError:
        raise ValueError("during")

def grouped(x):
    errors = []
    for number in (1, 2):
        try:
            inner(number)
        except KeyError as error:
            errors.append(error)
    raise ExceptionGroup("both", errors)

def calls_lokki(x):
    from lokki.testing import FakeClock
    FakeClock(start=None).now()
"""

    @pytest.fixture
    def author(self, source: Callable[..., Source]) -> dict[str, Any]:
        return vars(source(self.FILE, name="birds").load())

    @pytest.mark.parametrize("name", ["plain", "chained", "in_context", "grouped", "calls_lokki"])
    def test_the_traceback_shows_the_author_s_code_alone(self, author: dict[str, Any], name: str, way: Way) -> None:
        with pytest.raises(StepFailedError) as caught:
            way(step(author[name]), 1, Call())
        text = caught.value.traceback
        assert text.startswith(("Traceback", "  + Exception Group Traceback"))
        assert f"in {name}\n" in text
        assert "lokki/invoke.py" not in text
        assert "lokki/testing.py" not in text
        assert text.count("in inner\n") == {"grouped": 2, "calls_lokki": 0}.get(name, 1)
        if name == "chained":
            assert "The above exception was the direct cause" in text
        if name == "in_context":
            assert "During handling of the above exception" in text

    def test_frames_of_lokki_between_chained_errors_are_dropped(self, author: dict[str, Any]) -> None:
        def outer(x: int) -> None:
            try:
                session(step(author["plain"])).call((x,), keep)
            except StepFailedError as error:
                raise ValueError("outer") from error

        with pytest.raises(StepFailedError) as caught:
            session(step(outer)).call((1,), keep)
        assert "lokki/invoke.py" not in caught.value.traceback
        assert "in inner\n" in caught.value.traceback

    def test_a_time_limit_has_no_frames_to_show(self) -> None:
        text = author_traceback(StepTimeoutError("took long"))
        assert text == "lokki.invoke.StepTimeoutError: took long\n"

    def test_an_error_whose_text_fails_is_told_all_the_same(self, way: Way) -> None:
        with pytest.raises(StepFailedError) as caught:
            way(fail_until, 1, failing(Unspeakable()))
        assert str(caught.value).endswith("failed after 1 attempt: Unspeakable: (its __str__ failed)")
        assert item_failure(caught.value, 4).message == "(its __str__ failed)"

    def test_what_is_kept_of_a_failed_item(self, way: Way) -> None:
        with pytest.raises(StepFailedError) as caught:
            way(fail_until, 1, failing(Flaky("x"), Flaky("y"), VeryFlaky("z")))
        kept = item_failure(caught.value, 4)
        name = f"{__name__}.VeryFlaky"
        assert kept == ItemFailure(4, name, "z", caught.value.traceback, "fail_until", 3)
        assert kept.traceback.endswith("VeryFlaky: z\n")

    def test_what_is_kept_of_an_item_without_an_author_s_error(self) -> None:
        lost = StepFailedError("the worker was killed.", flow="shop", step="s", index=2, attempts=2)
        assert item_failure(lost, 2) == ItemFailure(2, "StepFailedError", "the worker was killed.", "", "s", 2)
        assert item_failure(ResultError("no result."), 3) == ItemFailure(3, "ResultError", "no result.", "")

    def test_errors_in_a_line(self) -> None:
        assert describe(ValueError("invalid input")) == "ValueError: invalid input"
        assert describe(ValueError()) == "ValueError"
        assert describe(SystemExit(2)) == "SystemExit: 2"


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def test_the_context_is_cleared_when_items_are_left_half_way() -> None:
    going = session(look).items(iter([1, 2, 3]), 0, lambda index: (index,))
    next(going)
    going.close()  # type: ignore[attr-defined]  # it is a generator
    assert current.get() is None
    assert len(SEEN) == 1
