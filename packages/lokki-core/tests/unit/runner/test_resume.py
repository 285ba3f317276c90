"""Going on with a run: only what has not succeeded is executed, whatever ended the run."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from lokki import Run
from lokki.errors import LokkiError, MapFailedError, ObjectMissingError, ResumeError, StepFailedError
from lokki.runner.place import Keeping, Place
from lokki.runner.record import RunLock

from ..conftest import Project

FLOW = """
    import uuid
    def broken(name): return os.path.exists(os.path.join(HERE, name))
    @step
    def items(count=20, token=""):
        mark("items", token)
        return range(count)
    @step
    def one(x, token=""):
        mark("one", x)
        if x == 7 and broken("bad_one"): raise ValueError("one is broken")
        return x * 2
    @step
    def two(x, token=""):
        mark("two", x)
        mark("token", token)
        if x == 22 and broken("bad_two"): raise ValueError("two is broken")
        return x + 1
    @step
    def gather(xs, token=""):
        mark("gather")
        mark("token", token)
        if broken("bad_gather"): raise ValueError("gather is broken")
        return list(xs)
    @step
    def last(xs, factor=1):
        mark("last")
        if broken("bad_last"): raise ValueError("last is broken")
        return sum(xs) * factor
    @flow
    def job(factor: int = 1):
        token = str(uuid.uuid4())
        return (
            items(count=20, token=token).map(one).next(two(token=token)).agg(gather(token=token)).next(last)
        )
"""
RESULT = sum(x * 2 + 1 for x in range(20))


@pytest.fixture(params=["thread", "process"])
def engine(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"executor": request.param, "workers": 2}


def breaks(project: Project, name: str) -> Path:
    path = project.folder / name
    path.touch()
    return path


@pytest.mark.parametrize("where", ["bad_one", "bad_two", "bad_gather", "bad_last"])
def test_only_what_has_not_succeeded_runs_again(project: Project, engine: dict[str, Any], where: str) -> None:
    module = project.load(FLOW)
    flag = breaks(project, where)
    with pytest.raises(StepFailedError, match="is broken"):
        project.run(module.job, run_id="r", **engine)
    assert Run("job", "r", root=project.root).status == "failed"
    before = {name: Counter(project.marks(name)) for name in ("items", "one", "two", "gather", "last")}
    flag.unlink()
    assert project.run(module.job, resume="r", **engine).value == RESULT
    assert Run("job", "r", root=project.root).status == "succeeded"
    after = {name: Counter(project.marks(name)) - before[name] for name in before}
    assert sum(after["items"].values()) == 0
    if where == "bad_one":
        assert before["one"]["7"] == after["one"]["7"] == 1
    if where == "bad_two":
        assert before["two"]["22"] == after["two"]["22"] == 1
    assert all(count == 1 for name in ("one", "two") for count in after[name].values())
    total = before["one"] + after["one"]
    assert all(total[str(x)] == 1 for x in range(20) if x != 7)
    assert after["gather"].total() == (0 if where == "bad_last" else 1)
    assert after["last"].total() == 1
    assert len(set(project.marks("token")) | set(project.marks("items"))) == 1
    skipped = [event.step for event in project.events if event.kind == "step_skipped"]
    assert skipped == (["items", "gather"] if where == "bad_last" else ["items"])


def test_a_succeeded_run_gives_its_result_and_runs_nothing(project: Project, engine: dict[str, Any]) -> None:
    module = project.load(FLOW)
    assert project.run(module.job, {"factor": 2}, run_id="r", **engine).value == RESULT * 2
    before = {name: project.marks(name) for name in ("items", "one", "two", "gather", "last")}
    assert project.run(module.job, resume="r", **engine).value == RESULT * 2
    assert {name: project.marks(name) for name in before} == before


def test_changed_code_is_the_point_of_resuming(project: Project, engine: dict[str, Any]) -> None:
    module = project.load(FLOW)
    breaks(project, "bad_two")
    with pytest.raises(StepFailedError):
        project.run(module.job, run_id="r", **engine)
    module = project.change(module, FLOW.replace("if x == 22 and broken", "if False and broken"))
    assert project.run(module.job, resume="r", **engine).value == RESULT


def test_a_resumed_run_may_fail_again(project: Project, engine: dict[str, Any]) -> None:
    module = project.load(FLOW)
    begin: dict[str, str] = {"run_id": "r"}
    for name in ("one", "two", "gather", "last"):
        flag = breaks(project, f"bad_{name}")
        with pytest.raises(StepFailedError, match=f"{name} is broken"):
            project.run(module.job, **begin, **{**engine, "workers": 1})  # type: ignore[arg-type]  # mixed options
        flag.unlink()
        begin = {"resume": "r"}
    assert project.run(module.job, resume="r", **engine).value == RESULT


NESTED = """
    def broken(*what): return os.path.exists(os.path.join(HERE, "-".join(map(str, what))))
    @step
    def groups(): mark("groups"); return range(4)
    @step
    def members(g):
        mark("members", g)
        if broken("members", g): raise ValueError("members is broken")
        return [(g, n) for n in range(3)]
    @step
    def work(m):
        mark("work", *m)
        if broken("work", *m): raise ValueError("work is broken")
        return m[0] * 10 + m[1]
    @step
    def merge(ms):
        mark("merge", *ms)
        if broken("merge", ms[0]): raise ValueError("merge is broken")
        return sum(ms)
    @step
    def gather(gs, failures):
        mark("gather")
        if broken("gather"): raise ValueError("gather is broken")
        return list(gs), [f.index for f in failures]
    @flow
    def job(): return groups().map(members.map(work).agg(merge){outer}).agg(gather)
    @flow
    def open_job(): return groups().map(members.map(work){outer}).agg(gather)
    @flow
    def deep(): return groups().map(members.map(work.next(again).map(work).agg(merge)).agg(flat){outer}).agg(gather)
    @step
    def again(x): return [(x, 0), (x, 1)]
    @step
    def flat(xs): return sum(xs)
"""


@pytest.mark.parametrize("where", ["members-2", "work-2-1", "merge-20", "gather"])
def test_nested_maps_go_on_where_they_were(project: Project, engine: dict[str, Any], where: str) -> None:
    module = project.load(NESTED.format(outer=""))
    flag = breaks(project, where)
    with pytest.raises(StepFailedError):
        project.run(module.job, run_id="r", **engine)
    flag.unlink()
    assert project.run(module.job, resume="r", **engine).value == ([3, 33, 63, 93], [])
    name = where.split("-")[0]
    for step in ("groups", "members", "work", "merge", "gather"):
        most = Counter(project.marks(step))
        again = [what for what, count in most.items() if count > 1]
        assert len(again) <= (1 if step == name else 0), (step, again)


@pytest.mark.parametrize("flow", ["job", "open_job", "deep"])
def test_what_was_tolerated_and_succeeds_now_is_part_of_the_result(
    project: Project, engine: dict[str, Any], flow: str
) -> None:
    module = project.load(NESTED.format(outer=", tolerated_failure_percentage=50"))
    flags = [breaks(project, "work-2-1"), breaks(project, "gather")]
    with pytest.raises(StepFailedError, match="gather is broken"):
        project.run(getattr(module, flow), run_id="r", **engine)
    flags[1].unlink()
    if flow == "job":
        groups, failed = project.run(module.job, resume="r", **engine).value
        assert (groups, failed) == ([3, 33, 93], [2])
        return
    flags[0].unlink()
    groups, failed = project.run(getattr(module, flow), resume="r", **engine).value
    assert failed == []
    assert len(groups) == 4


def test_more_failures_than_tolerated_are_forgotten_when_they_succeed(project: Project, engine: dict[str, Any]) -> None:
    module = project.load(NESTED.format(outer=", tolerated_failure_percentage=25"))
    flags = [breaks(project, "work-2-1"), breaks(project, "merge-10")]
    with pytest.raises(MapFailedError, match="2 of 4 items failed"):
        project.run(module.job, run_id="r", **engine)
    flags[0].unlink()
    assert project.run(module.job, resume="r", **engine).value == ([3, 63, 93], [1])


TOLERANT = """
    def broken(name): return os.path.exists(os.path.join(HERE, name))
    @step
    def items(): return range(10)
    @step
    def one(x):
        mark("one", x)
        if x == 3 and broken("bad_one"): raise ValueError
        return x
    @step
    def two(x):
        if x in (3, 5) and broken("bad_two"): raise ValueError
        return x
    @step
    def gather(xs, failures):
        if broken("bad_gather"): raise ValueError
        return list(xs), [(f.index, f.step) for f in failures]
    @flow
    def job(): return items().map(one, tolerated_failure_percentage=20).next(two).agg(gather)
"""


def test_a_tolerated_item_may_fail_at_another_step_when_resumed(project: Project, engine: dict[str, Any]) -> None:
    module = project.load(TOLERANT)
    flags = [breaks(project, "bad_one"), breaks(project, "bad_gather")]
    with pytest.raises(StepFailedError):
        project.run(module.job, run_id="r", **engine)
    for flag in flags:
        flag.unlink()
    breaks(project, "bad_two")
    expected = [0, 1, 2, 4, 6, 7, 8, 9]
    found = project.run(module.job, resume="r", **engine).value
    assert found[1] in ([(3, "two")], [(3, "two"), (5, "two")])
    if len(found[1]) == 2:
        assert found[0] == expected


# Refusals


def test_other_parameters_are_refused_with_the_difference(project: Project) -> None:
    module = project.load(FLOW)
    project.run(module.job, {"factor": 3}, run_id="r")
    with pytest.raises(ResumeError) as caught:
        project.run(module.job, {"factor": 4, "count": 21}, resume="r")
    assert "run 'r' was started with other parameters:\n  factor: was 3, is 4\n  count: was 20, is 21" in str(
        caught.value
    )
    assert project.run(module.job, {"factor": 3, "count": 20}, resume="r").value == RESULT * 3


def test_implicit_parameters_are_kept_for_the_resumed_run(project: Project) -> None:
    module = project.load(FLOW)
    flag = breaks(project, "bad_last")
    with pytest.raises(StepFailedError):
        project.run(module.job, {"count": 3}, run_id="r")
    flag.unlink()
    assert project.run(module.job, {"count": 3}, resume="r").value == 9
    with pytest.raises(ResumeError, match="count: was 3, is 4"):
        project.run(module.job, {"count": 4}, resume="r")
    assert Run("job", "r", root=project.root).params == {"factor": 1, "count": 3}


def test_another_shape_is_refused_with_the_difference(project: Project) -> None:
    module = project.load(FLOW)
    project.run(module.job, run_id="r")
    changed = project.change(module, FLOW.replace(".next(two(token=token))", ""))
    with pytest.raises(ResumeError) as caught:
        project.run(changed.job, resume="r")
    assert "run 'r' has another graph than flow 'job' has now:" in str(caught.value)
    assert "two" in str(caught.value)
    assert "- " in str(caught.value)
    assert project.marks("items") == project.marks("items")[:1]


def test_a_new_required_parameter_is_refused(project: Project) -> None:
    module = project.load(FLOW)
    project.run(module.job, run_id="r")
    changed = project.change(module, FLOW.replace("def job(factor: int = 1)", "def job(factor: int, more: str)"))
    with pytest.raises(ResumeError, match="run 'r' was started without parameter 'more', which flow 'job' needs now"):
        project.run(changed.job, resume="r")


def test_unknown_runs_are_refused(project: Project) -> None:
    module = project.load(FLOW)
    with pytest.raises(ResumeError, match=r"flow 'job' has no run 'nope'\. None is kept in .*\.lokki"):
        project.run(module.job, resume="nope")
    assert not (project.folder / ".lokki").exists()
    project.run(module.job, run_id="yes")
    with pytest.raises(ResumeError, match=r"flow 'job' has no run 'nope'\. Kept are: yes\."):
        project.run(module.job, resume="nope")
    with pytest.raises(ResumeError, match="a run kept in memory is gone"):
        project.run(module.job, resume="yes", store_type="memory")
    assert project.run_ids() == ["yes"]


@pytest.mark.parametrize("name", ["a/b", "..", "", "../../etc", "x" * 81, "-x", ".x", "a b", "a\n", "ä"])
def test_names_that_no_run_may_have(project: Project, name: str) -> None:
    module = project.load(FLOW)
    for how in ({"run_id": name}, {"resume": name}):
        if name:
            with pytest.raises(ResumeError, match="cannot name a run"):
                project.run(module.job, **how)  # type: ignore[arg-type]  # mixed options
    assert not (project.folder / ".lokki").exists()


def test_a_run_is_not_begun_twice(project: Project) -> None:
    module = project.load(FLOW)
    project.run(module.job, run_id="r")
    with pytest.raises(ResumeError, match=r"run 'r' exists already\. Go on with it: --resume r"):
        project.run(module.job, {"factor": 9}, run_id="r")
    assert Run("job", "r", root=project.root).params["factor"] == 1


def test_a_run_that_was_killed_before_its_document_was_written_is_not_begun_twice(project: Project) -> None:
    module = project.load(FLOW)
    project.run(module.job, run_id="r")
    (project.folder / ".lokki/job/runs/r/run.json").unlink()
    with pytest.raises(ResumeError, match="exists already"):
        project.run(module.job, {"factor": 9}, run_id="r")
    assert project.run(module.job, resume="r").value == RESULT


HELD = """
    @step
    def hold():
        mark("begun")
        wait_for("go")
        return "done"
    @flow
    def job(): return hold()
"""


def test_a_run_is_worked_on_once_at_a_time(project: Project) -> None:
    project.write(HELD)
    first = project.start("run", "--run-id", "r")
    project.wait_for_marks("begun", 1, first)
    second = project.cli("run", "--resume", "r")
    assert second.returncode == 2
    assert "run 'r' is being worked on by another process" in second.stderr
    again = project.cli("run", "--run-id", "r")
    assert again.returncode == 2
    (project.folder / "go").touch()
    out, err = first.communicate(timeout=60)
    assert (out, first.returncode) == ("done\n", 0), err
    assert project.marks("begun") == [""]


def test_a_run_is_worked_on_once_at_a_time_also_within_a_process(project: Project) -> None:
    module = project.load(HELD)
    thread = threading.Thread(target=project.run, args=(module.job,), kwargs={"run_id": "r"})
    thread.start()
    try:
        project.wait_for_marks("begun", 1)
        with pytest.raises(ResumeError, match="run 'r' is being worked on"):
            project.run(module.job, resume="r")
        lock = RunLock(str(project.folder / ".lokki/job/runs/r"))
        with pytest.raises(ResumeError):
            lock.acquire()
        lock.release()
        again = project.load(HELD.replace('wait_for("go")', "pass"))
        for _ in range(3):
            project.run(again.job, keep_runs=1)
        assert "r" in project.run_ids()
    finally:
        (project.folder / "go").touch()
        thread.join()
    assert project.run(module.job, resume="r").value == "done"


# What is kept


def test_the_last_runs_are_kept(project: Project) -> None:
    module = project.load("""
        @step
        def first(): return 1
        @flow
        def job(): return first()
    """)
    for number in range(5):
        project.run(module.job, run_id=f"r{number}", keep_runs=3)
    assert project.run_ids() == ["r2", "r3", "r4"]
    project.run(module.job, resume="r2", keep_runs=1)
    assert project.run_ids() == ["r2"]
    project.run(module.job, store_type="memory", keep_runs=1)
    assert project.run_ids() == ["r2"]


def test_a_running_run_is_kept(project: Project) -> None:
    project.write(HELD)
    first = project.start("run", "--run-id", "held")
    project.wait_for_marks("begun", 1, first)
    module = project.load(HELD.replace('wait_for("go")', "pass"))
    for number in range(4):
        project.run(module.job, run_id=f"r{number}", keep_runs=2)
    assert "held" in project.run_ids()
    assert len(project.run_ids()) <= 3
    (project.folder / "go").touch()
    assert first.communicate(timeout=60)[0] == "done\n"


def test_a_run_in_memory_leaves_nothing(project: Project, engine: dict[str, Any], tmp_path: Path) -> None:
    before = sorted(os.listdir(tmp_path))
    with pytest.MonkeyPatch.context() as patch:
        (tmp_path / "temporary").mkdir()
        patch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
        module = project.load(FLOW)
        project.run(module.job, store_type="memory", **engine)
        assert not list((tmp_path / "temporary").iterdir())
    assert not set(os.listdir(tmp_path)) & {".lokki"} - set(before)


def test_a_place_that_cannot_be_written_is_one_clear_error(project: Project) -> None:
    module = project.load(FLOW)
    (project.folder / "file").touch()
    for root in (str(project.folder / "file"), "/proc/lokki"):
        with pytest.raises(LokkiError) as caught:
            project.run(module.job, root=root)
        assert root in str(caught.value)
        assert caught.value.exit_code == 1


def test_a_failure_is_told_even_when_it_cannot_be_written_down(project: Project) -> None:
    module = project.load("""
        import shutil
        @step
        def first():
            shutil.rmtree(HERE + "/.lokki")
            open(HERE + "/.lokki", "w").close()
            raise ValueError("the real reason")
        @flow
        def job(): return first()
    """)
    with pytest.raises(StepFailedError, match="the real reason"):
        project.run(module.job)


def test_a_place_is_left_when_it_could_not_be_entered(project: Project) -> None:
    keeping = Keeping(project.root, 10, shared=False)
    with Place(keeping, "job", "r") as place:
        assert not place.is_used
        with pytest.raises(ResumeError), Place(keeping, "job", "r"):
            raise AssertionError
    with Place(keeping, "job", "r"):
        pass


# kill -9


KILLED = """
    import random
    @step
    def items(): mark("items"); return range({count})
    @step
    def one(x):
        mark("one", x)
        time.sleep(0.002 if x % 10 else 0)
        return x
    @step
    def two(x): mark("two", x); return x + 1
    @step
    def gather(xs): mark("gather"); return sum(xs)
    @step
    def fan(x): mark("fan", x); return range(4)
    @step
    def leaf(x): mark("leaf", x); time.sleep(0.002); return x
    @flow
    def job(): return items().map({body}).agg(gather)
"""


@pytest.mark.parametrize("executor", ["thread", "process"])
@pytest.mark.parametrize("body", ["[one, two]", "one", "fan.map(leaf).agg(gather)"])
def test_a_killed_run_goes_on(project: Project, executor: str, body: str) -> None:
    count = 60 if "leaf" in body else 200
    name = "leaf" if "leaf" in body else "one"
    project.write(KILLED.format(count=count, body=body))
    options = ("--executor", executor, "--workers", "2")
    chance = random.Random(f"{executor} {body}")  # noqa: S311  # moments of kills
    words = ["run", "--run-id", "r", *options]
    for _ in range(2):
        process = project.start(*words, start_new_session=True)
        project.wait_for_marks(name, len(project.marks(name)) + chance.randint(1, 80), process)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        words = ["run", "--resume", "r", *options]
    ended = project.cli(*words)
    assert ended.returncode == 0, ended.stderr
    value = {"[one, two]": sum(range(1, count + 1)), "one": sum(range(count))}.get(body, 6 * count)
    assert ended.stdout == f"{value}\n"
    assert project.marks("items") == [""]
    again = Counter(project.marks(name))
    items = count * 4 if "leaf" in body else count
    assert sum(again.values()) - items <= 2 * 64, "more was run again than two kills can have cost"
    if "leaf" in body:
        assert max(Counter(project.marks("fan")).values()) <= 3
    before = project.marks(name)
    assert project.cli(*words).stdout == f"{value}\n"
    assert project.marks(name) == before


def test_no_result_of_an_unfinished_run(project: Project) -> None:
    module = project.load(FLOW)
    breaks(project, "bad_gather")
    with pytest.raises(StepFailedError):
        project.run(module.job, run_id="r")
    with pytest.raises(ObjectMissingError):
        _ = Run("job", "r", root=project.root).result
