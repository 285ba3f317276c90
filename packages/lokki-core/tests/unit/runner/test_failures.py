"""What happens when steps fail: retries, the error that is raised, tolerance, killed workers."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest
from lokki.errors import LokkiError, MapFailedError, StepFailedError
from lokki.testing import FakeClock

from ..conftest import Project

EXECUTORS = ["thread", "process"]


@pytest.fixture(params=EXECUTORS)
def engine(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Options of a runner."""
    return {"executor": request.param, "workers": 2}


FAILING = """
    @step
    def items(): return range({count})
    def inner(x):
        if x == {bad}:
            raise ValueError(f"bad item {{x}}")
        return x
    @step{options}
    def work(x):
        mark("work", x, run().attempt)
        return inner(x)
    @step
    def gather(xs{failures}): return {result}
    @flow
    def job(): return items().map(work{map_options}).agg(gather)
"""


def failing(
    count: int = 10,
    bad: str = "4",
    options: str = "",
    map_options: str = "",
    failures: str = "",
    result: str = "xs",
) -> str:
    return FAILING.format(
        count=count, bad=bad, options=options, map_options=map_options, failures=failures, result=result
    )


def test_the_error_says_where_and_shows_the_authors_code(project: Project, engine: dict[str, Any]) -> None:
    module = project.load(failing())
    with pytest.raises(StepFailedError) as caught:
        project.run(module.job, **engine)
    error = caught.value
    assert str(error) == "flow 'job', step 'work', item 4: failed after 1 attempt: ValueError: bad item 4"
    assert (error.flow, error.step, error.index, error.attempts) == ("job", "work", 4, 1)
    assert type(error.__cause__) is ValueError
    lines = error.traceback.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "ValueError: bad item 4"
    assert [line.rsplit(" in ")[1] for line in lines if line.startswith('  File "')] == ["work", "inner"]
    assert module.__file__ in error.traceback


def test_a_plain_step_that_fails(project: Project, engine: dict[str, Any]) -> None:
    source = """
        @step(retry=RetryConfig(retries=2, delay=0))
        def first(): raise KeyError("nope")
        @flow
        def job(): return first()
    """
    with pytest.raises(StepFailedError) as caught:
        project.value(source, **engine)
    assert str(caught.value) == "flow 'job', step 'first': failed after 3 attempts: KeyError: 'nope'"
    assert caught.value.index is None
    kinds = [event.kind for event in project.events]
    assert kinds == ["run_start", "step_start", "step_retry", "step_retry", "step_failure", "run_failure"]


def test_a_chain_of_causes_stays_readable(project: Project, engine: dict[str, Any]) -> None:
    source = """
        class Odd(Exception):
            def __init__(self, one, two): super().__init__(one)
        @step
        def items(): return [1]
        @step
        def work(x):
            try:
                {}[x]
            except KeyError as error:
                raise Odd("cannot be unpickled", 2) from error
        @flow
        def job(): return items().map(work)
    """
    with pytest.raises(StepFailedError) as caught:
        project.value(source, **engine)
    text = caught.value.traceback
    assert "KeyError: 1" in text
    assert "direct cause" in text
    assert "Odd: cannot be unpickled" in text
    assert "lokki/" not in text.replace(str(project.folder), "")


def test_the_first_failure_stops_handing_out_and_lets_others_finish(project: Project) -> None:
    source = """
        import threading
        @step
        def items(): return range(50)
        BEGUN = threading.Barrier(3)
        @step
        def work(x):
            mark("begun", x)
            if x < 3:
                BEGUN.wait()
            if x == 1:
                raise ValueError
            wait_for("failed")
            mark("done", x)
        @flow
        def job(): return items().map(work)
    """
    module = project.load(source)

    def let_go(event: Any) -> None:
        project.events.append(event)
        if event.kind == "map_progress" and len(project.marks("begun")) >= 3:
            (project.folder / "failed").touch()

    with pytest.raises(StepFailedError):
        project.run(module.job, workers=3, listener=let_go)
    begun = [int(x) for x in project.marks("begun")]
    assert sorted(begun) == [0, 1, 2]
    assert sorted(project.marks("done")) == ["0", "2"]


@pytest.mark.parametrize("store_type", ["local", "memory"])
def test_retries_wait_as_configured(project: Project, store_type: str) -> None:
    retry = "RetryConfig(retries=4, delay=2, backoff=3, max_delay=20)"
    source = failing(count=3, bad="1", options=f"(retry={retry})")
    clock = FakeClock()
    with pytest.raises(StepFailedError, match="failed after 5 attempts"):
        project.value(source, clock=clock, store_type=store_type)
    assert clock.sleeps == [2, 6, 18, 20]
    told = [event for event in project.events if event.kind == "step_retry"]
    assert [(event.index, event.attempt, event.duration_s) for event in told] == [
        (1, 1, 2),
        (1, 2, 6),
        (1, 3, 18),
        (1, 4, 20),
    ]
    assert told[0].message == "ValueError: bad item 1"


def test_a_plain_step_waits_the_same(project: Project) -> None:
    source = """
        @step(retry={"retries": 3, "delay": 0.5, "backoff": 2, "max_delay": 1})
        def first():
            if run().attempt < 4:
                raise OSError
            return run().attempt
        @flow
        def job(): return first()
    """
    clock = FakeClock()
    assert project.value(source, clock=clock) == 4
    assert clock.sleeps == [0.5, 1, 1]


def test_an_item_sees_no_more_attempts_than_retries_and_one(project: Project, engine: dict[str, Any]) -> None:
    source = failing(
        count=200,
        bad="-1 or x % 5 == 0 and run().attempt < 3",
        options="(retry=RetryConfig(retries=2, delay=0))",
    )
    assert project.value(source, **engine) == list(range(200))
    seen = Counter(line.split()[0] for line in project.marks("work"))
    assert all(seen[str(x)] == (3 if x % 5 == 0 else 1) for x in range(200))


def test_only_the_exceptions_named_are_tried_again(project: Project, engine: dict[str, Any]) -> None:
    source = failing(options="(retry=RetryConfig(retries=5, delay=0, exceptions=(OSError, 'KeyError')))")
    with pytest.raises(StepFailedError, match="failed after 1 attempt: ValueError"):
        project.value(source, **engine)
    source = failing(options="(retry=RetryConfig(retries=1, delay=0, exceptions=(ArithmeticError, 'LookupError')))")
    with pytest.raises(StepFailedError, match="failed after 2 attempts: KeyError"):
        project.value(source.replace("raise ValueError(f", "raise KeyError(f"), **engine)


@pytest.mark.parametrize("error", ["SystemExit(3)", "GeneratorExit()", "BaseException('odd')"])
def test_a_step_cannot_end_the_run(project: Project, engine: dict[str, Any], error: str) -> None:
    source = failing(options="(retry=RetryConfig(retries=3, delay=0))").replace(
        'raise ValueError(f"bad item {x}")', f"raise {error}"
    )
    name = error.split("(")[0]
    with pytest.raises(StepFailedError, match=f"item 4: failed after 1 attempt: {name}"):
        project.value(source, **engine)


def test_sys_exit_in_a_plain_step(project: Project) -> None:
    source = """
        @step
        def first(): sys.exit("I am done")
        @flow
        def job(): return first()
    """
    with pytest.raises(StepFailedError, match="step 'first': failed after 1 attempt: SystemExit: I am done"):
        project.value(source)


def test_a_generator_that_fails_midway_is_tried_again_from_its_beginning(
    project: Project, engine: dict[str, Any]
) -> None:
    source = """
        @step(retry=RetryConfig(retries=1, delay=0))
        def items():
            for n in range(500):
                if n == 300 and run().attempt == 1:
                    raise ValueError
                yield n
        @step
        def same(x): return x
        @flow
        def job(): return items().map(same)
    """
    assert project.value(source, **engine) == list(range(500))


def test_an_attempt_that_takes_too_long_counts(project: Project) -> None:
    module = project.load("""
        CLOCK = None
        @step(timeout_seconds=10, retry=RetryConfig(retries=2, delay=1))
        def slow():
            CLOCK.advance(11 if run().attempt < 3 else 9)
            return ["done"]
        @step(timeout_seconds=10)
        def each(x):
            CLOCK.advance(11)
        @flow
        def job(): return slow()
        @flow
        def fan(): return slow().map(each)
    """)
    module.CLOCK = clock = FakeClock()
    assert project.run(module.job, clock=clock).value == ["done"]
    assert clock.sleeps == [1, 2]
    said = "StepTimeoutError: took 11.0 s; timeout_seconds=10 would have ended it on AWS"
    with pytest.raises(StepFailedError, match=f"step 'each', item 0: failed after 1 attempt: {said}"):
        project.run(module.fan, clock=clock, workers=1)


# Tolerance


def test_tolerated_items_are_left_out_and_told(project: Project, engine: dict[str, Any]) -> None:
    source = failing(
        bad="-1 or x in (2, 5)",
        options="(retry=RetryConfig(retries=1, delay=0))",
        map_options=", tolerated_failure_percentage=20",
        failures=", failures",
        result="(xs, failures)",
    )
    results, failures = project.value(source, **engine)
    assert results == [0, 1, 3, 4, 6, 7, 8, 9]
    assert [(f.index, f.error_type, f.message, f.step, f.attempts) for f in failures] == [
        (2, "ValueError", "bad item 2", "work", 2),
        (5, "ValueError", "bad item 5", "work", 2),
    ]
    assert "in inner" in failures[0].traceback
    end = next(event for event in project.events if event.kind == "map_success")
    assert (end.done, end.failed, end.total) == (8, 2, 10)


def test_later_steps_skip_failed_items_and_each_step_may_fail(project: Project, engine: dict[str, Any]) -> None:
    source = """
        @step
        def items(): return range(8)
        @step
        def one(x): mark("one", x); return 1 // (x != 1) and x
        @step
        def two(x): mark("two", x); return 1 // (x != 6) and x
        @step
        def gather(xs, *, failures, extra=1): return [*xs], [(f.index, f.step) for f in failures]
        @flow
        def job(): return items().map(one, tolerated_failure_percentage=25).next(two).agg(gather)
    """
    assert project.value(source, **engine) == ([0, 2, 3, 4, 5, 7], [(1, "one"), (6, "two")])
    assert sorted(project.marks("two")) == list("0234567")


@pytest.mark.parametrize(("percent", "fails"), [(29.9, True), (30, False), (100, False)])
def test_more_than_tolerated_fails_the_run(
    project: Project, engine: dict[str, Any], percent: float, fails: bool
) -> None:
    source = failing(bad="-1 or x > 6", map_options=f", tolerated_failure_percentage={percent}", result="len(xs)")
    if not fails:
        assert project.value(source, **engine) == 7
        return
    with pytest.raises(MapFailedError) as caught:
        project.value(source, **engine)
    error = caught.value
    assert str(error) == (
        "flow 'job', map 'work': 3 of 10 items failed, more than the 29.9 % it tolerates."
        " The first was item 7: ValueError: bad item 7"
    )
    assert [failure.index for failure in error.failures] == [7, 8, 9]
    assert error.total == 10


def test_all_items_may_fail_where_all_are_tolerated(project: Project, engine: dict[str, Any]) -> None:
    source = failing(
        bad="x",
        map_options=", tolerated_failure_percentage=100",
        failures=", failures",
        result="(xs, len(failures))",
    )
    assert project.value(source, **engine) == ([], 10)


def test_results_that_cannot_be_pickled_are_tolerated_too(project: Project, engine: dict[str, Any]) -> None:
    source = failing(
        bad="-1",
        map_options=", tolerated_failure_percentage=20",
        failures=", failures",
        result="(xs, [(f.index, f.step, f.attempts, f.error_type) for f in failures], failures[0].message)",
    ).replace("return x\n", "return x if x != 3 else (y for y in [])\n", 1)
    results, failures, message = project.value(source, **engine)
    assert results == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert [(index, node, attempts) for index, node, attempts, _ in failures] == [(3, "work", 1)]
    assert "cannot pickle 'generator' object" in message


def test_failures_bound_by_the_author_stay_what_they_are(project: Project, engine: dict[str, Any]) -> None:
    source = """
        @step
        def items(): return range(4)
        @step
        def work(x): return 1 // x
        @step
        def gather(xs, failures): return xs, failures
        @flow
        def job(): return items().map(work, tolerated_failure_percentage=50).agg(gather(failures="mine"))
    """
    assert project.value(source, **engine) == ([1, 0, 0], "mine")


NESTED = """
    @step
    def groups(): return range(4)
    @step
    def members(g): return [(g, n) for n in range(4)]
    @step
    def work(m):
        mark("work", *m)
        if m in BAD:
            raise ValueError(f"bad {{m}}")
        return m
    @step
    def merge(ms{inner_failures}): return {merged}
    @step
    def gather(gs, failures): return list(gs), [(f.index, f.error_type, f.step) for f in failures], failures
    @flow
    def job():
        return groups().map(
            members.map(work{inner}).agg(merge), tolerated_failure_percentage={outer}
        ).agg(gather)
    @flow
    def open_job():
        return groups().map(members.map(work{inner}), tolerated_failure_percentage={outer}).agg(gather)
"""


def nested(bad: str, *, inner: str = "", outer: int = 0, inner_failures: str = "", merged: str = "len(ms)") -> str:
    text = NESTED.format(inner=inner, outer=outer, inner_failures=inner_failures, merged=merged)
    return f"    BAD = {bad}\n" + text


def test_the_failure_of_an_inner_map_is_tolerated_by_the_outer(project: Project, engine: dict[str, Any]) -> None:
    module = project.load(nested("{(1, 2)}", outer=25))
    results, told, failures = project.run(module.job, **engine).value
    assert results == [4, 4, 4]
    assert told == [(1, "ValueError", "work")]
    assert "in work" in failures[0].traceback
    results, told, _ = project.run(module.open_job, **engine).value
    assert [len(members) for members in results] == [4, 4, 4]
    assert told == [(1, "ValueError", "work")]


def test_an_inner_map_tolerates_for_itself(project: Project, engine: dict[str, Any]) -> None:
    source = nested(
        "{(1, 2), (3, 3)}",
        inner=", tolerated_failure_percentage=25",
        inner_failures=", failures",
        merged="(len(ms), [f.index for f in failures])",
    )
    results, told, _ = project.value(source, **engine)
    assert results == [(4, []), (3, [2]), (4, []), (3, [3])]
    assert told == []


def test_an_inner_map_that_fails_beyond_its_tolerance_is_one_failure_outside(
    project: Project, engine: dict[str, Any]
) -> None:
    source = nested("{(1, 1), (1, 2), (3, 3)}", inner=", tolerated_failure_percentage=25", outer=25)
    results, told, failures = project.value(source, **engine)
    assert results == [4, 4, 3]
    assert told == [(1, "MapFailedError", "work")]
    assert "map 'work' (inside item 1): 2 of 4 items failed" in failures[0].message
    assert "ValueError: bad (1, 1)" in failures[0].traceback


def test_too_many_failed_items_of_an_outer_map(project: Project, engine: dict[str, Any]) -> None:
    source = nested("{(0, 2), (2, 1), (3, 0)}", outer=50)
    with pytest.raises(MapFailedError) as caught:
        project.value(source, **engine)
    assert "map 'members': 3 of 4 items failed, more than the 50 % it tolerates" in str(caught.value)


def test_a_failed_step_between_maps_is_the_items_failure(project: Project, engine: dict[str, Any]) -> None:
    source = nested("set()", outer=25, merged="len(ms) // (ms[0][0] != 2)")
    results, told, _ = project.value(source, **engine)
    assert results == [4, 4, 4]
    assert told == [(2, "ZeroDivisionError", "merge")]


def test_an_outer_map_that_fails_stops_the_maps_inside(project: Project) -> None:
    source = """
        import threading
        @step
        def groups(): return range(2)
        @step
        def members(g):
            if g == 1:
                open(os.path.join(HERE, "taken"), "w").close()
                wait_for("inside")
                raise ValueError("the end")
            wait_for("taken")  # the items of an inner map go before those of an outer one
            return range(1000)
        @step
        def work(m):
            mark("work", m)
            open(os.path.join(HERE, "inside"), "w").close()
            if m >= 1:
                wait_for("failed")
        @step
        def merge(ms): return 1
        @flow
        def job(): return groups().map(members.map(work).agg(merge))
    """
    module = project.load(source)

    def let_go(event: Any) -> None:
        if event.kind == "map_progress" and any(fan.stopped for fan in runner.pool.scheduler.snapshot()):  # type: ignore[union-attr]  # set while it runs
            (project.folder / "failed").touch()

    runner = project.runner(workers=3, listener=let_go)
    with pytest.raises(StepFailedError, match="step 'members', item 1: failed after 1 attempt: ValueError: the end"):
        runner.run(module.job)
    assert len(project.marks("work")) <= 4


def test_a_map_that_failed_too_often_stops_the_maps_inside(project: Project) -> None:
    source = """
        @step
        def groups(): return range(3)
        @step
        def members(g):
            if g:
                open(os.path.join(HERE, f"taken-{g}"), "w").close()
                wait_for("inside")
                raise ValueError("the end")
            wait_for("taken-1")  # the items of an inner map go before those of an outer one
            wait_for("taken-2")
            return range(1000)
        @step
        def work(m):
            mark("work", m)
            open(os.path.join(HERE, "inside"), "w").close()
            wait_for("failed")
        @step
        def merge(ms): return 1
        @flow
        def job(): return groups().map(members.map(work).agg(merge), tolerated_failure_percentage=50)
    """
    module = project.load(source)

    def let_go(event: Any) -> None:
        if event.kind == "map_progress" and any(fan.stopped for fan in runner.pool.scheduler.snapshot()):  # type: ignore[union-attr]  # set while it runs
            (project.folder / "failed").touch()

    runner = project.runner(workers=3, listener=let_go)
    with pytest.raises(MapFailedError, match="2 of 3 items failed"):
        runner.run(module.job)
    assert len(project.marks("work")) <= 4


# Killed worker processes


KILLED = """
    import signal
    @step
    def items(): return range({count})
    @step(retry=RetryConfig(retries={retries}, delay=0))
    def work(x):
        mark("work", x)
        if x in {bad} and len([1 for line in open(HERE + "/work.log") if line == f"{{x}}\\n"]) <= {times}:
            {how}
        return x
    @step
    def gather(xs, failures): return xs, [(f.index, f.message, f.attempts, f.step) for f in failures]
    @flow
    def job(): return items().map(work{options}).agg(gather)
"""
SIGKILL = "os.kill(os.getpid(), signal.SIGKILL)"


def killed(
    *, count: int = 5, retries: int = 0, bad: str = "(2,)", times: int = 9, how: str = SIGKILL, options: str = ""
) -> str:
    return KILLED.format(count=count, retries=retries, bad=bad, times=times, how=how, options=options)


def test_a_killed_worker_fails_its_item(project: Project) -> None:
    with pytest.raises(StepFailedError) as caught:
        project.value(killed(), executor="process", workers=2)
    assert str(caught.value) == (
        "flow 'job', step 'work', item 2: failed after 1 attempt: WorkerDiedError:"
        " the worker process was ended by SIGKILL; the machine may be out of memory"
    )
    assert project.marks("work").count("2") == 1


def test_a_worker_that_exits_says_so(project: Project) -> None:
    with pytest.raises(StepFailedError, match="WorkerDiedError: the worker process exited with code 7"):
        project.value(killed(how="os._exit(7)"), executor="process", workers=2)


@pytest.mark.parametrize("count", [5, 400])
def test_a_killed_worker_costs_one_attempt(project: Project, count: int) -> None:
    source = killed(count=count, retries=2, bad=f"(2, {count - 2})", times=2)
    assert project.value(source, executor="process", workers=2) == (list(range(count)), [])
    seen = Counter(project.marks("work"))
    assert seen["2"] == seen[str(count - 2)] == 3
    told = {(event.index, event.attempt) for event in project.events if event.kind == "step_retry"}
    assert told == {(index, attempt) for index in (2, count - 2) for attempt in (1, 2)}


@pytest.mark.parametrize("count", [5, 400])
def test_a_killed_worker_has_no_more_attempts_than_another_failure(project: Project, count: int) -> None:
    with pytest.raises(StepFailedError, match=f"item {count - 2}: failed after 2 attempts: WorkerDiedError"):
        project.value(killed(count=count, retries=1, bad=f"({count - 2},)"), executor="process", workers=2)
    assert project.marks("work").count(str(count - 2)) == 2


def test_attempts_before_a_kill_count(project: Project) -> None:
    how = "raise ValueError if run().attempt < 3 else os.kill(os.getpid(), signal.SIGKILL)"
    how = f"exec({how.split(' if ')[0]!r}) if run().attempt == 1 else {SIGKILL}"
    with pytest.raises(StepFailedError, match="item 2: failed after 3 attempts: WorkerDiedError"):
        project.value(killed(retries=2, how=how), executor="process", workers=2)
    assert project.marks("work").count("2") == 3


def test_killed_workers_are_tolerated(project: Project) -> None:
    source = killed(count=20, bad="(2, 11)", options=", tolerated_failure_percentage=10")
    results, failures = project.value(source, executor="process", workers=2)
    assert results == [x for x in range(20) if x not in (2, 11)]
    why = "the worker process was ended by SIGKILL; the machine may be out of memory"
    assert failures == [(2, why, 1, "work"), (11, why, 1, "work")]


def test_a_later_step_of_a_body_that_kills_is_named(project: Project) -> None:
    source = """
        import signal
        @step
        def items(): return range(3)
        @step
        def one(x): mark("one", x); return x
        @step(retry=RetryConfig(retries=1, delay=0))
        def two(x):
            mark("two", x)
            os.kill(os.getpid(), signal.SIGKILL) if x == 1 else None
        @flow
        def job(): return items().map(one).next(two)
    """
    with pytest.raises(StepFailedError, match="step 'two', item 1: failed after 2 attempts: WorkerDiedError"):
        project.value(source, executor="process", workers=2)
    assert project.marks("two").count("1") == 2
    assert project.marks("one").count("1") == 1


def test_kills_of_different_steps_count_for_each_alone(project: Project) -> None:
    source = """
        import signal
        def die_once(name):
            mark(name)
            if len([1 for _ in open(f"{HERE}/{name}.log")]) == 1:
                os.kill(os.getpid(), signal.SIGKILL)
        @step
        def items(): return range(1)
        @step(retry=RetryConfig(retries=1, delay=0))
        def one(x): die_once("one"); return run().attempt
        @step(retry=RetryConfig(retries=1, delay=0))
        def two(x): die_once("two"); return x, run().attempt
        @step
        def sub(x): return [x]
        @flow
        def job(): return items().map(one).next(two)
        @flow
        def deep(): return items().map(one.next(two).next(sub).map(sub).agg(sub))
    """
    module = project.load(source)
    assert project.run(module.job, executor="process", workers=1).value == [(2, 2)]
    for name in ("one", "two"):
        (project.folder / f"{name}.log").unlink()
    assert project.run(module.deep, executor="process", workers=1).value == [[[[(2, 2)]]]]


def test_a_worker_killed_in_a_nested_map(project: Project) -> None:
    source = """
        import signal
        @step
        def groups(): return range(3)
        @step(retry=RetryConfig(retries=1, delay=0))
        def members(g):
            mark("members", g)
            if g == 1 and project_marks("members").count("1") == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            return range(3)
        def project_marks(name): return open(f"{HERE}/{name}.log").read().split()
        @step
        def work(m): return m
        @step
        def merge(ms):
            mark("merge", run().item_index)
            if run().item_index == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            return sum(ms)
        @step
        def gather(gs, failures): return list(gs), [(f.index, f.step) for f in failures]
        @flow
        def job():
            return groups().map(members.map(work).agg(merge), tolerated_failure_percentage=50).agg(gather)
    """
    assert project.value(source, executor="process", workers=2) == ([3, 3], [(2, "merge")])
    assert project.marks("members").count("1") == 2
    assert project.marks("merge").count("2") == 1


def test_a_kill_of_one_step_is_no_attempt_of_the_next(project: Project) -> None:
    source = """
        import signal
        @step
        def groups(): return [0]
        @step(retry=RetryConfig(retries=1, delay=0))
        def deadly(g):
            mark("deadly")
            if run().attempt == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            return run().attempt
        @step
        def members(x): return [(x, run().attempt)]
        @step
        def work(m): return (*m, run().attempt)
        @step
        def merge(ms): return (*ms[0], run().attempt)
        @flow
        def job(): return groups().map(deadly.next(members).map(work).agg(merge))
        @flow
        def other(): return groups().map(members.map(work).agg(deadly).next(members))
    """
    module = project.load(source)
    assert project.run(module.job, executor="process", workers=1).value == [(2, 1, 1, 1)]
    assert project.marks("deadly") == ["", ""]
    assert project.run(module.other, executor="process", workers=1).value == [[(2, 1)]]


def test_an_item_that_failed_before_a_kill_is_not_tried_again(project: Project) -> None:
    source = """
        import signal
        @step
        def items(): return range(400)
        @step
        def work(x):
            mark("work", x)
            if x == 200:
                raise ValueError
            if x == 203 and run().attempt == 1 and not os.path.exists(HERE + "/killed"):
                open(HERE + "/killed", "w").close()
                os.kill(os.getpid(), signal.SIGKILL)
            return x
        @step
        def same(x): return x
        @step
        def gather(xs, failures): return len(xs), [(f.index, f.error_type.split(".")[-1]) for f in failures]
        @flow
        def job(): return items().map(work{more}, tolerated_failure_percentage=1).agg(gather)
    """
    for more in ("", ", [work, same]"):
        text = source.replace("work{more}", "[work, same]" if more else "work")
        found = project.value(text, executor="process", workers=1)
        assert found == (398, [(200, "ValueError"), (203, "WorkerDiedError")]), found
        assert project.marks("work").count("200") == 1
        (project.folder / "work.log").unlink()
        (project.folder / "killed").unlink()


def test_a_kill_ends_a_nested_map_that_tolerates_nothing(project: Project) -> None:
    source = """
        import signal
        @step
        def groups(): return range(3)
        @step
        def members(g): os.kill(os.getpid(), signal.SIGTERM) if g == 1 else None; return []
        @step
        def work(m): return m
        @flow
        def job(): return groups().map(members.map(work))
    """
    with pytest.raises(StepFailedError, match=r"step 'members', item 1: .* ended by SIGTERM$"):
        project.value(source, executor="process", workers=2)


def test_a_worker_that_cannot_load_the_flow_says_why(project: Project) -> None:
    import multiprocessing

    before = multiprocessing.get_start_method(allow_none=True)
    source = failing() + "    if __import__('multiprocessing').parent_process(): raise KeyError('LICENCE')\n"
    multiprocessing.set_start_method("spawn", force=True)
    try:
        with pytest.raises(LokkiError, match=r"a worker process could not load the flow file .*: KeyError: 'LICENCE'"):
            project.value(source, executor="process", workers=1)
    finally:
        multiprocessing.set_start_method(before, force=True)


def test_a_listener_that_fails_ends_the_run_and_no_thread_stays(project: Project) -> None:
    for executor in EXECUTORS:
        module = project.load(failing(bad="-1 or run().attempt < 2", options="(retry=RetryConfig(retries=9, delay=0))"))

        def closed(event: Any) -> None:
            if event.kind == "step_retry":
                raise BrokenPipeError("nobody reads")

        with pytest.raises(BrokenPipeError, match="nobody reads"):
            project.run(module.job, executor=executor, listener=closed, workers=2)
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("lokki-worker")]


def test_keyboard_interrupt_of_a_step_interrupts_the_run(project: Project) -> None:
    with pytest.raises(KeyboardInterrupt):
        project.value(failing().replace('ValueError(f"bad item {x}")', "KeyboardInterrupt"))
    assert project.events[-1].kind == "run_interrupted"
