"""`lokki.Run`: what a run did and made, read back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import lokki
import pytest
from lokki import Run, environment
from lokki.errors import LokkiError, ObjectMissingError, StepFailedError, StoreError
from lokki.localrun import LocalRun
from lokki.runs import BACKENDS

from .conftest import Project

FLOW = """
    @step
    def items(n=4): return [{{"n": x}} for x in range(n)]
    @step
    def one(item):
        if item["n"] == FAILS: raise ValueError("one fails")
        return item["n"] * 10
    @step
    def two(x):
        if x == BREAKS: raise KeyError("two fails")
        return x + 1
    @step
    def gather(xs, failures=()): return list(xs), len(failures)
    @step
    def last(found): return found[0]
    @flow
    def job(factor: int = 1):
        return items(n=4).map(one{options}).next(two).agg(gather).next(last)
    @flow
    def open_job():
        return items().map(one).next(two)
    FAILS = BREAKS = None
"""


def load(project: Project, options: str = "") -> Any:
    return project.load(FLOW.format(options=options))


def test_everything_of_a_run(project: Project) -> None:
    module = load(project)
    project.run(module.job, {"factor": 3, "n": 3}, run_id="r")
    run = Run("job", "r", root=project.root)
    assert (run.flow, run.run_id, run.status, run.error) == ("job", "r", "succeeded", None)
    assert repr(run) == "<run r of job: succeeded>"
    assert run.params == {"factor": 3, "n": 3}
    assert run.steps == ["items", "one", "two", "gather", "last"]
    assert run.result == [1, 11, 21]
    assert run["items"].output == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert run["items"].input is None
    assert run["one"][1].input == {"n": 1}
    assert run["one"][1].output == 10
    assert run["one"].input == run["items"].output
    assert run["one"].output == [0, 10, 20]
    assert run["two"][2].input == 20
    assert run["two"][2].output == 21
    assert run["two"][2].error is None
    assert run["gather"].input == [1, 11, 21]
    assert run["gather"].output == ([1, 11, 21], 0)
    assert run["last"].input == ([1, 11, 21], 0)
    assert [view.output for view in run["two"]] == [1, 11, 21]
    assert len(run["one"]) == 3
    assert (run["one"].error, run["one"][0].has_output) == (None, True)
    assert (repr(run["one"]), repr(run["one"][2])) == ("<step one>", "<step one[2]>")


def test_the_flow_is_found_by_its_functions_name_and_from_below(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = project.load(FLOW.format(options="").replace("def job", "def my_job"))
    project.run(module.my_job, run_id="r")
    below = project.folder / "deep" / "deeper"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert Run("my_job", "r").result == Run("my-job", "r").result == [1, 11, 21, 31]


def test_wrong_names_say_what_there_is(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.folder)
    with pytest.raises(LokkiError, match=r"no runs of flow 'job' were found in .*\.lokki or above"):
        Run("job", "r")
    project.run(load(project).job, run_id="r")
    with pytest.raises(ObjectMissingError, match=r"flow 'job' has no run 'x'\. Kept are: r\."):
        Run("job", "x")
    with pytest.raises(ObjectMissingError, match=r"flow 'other' has no run 'r'\. Kept are: none\."):
        Run("other", "r", root=project.root)
    run = Run("job", "r")
    with pytest.raises(KeyError, match="flow 'job' has no step 'three'; it has items, one, two, gather, last"):
        run["three"]
    for wrong in (
        lambda: run["items"][0],
        lambda: run["one"][0][0],
        lambda: len(run["gather"]),
        lambda: len(run["one"][0]),
    ):
        with pytest.raises(TypeError, match="is not inside a map here"):
            wrong()
    for index in (4, -1):
        with pytest.raises(IndexError, match=f"step 'one' has 4 items; there is no item {index}"):
            run["one"][index]


def test_a_failed_run(project: Project) -> None:
    module = load(project)
    module.BREAKS = 20
    with pytest.raises(StepFailedError):
        project.run(module.job, run_id="r", workers=1)
    run = Run("job", "r", root=project.root)
    assert run.status == "failed"
    assert run.error == "flow 'job', step 'two', item 2: failed after 1 attempt: KeyError: 'two fails'"
    assert run["one"][2].output == 20
    assert run["one"][2].error is None
    error = run["two"][2].error
    assert error is not None
    assert (error.index, error.error_type, error.step, error.attempts) == (2, "KeyError", "two", 1)
    assert "in two" in error.traceback
    assert run["two"].error == error
    assert run["two"].output == [1, 11]
    assert run["two"].input == [0, 10, 20]
    assert run["one"].input == [{"n": 0}, {"n": 1}, {"n": 2}, {"n": 3}]
    for view in (run["two"][2], run["two"][3], run["one"][3], run["gather"], run["last"]):
        assert not view.has_output
        with pytest.raises(ObjectMissingError):
            _ = view.output
    for view in (run["gather"], run["last"], run["items"], run["two"][3]):
        assert view.error is None
    with pytest.raises(ObjectMissingError):
        _ = run.result
    module.BREAKS = None
    project.run(module.job, resume="r")
    run = Run("job", "r", root=project.root)
    assert run["two"][2].error is None
    assert run.error is None
    assert run.result == [1, 11, 21, 31]


def test_a_plain_step_that_failed(project: Project) -> None:
    module = project.load("""
        @step
        def first(): return 1
        @step(retry=RetryConfig(retries=1, delay=0))
        def second(x): raise OSError("no")
        @step
        def items(x): return [x]
        @flow
        def job(): return first().next(second).next(items).map(second).agg(items)
    """)
    with pytest.raises(StepFailedError):
        project.run(module.job, run_id="r")
    run = Run("job", "r", root=project.root)
    error = run["second"].error
    assert error is not None
    assert (error.message, error.attempts, error.error_type) == (run.error, 2, "OSError")
    assert run["first"].output == run["second"].input == 1
    assert run["second_2"].error is None, "its map never began"
    for view in (run["second_2"], run["items_2"]):
        assert not view.has_output


def test_tolerated_failures(project: Project) -> None:
    module = load(project, ", tolerated_failure_percentage=50")
    module.FAILS, module.BREAKS = 1, 30
    project.run(module.job, run_id="r")
    run = Run("job", "r", root=project.root)
    assert run.result == [1, 21]
    assert run["one"].output == [0, 20, 30]
    assert run["two"].output == [1, 21]
    assert run["two"].input == [0, 20, 30]
    assert run["gather"].input == [1, 21]
    one, two = run["one"].error, run["two"].error
    assert one is not None
    assert two is not None
    assert (one.index, one.step, one.message) == (1, "one", "one fails")
    assert (two.index, two.step) == (3, "two")


def test_an_open_map(project: Project) -> None:
    module = load(project)
    project.run(module.open_job, run_id="r")
    assert Run("open_job", "r", root=project.root).result == [1, 11, 21, 31]
    module.BREAKS = 0
    with pytest.raises(StepFailedError):
        project.run(module.open_job, run_id="f")
    with pytest.raises(ObjectMissingError, match="run 'f' has not succeeded"):
        _ = Run("open_job", "f", root=project.root).result


NESTED = """
    @step
    def groups(): return ["a", "b", "c"]
    @step
    def members(g):
        if g == FAILS: raise ValueError("members")
        return [g + str(n) for n in range(2)]
    @step
    def work(m):
        if m == BREAKS: raise ValueError("work")
        return m.upper()
    @step
    def merge(ms): return "+".join(ms)
    @step
    def gather(gs): return list(gs)
    @flow
    def job(): return groups().map(members.map(work).agg(merge){options}).agg(gather)
    @flow
    def open_job(): return groups().map(members.map(work){options})
    FAILS = BREAKS = None
"""


def test_nested_maps(project: Project) -> None:
    module = project.load(NESTED.format(options=""))
    project.run(module.job, run_id="r")
    run = Run("job", "r", root=project.root)
    assert run.result == ["A0+A1", "B0+B1", "C0+C1"]
    assert run["members"].output == [["a0", "a1"], ["b0", "b1"], ["c0", "c1"]]
    assert run["members"][1].input == "b"
    assert run["work"].output == [["A0", "A1"], ["B0", "B1"], ["C0", "C1"]]
    assert run["work"].input == run["members"].output
    assert run["work"][2][1].input == "c1"
    assert run["work"][2][1].output == "C1"
    assert run["work"][1].output == ["B0", "B1"]
    assert [len(group) for group in run["work"]] == [2, 2, 2]
    assert run["work"].has_output
    assert run["merge"][0].input == ["A0", "A1"]
    assert run["merge"].output == run["gather"].input == run.result
    assert run["work"].error is None
    assert repr(run["work"][2][1]) == "<step work[2][1]>"
    project.run(module.open_job, run_id="o")
    assert Run("open_job", "o", root=project.root).result == run["work"].output


def test_failures_inside_nested_maps(project: Project) -> None:
    module = project.load(NESTED.format(options=", tolerated_failure_percentage=70"))
    module.FAILS, module.BREAKS = "a", "c1"
    project.run(module.job, run_id="r")
    run = Run("job", "r", root=project.root)
    assert run.result == ["B0+B1"]
    assert run["members"].output == [["b0", "b1"], ["c0", "c1"]]
    assert run["work"].output == [["B0", "B1"], ["C0"]]
    assert run["merge"].output == run["gather"].input == ["B0+B1"]
    one = run["members"].error
    assert one is not None
    assert (one.index, one.step) == (0, "members")
    assert run["members"][2].error is None, "the step after it failed"
    two = run["work"].error
    assert two is not None
    assert (two.index, two.step, two.error_type) == (1, "work", "ValueError")
    assert run["work"][2][1].error == two
    assert run["work"][0].error is None
    assert not run["work"][0].has_output
    assert run["merge"][0].error is None
    project.run(module.open_job, run_id="o")
    assert Run("open_job", "o", root=project.root).result == [["B0", "B1"]]


def test_a_running_run(project: Project) -> None:
    project.write("""
        @step
        def items(): return [1, 2]
        @step
        def work(x):
            mark("begun", x)
            if x == 2: wait_for("go")
            return x
        @flow
        def job(): return items().map(work)
    """)
    process = project.start("run", "--run-id", "r", "--workers", "1")
    project.wait_for_marks("begun", 2, process)
    run = Run("job", "r", root=project.root)
    assert run.status == "running"
    assert run["work"][0].output == 1
    assert run["work"].output == [1]
    with pytest.raises(ObjectMissingError):
        _ = run.result
    (project.folder / "go").touch()
    process.communicate()
    assert Run("job", "r", root=project.root).result == [1, 2]


@pytest.mark.parametrize(
    "broken", ["raise KeyError('LICENCE')", "def (", "import nothing_of_this_name", "raise SystemExit(4)"]
)
def test_a_flow_file_that_is_broken_now(project: Project, broken: str) -> None:
    project.write(FLOW.format(options=""), name="gone_flow.py")
    assert project.cli("run", "--run-id", "r", file="gone_flow.py").returncode == 0
    (project.folder / "gone_flow.py").write_text(broken, encoding="utf-8")
    assert Run("job", "r", root=project.root).result == [1, 11, 21, 31]
    (project.folder / "gone_flow.py").unlink()
    assert Run("job", "r", root=project.root).result == [1, 11, 21, 31]


BACKEND = """
from lokki.errors import ConfigError, StoreError
class Backend:
    def __init__(self, flow, run_id): self.name = f'{flow} {run_id}'
    def document(self):
        if 'broken' in self.name: raise StoreError('busy.', url='s3://b', operation='read')
        if 'absent' in self.name: raise ConfigError('nowhere.', key='aws.place', hint='Look elsewhere.')
        return {'status': 'running', 'params': {}, 'error': self.name}
"""


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A package that reads deployed runs; it comes before any other."""
    info = tmp_path / "aaa_backend-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: aaa-backend\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[{BACKENDS}]\naaa = aaa_backend:Backend\n", encoding="utf-8")
    (tmp_path / "aaa_backend.py").write_text(BACKEND, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))


ALONE = """
from lokki import Run
from lokki.errors import LokkiError
for deployed in (True, None):
    try:
        Run("job", "r", deployed=deployed)
    except LokkiError as error:
        print(type(error).__name__, error)
"""


def test_a_deployed_run_needs_its_package(project: Project) -> None:
    """In a process that has no package but lokki itself."""
    alone, cwd = project.folder / "alone", project.folder / "empty"
    alone.mkdir()
    cwd.mkdir()
    (alone / "lokki").symlink_to(Path(lokki.__file__).parent)
    command = [sys.executable, "-S", "-c", ALONE]
    env = {**environment.variables(), "PYTHONPATH": str(alone)}
    done = subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert first.startswith("MissingPackageError reading a deployed run needs the package lokki-cli. Install it: pip")
    assert second.startswith("LokkiError no runs of flow 'job' were found in ")
    assert second.endswith("reading a deployed run needs the package lokki-cli. Install it: pip install 'lokki-cli'")


def test_a_deployed_run_is_read_by_a_package(backend: None) -> None:
    run = Run("my_job", "r", deployed=True)
    assert (run.status, run.error) == ("running", "my-job r")


def test_a_run_is_looked_for_here_and_then_on_aws(
    backend: None, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load(project)
    project.run(module.job, run_id="here")
    monkeypatch.chdir(project.folder)
    assert Run("job", "here").status == "succeeded"
    assert Run("job", "there").error == "job there"
    with pytest.raises(ObjectMissingError, match=r"flow 'job' has no run 'there'"):
        Run("job", "there", deployed=False)
    with pytest.raises(ObjectMissingError, match=r"flow 'job' has no run 'there'"):
        Run("job", "there", root=project.root)
    told = r"flow 'job' has no run 'absent'\. Kept are: here\. AWS was not asked: aws.place: nowhere\. Look elsewhere\."
    with pytest.raises(ObjectMissingError, match=told):
        Run("job", "absent")
    with pytest.raises(StoreError, match=r"flow 'job' has no run 'broken'\. Nor is it on AWS: s3://b: busy\."):
        Run("job", "broken")


def test_whoever_knows_where_a_run_is_gives_its_backend(project: Project) -> None:
    module = load(project)
    project.run(module.job, run_id="r")
    assert Run("job", "r", backend=LocalRun("job", "r", root=project.root)).status == "succeeded"


def test_the_document_is_plain_json(project: Project) -> None:
    module = load(project)
    project.run(module.job, run_id="r")
    path = Path(project.root) / "job/runs/r/run.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["v"] == 1
    assert document["pid"] == os.getpid()
    assert document["started_at"] <= document["finished_at"]
    assert {"flow", "run_id", "status", "file", "module", "function", "params", "graph"} <= set(document)


def test_parameters_that_json_cannot_carry_are_shown(project: Project) -> None:
    module = project.load("""
        @step
        def first(what): return 1
        @flow
        def job(): return first(what=(1, {2}))
    """)
    project.run(module.job, run_id="r")
    assert Run("job", "r", root=project.root).params == {}
