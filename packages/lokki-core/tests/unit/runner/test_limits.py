"""How much runs at once and how much memory it takes; the protocol of worker processes."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest
from lokki.errors import LokkiError
from lokki.runner import LocalRunner
from lokki.runner.local import default_workers
from lokki.runner.processes import ProcessWorker, Request, WorkerDiedError, WorkerSpec
from lokki.testing import FakeClock

from ..conftest import Project

AT_ONCE = """
    import threading
    LOCK, NOW, MOST = threading.Lock(), {{}}, {{}}
    BARRIERS = {barriers}
    def at_once(name, key=None):
        with LOCK:
            NOW[name, key] = NOW.get((name, key), 0) + 1
            MOST[name] = max(MOST.get(name, 0), NOW[name, key])
        if name in BARRIERS:
            BARRIERS[name].wait()
        time.sleep(0.001)
        with LOCK:
            NOW[name, key] -= 1
    @step
    def items(): return range({count})
    @step
    def work(x): at_once("work"); return x
    @step
    def sub(x): at_once("sub"); return [(x, n) for n in range(6)]
    @step
    def leaf(x): at_once("leaf", x[0]); at_once("all leaves"); return x
    @flow
    def job(): return items().map(work{options})
    @flow
    def nested(): return items().map(sub.map(leaf{inner}){outer})
"""


def at_once(*, count: int = 12, options: str = "", inner: str = "", outer: str = "", barriers: str = "{}") -> str:
    return AT_ONCE.format(count=count, options=options, inner=inner, outer=outer, barriers=barriers)


@pytest.mark.parametrize("workers", [1, 4])
def test_as_many_items_as_workers(project: Project, workers: int) -> None:
    barriers = f'{{"work": threading.Barrier({workers}, timeout=60)}}'
    module = project.load(at_once(barriers=barriers))
    assert project.run(module.job, workers=workers).value == list(range(12))
    assert {"work": workers} == module.MOST


@pytest.mark.parametrize("limit", [1, 3])
def test_the_concurrency_limit_holds(project: Project, limit: int) -> None:
    barriers = f'{{"work": threading.Barrier({limit}, timeout=60)}}'
    module = project.load(at_once(options=f", concurrency_limit={limit}", barriers=barriers))
    assert project.run(module.job, workers=8).value == list(range(12))
    assert {"work": limit} == module.MOST


def test_limits_of_nested_maps(project: Project) -> None:
    module = project.load(at_once(inner=", concurrency_limit=2", outer=", concurrency_limit=3"))
    project.run(module.nested, workers=8)
    assert module.MOST["leaf"] <= 2
    assert module.MOST["all leaves"] <= 6
    assert module.MOST["sub"] <= 3


def test_inner_maps_of_several_items_run_together(project: Project) -> None:
    barriers = '{"all leaves": threading.Barrier(4, timeout=60)}'
    module = project.load(at_once(count=4, inner=", concurrency_limit=1", barriers=barriers))
    project.run(module.nested, workers=4)
    assert module.MOST["leaf"] == 1
    assert module.MOST["all leaves"] == 4


def test_more_items_than_threads_at_each_level(project: Project) -> None:
    source = """
        @step
        def items(): return range(9)
        @step
        def sub(x): return [x, x]
        @step
        def leaf(x): return 1
        @step
        def total(xs): return sum(xs)
        @flow
        def job(): return items().map(sub.map(sub.map(sub.map(leaf).agg(total)).agg(total)).agg(total)).agg(total)
    """
    for workers in (1, 2, 5):
        for executor in ("thread", "process"):
            if workers < 5 or executor == "thread":
                assert project.value(source, workers=workers, executor=executor) == 9 * 8


STREAM = """
    def peak_mb():  # of this program alone; getrusage counts what the process was before it became this program
        (line,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
        return int(line.split()[1]) // 1024
    @step
    def items():
        for n in range(200_000):
            yield (n, "x" * 100)
    @step
    def work(item): return (item[0], "y" * 100)
    @step
    def gather(xs: Iterable[tuple[int, str]]):
        total = sum(1 for _ in xs)
        return total, peak_mb()
    @step
    def plain(): return 0, peak_mb()
    @flow
    def job(): return items().map(work).agg(gather)
    @flow
    def empty(): return items().map(work).agg(gather)
"""


def test_a_stream_of_items_takes_little_memory(project: Project) -> None:
    project.write(STREAM)
    found = project.cli("run")
    count, used_mb = eval(found.stdout)  # noqa: S307  # two numbers
    assert count == 200_000
    assert used_mb < 120, "200,000 items take 40 MB of text alone, twice"


def test_the_default_number_of_workers() -> None:
    processors = len(os.sched_getaffinity(0))
    assert default_workers("process") == LocalRunner(executor="process").workers == processors
    assert default_workers("thread") == LocalRunner().workers == min(32, processors + 4)
    assert LocalRunner(workers=3).workers == 3


# Worker processes, seen from their parent


WORK = """
    import multiprocessing
    @step
    def items(): return range(10)
    @step(retry=RetryConfig(retries=1, delay=0))
    def one(x):
        mark("one", x)
        if x == 3 and run().attempt == 1: raise ValueError("first try")
        if x == 6 and FAILS and multiprocessing.parent_process(): os._exit(3)
        if x >= 6 and FAILS: raise ValueError("bad")
        return x
    @step
    def two(x): return x * 2
    @step
    def sub(x): return [x, x]
    @flow
    def job(): return items().map(one).next(two)
    @flow
    def nested(): return items().map(one.next(sub).map(two).agg(sub))
    FAILS = True
"""


@pytest.fixture
def worker(project: Project) -> Any:
    """Starts a worker process for a run that its source step alone has done; it ends by itself at the end."""
    started: list[ProcessWorker] = []

    def start(flow_name: str) -> ProcessWorker:
        module = project.load(WORK)
        graph = getattr(module, flow_name)()
        with pytest.raises(LokkiError):
            project.run(getattr(module, flow_name), run_id="r", workers=1)
        spec = WorkerSpec(module.__file__, module.__name__, graph, project.root, "r", False)
        process = ProcessWorker(spec, 7, project.events.append)
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        connection, process._connection = process._connection, None
        assert connection is not None
        connection.close()
        process._process.join(60)
        assert process._process.exitcode in (0, 3, -9)


def request(name: str, first: int, count: int = 1, **more: Any) -> Request:
    how = {"path": (), "position": 0, "attempt": 1, "suspect": False, **more}
    return Request(map=name, first=first, count=count, **how)


def test_a_worker_does_units_and_tells_events(project: Project, worker: Any) -> None:
    process = worker("job")
    project.events.clear()
    done = process.do(request("one", 0, 4))
    assert (done.done, done.failed, done.error) == (4, 0, None)
    assert [(event.kind, event.index, event.attempt) for event in project.events] == [("step_retry", 3, 1)]
    failed = process.do(request("one", 7, 2))
    assert (failed.done, failed.error.index, failed.error.attempts) == (0, 7, 2)
    assert type(failed.error.__cause__) is ValueError
    with pytest.raises(WorkerDiedError, match="exited with code 3") as caught:
        process.do(request("one", 3, 6))
    assert caught.value.passed == 3
    assert caught.value.attempt_at("one", 3) == 2
    assert caught.value.attempt_at("two", 3) == caught.value.attempt_at("one", 6) == 1


def test_a_worker_does_items_with_maps_inside(project: Project, worker: Any) -> None:
    process = worker("nested")
    before = len(project.marks("one"))
    done = process.do(request("one", 1))
    assert (done.done, done.error, done.reached) == (0, None, 2)
    assert len(project.marks("one")) == before + 1
    done = process.do(request("one", 1, suspect=True))
    assert (done.reached, len(project.marks("one"))) == (2, before + 1)
    leaf = process.do(request("two", 0, 2, path=(1,)))
    assert (leaf.done, leaf.error) == (2, None)
    done = process.do(request("one", 1, position=3, suspect=True))
    assert (done.done, done.error, done.reached) == (1, None, None)


def test_a_worker_of_a_module_without_its_step(project: Project) -> None:
    module = project.load(WORK)
    graph = module.job()
    spec = WorkerSpec(module.__file__, module.__name__, graph, project.root, "r", False)
    one = module.one
    del module.one
    process = ProcessWorker(spec, 0, project.events.append)
    process.start()
    module.one = one
    for _ in range(2):
        with pytest.raises(LokkiError, match="step 'one' was not found in module"):
            process.do(request("one", 0))
    assert process._connection is not None
    process._connection.close()
    process._process.join(60)
    process.terminate()
    process.end()


def test_a_worker_that_was_never_started_ends() -> None:
    spec = WorkerSpec("", "", None, "", "", False)  # type: ignore[arg-type]  # nobody reads it
    process = ProcessWorker(spec, 0, print)
    process.terminate()
    process.end()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("os.kill(os.getpid(), signal.SIGUSR1)", "was ended by SIGUSR1"),
        ("os.kill(os.getpid(), 40)", "was ended by signal 40"),
        ("sys.exit(5)", "SystemExit: 5"),
    ],
)
def test_how_a_worker_ended(project: Project, how: str, said: str) -> None:
    source = f"""
        import signal
        @step
        def items(): return [1]
        @step
        def work(x): {how}
        @flow
        def job(): return items().map(work)
    """
    with pytest.raises(LokkiError, match=said):
        project.value(source, executor="process", workers=1)


def test_fork_is_not_needed(project: Project) -> None:
    before = multiprocessing.get_start_method(allow_none=True)
    multiprocessing.set_start_method("spawn", force=True)
    try:
        module = project.load(WORK.replace("FAILS = True", "FAILS = False"))
        value = project.run(module.job, executor="process", workers=1).value
    finally:
        multiprocessing.set_start_method(before, force=True)
    assert value == [x * 2 for x in range(10)]


def test_a_fake_clock_moves_only_when_told(tmp_path: Path) -> None:
    clock = FakeClock()
    clock.sleep(-1)
    clock.advance(2)
    assert (clock.monotonic(), clock.sleeps, clock.thread_cpu_s()) == (2, [-1], 0)
