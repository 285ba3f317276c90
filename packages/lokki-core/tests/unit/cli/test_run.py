"""`python flow.py run`: parameters, what is printed where, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lokki import main
from lokki.errors import LokkiError

from ..conftest import Project

ECHO = """
    import datetime, enum
    from typing import Literal
    class Color(enum.Enum):
        RED = "r"
        BLUE = "b"
    @step
    def first(limit=10, fast: bool = False, tags: list[str] | None = None, **params):
        return {"limit": limit, "fast": fast, **{k: str(v) for k, v in params.items()}}
    @flow
    def job(count: int, ratio: float = 0.5, day: datetime.date | None = None, color: Color = Color.RED,
            dry_run: bool = False, mode: Literal["a", "b"] = "a", names: list[str] = []):
        '''Echo what it is given.'''
        return first(limit=10, fast=False)
"""

SMALL = """
    @step
    def first(): return {result}
    @flow
    def job(): return first()
"""


class Result:
    """How a command line ended in this process."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err


@pytest.fixture
def command(project: Project, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command line of a flow in this process."""
    monkeypatch.setattr("sys.argv", ["work.py"])
    monkeypatch.setenv("HOME", str(project.folder))
    monkeypatch.chdir(project.folder)

    def run(flow: Any, *words: str) -> Result:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(flow, words)
        captured = capfd.readouterr()
        assert isinstance(ended.value.code, int)
        return Result(ended.value.code, captured.out, captured.err)

    return run


def test_options_become_typed_parameters(project: Project, command: Any) -> None:
    job = project.load(ECHO).job
    words = "--count 3 --ratio 2 --day 2024-02-29 --color BLUE --dry-run --mode b".split()
    found = command(job, "run", *words, "--names", '["x"]', "--limit=7", "--fast")
    assert found.code == 0, found.err
    assert found.out == (
        "{'limit': 7, 'fast': True, 'count': '3', 'ratio': '2.0', 'day': '2024-02-29', 'color': 'Color.BLUE',"
        " 'dry_run': 'True', 'mode': 'b', 'names': \"['x']\"}\n"
    )


def test_parameters_from_a_file_and_from_options(project: Project, command: Any) -> None:
    job = project.load(ECHO).job
    path = project.folder / "params.json"
    path.write_text(json.dumps({"count": 1, "ratio": 3, "limit": 5, "dry_run": True}), encoding="utf-8")
    found = command(job, "run", "--params", str(path), "--count", "2", "--no-dry_run", "--param", "mode=b")
    assert "'limit': 5" in found.out
    assert "'count': '2', 'ratio': '3.0'" in found.out
    assert "'dry_run': 'False'" in found.out
    assert "'mode': 'b'" in found.out


def test_parameters_from_stdin(project: Project) -> None:
    project.write(ECHO)
    found = project.cli("run", "--params", "-", stdin='{"count": 12}')
    assert "'count': '12'" in found.stdout, found.stderr


def test_implicit_flags_say_no_too(project: Project, command: Any) -> None:
    job = project.load(ECHO.replace("return first(limit=10, fast=False)", "return first(limit=10, fast=True)")).job
    assert "'fast': False" in command(job, "run", "--count", "1", "--no-fast").out
    assert "'fast': True" in command(job, "run", "--count", "1", "--fast").out
    assert "'fast': False" in command(job, "run", "--count", "1", "--fast", "no").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--count x --ratio y --day z --mode c --color Q --dry-run perhaps --names 1", 7),
        ("--count 1 --nonsense 3 --other 4 --limit x", 3),
        ("--count 1 --limit", "there is no option '--limit', or its value is missing. See --help."),
        ("--count 1 --fast --unknown", "there is no option '--unknown', or its value is missing"),
        ("--count 1 --rat 3", "there is no parameter 'rat'. Did you mean 'ratio'?"),
        ("--count 1 --param ratio", "--param ratio: it is written NAME=VALUE."),
        ("--count 1 --param =5", "--param =5: it is written NAME=VALUE."),
        ("--count 1 word", "'word' is not understood. Parameters are given as --name VALUE."),
        ("--count 1 -x", "'-x' is not understood"),
        ("", "flow 'job' needs a value for 'count'. Give --count VALUE"),
        ("--workers 0 --count 1", "local.workers (from option --workers)"),
        ("--workers -1 --count 1", "local.workers (from option --workers)"),
        ("--workers abc --count 1", "argument --workers: invalid int value: 'abc'"),
        ("--executor gpu --count 1", "invalid choice: 'gpu'"),
        ("--store s3 --count 1", "invalid choice: 's3'"),
        ("--run-id a/b --count 1", "'a/b' cannot name a run."),
        ("--resume ../x", "'../x' cannot name a run."),
        ("--resume nope", "flow 'job' has no run 'nope'. None is kept in"),
        ("--resume nope --store memory", "a run kept in memory is gone"),
        ("--resume", "expected one argument"),
        ("--params /nowhere.json", "--params /nowhere.json: [Errno 2] No such file or directory"),
        ("--count 1 --param names=[1]", "parameter 'names': '[1]' is not list of str (as JSON)."),
    ],
)
def test_mistakes_are_told_all_at_once(project: Project, command: Any, words: str, said: str | int) -> None:
    found = command(project.load(ECHO).job, "run", *words.split())
    assert found.code == 2
    assert found.out == ""
    assert "Traceback" not in found.err
    assert "Go on with" not in found.err
    if isinstance(said, int):
        assert len([line for line in found.err.splitlines() if "parameter '" in line]) == said, found.err
    else:
        assert said in found.err
    assert not (project.folder / ".lokki").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "Expecting property name"),
        ("[1]", "it holds a list. It must hold one JSON object."),
        ("", "Expecting value"),
        ("\ufeff{}", "BOM"),
        ("[" * 200_000, "recursion"),
        ('{"count": "x", "ratio": "y", "more": 1}', "parameter 'count': 'x' is not int.\nparameter 'ratio'"),
        ('{"count": 1, "names": ["' + "x" * 20_000 + '"]}', "bytes as JSON; 16,384 are allowed"),
        ('{"count": NaN}', "parameter 'count': nan is not int"),
        ('{"count": 1e400}', "parameter 'count': inf is not int"),
    ],
)
def test_files_of_parameters_that_cannot_be_used(project: Project, command: Any, text: str, said: str) -> None:
    path = project.folder / "params.json"
    path.write_text(text, encoding="utf-8")
    found = command(project.load(ECHO).job, "run", "--params", str(path))
    assert found.code == 2
    assert said in found.err
    path.write_bytes(b"\xff\xfe{}")
    assert "can't decode" in command(project.load(ECHO).job, "run", "--params", str(path)).err


def test_mistakes_in_file_and_options_are_told_together(project: Project, command: Any) -> None:
    path = project.folder / "params.json"
    path.write_text('{"count": "x"}', encoding="utf-8")
    found = command(project.load(ECHO).job, "run", "--params", str(path), "--ratio", "much", "--no-fast", "--ratio=1=2")
    assert "'count'" in found.err
    assert "'ratio'" in found.err


def test_parameters_that_look_like_each_others_opposites(project: Project, command: Any) -> None:
    job = project.load("""
        @step
        def first(**params): return params
        @flow
        def job(cache: bool = True, no_cache: bool = False): return first()
    """).job
    assert command(job, "run", "--no-cache").out == "{'cache': True, 'no_cache': True}\n"
    assert command(job, "run", "--no-cache", "false", "--cache=no").out == "{'cache': False, 'no_cache': False}\n"


def test_resume_takes_the_same_parameters(project: Project, command: Any) -> None:
    job = project.load(ECHO).job
    assert command(job, "run", "--count", "3", "--limit", "4", "--run-id", "r").code == 0
    assert "'limit': 4" in command(job, "run", "--resume", "r").out
    assert "'limit': 4" in command(job, "run", "--resume", "r", "--count", "3", "--limit", "4").out
    other = command(job, "run", "--resume", "r", "--limit", "5")
    assert (other.code, other.out) == (2, "")
    assert "limit: was 4, is 5" in other.err


def test_help_shows_parameters_and_examples(project: Project, command: Any) -> None:
    job = project.load(ECHO).job
    found = command(job, "run", "--help")
    assert found.code == 0
    for text in (
        "usage: python work.py run",
        "Run the flow 'job' on this machine",
        "Echo what it is given.",
        "--count VALUE",
        "int (required)",
        "float (default: 0.5)",
        "date (YYYY-MM-DD) or null",
        "one of RED, BLUE",
        "examples:",
        "python work.py run --resume RUN_ID",
    ):
        assert text in found.out
    assert "--limit" not in found.out, "the flow body cannot be evaluated without --count"
    free = project.load(ECHO.replace("count: int,", "count: int = 1,")).job
    assert "--limit VALUE" in command(free, "run", "-h").out
    wrong = project.load(ECHO.replace("count: int,", "count: int = 1,").replace("return first(", "return [][1](")).job
    assert command(wrong, "run", "-h").code == 0


def test_the_other_words(project: Project, command: Any) -> None:
    job = project.load(ECHO).job
    assert command(job, "--version").out == command(job, "version").out == command(job, "-V").out
    assert command(job, "version").out.startswith("lokki 0.")
    assert "example: python flow.py config --json" in command(job, "config", "--help").out


def test_main_takes_a_flow(project: Project, command: Any) -> None:
    module = project.load(ECHO)
    for wrong in (module.first, None, module.job.fn):
        found = command(wrong, "run")
        assert found.code == 2
        assert "main() takes a @flow" in found.err


@pytest.mark.parametrize(
    ("result", "printed"),
    [
        ("'text'", "text\n"),
        ("None", ""),
        ("[1, None]", "[1, None]\n"),
        ("''", "\n"),
        ("0", "0\n"),
        ("'a\\ud800b'", "a\\ud800b\n"),
        ("'ä→'", "ä→\n"),
        ("'x' * 100_000", "x" * 100_000 + "\n"),
    ],
)
def test_the_result_alone_goes_to_stdout(project: Project, result: str, printed: str) -> None:
    project.write(SMALL.format(result=result))
    found = project.cli("run", env={"PYTHONUTF8": "1"})
    assert found.returncode == 0, found.stderr
    assert found.stdout == printed


NOISY = """
    import subprocess, logging
    def noise(what):
        print("print", what)
        sys.stdout.write(f"write {what}\\n")
        os.write(1, f"fd {what}\\n".encode())
        subprocess.run(["echo", f"echo {what}"])
        print("error", what, file=sys.stderr)
        logging.warning("log %s", what)
    print("imported")
    @step
    def items(): noise("items"); return range(2)
    @step
    def work(x): noise("work"); return x
    @step
    def gather(xs): noise("gather"); return "the result"
    @flow
    def job():
        noise("body")
        return items().map(work).agg(gather)
"""


@pytest.mark.parametrize("executor", ["thread", "process"])
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_what_steps_print_does_not_mix_with_the_result(project: Project, executor: str, method: str) -> None:
    head = f"import multiprocessing\nif __name__ == '__main__': multiprocessing.set_start_method({method!r})\n"
    project.write(NOISY, head=head)
    found = project.cli("run", "--executor", executor, "--workers", "2")
    assert found.returncode == 0, found.stderr
    assert found.stdout == "imported\nthe result\n"
    for what in ("body", "items", "work", "gather"):
        for how in ("print", "write", "fd", "echo", "error", "WARNING:root:log"):
            assert f"{how} {what}\n" in found.stderr
    assert found.stderr.count("print work\n") == 2


def test_a_failed_run(project: Project) -> None:
    project.write("""
        @step
        def items(): return range(3)
        def helper(x):
            return 1 // (x - 1)
        @step
        def work(x): return helper(x)
        @flow
        def job(): return items().map(work)
    """)
    found = project.cli("run", "--run-id", "r1", "--workers", "1")
    assert (found.returncode, found.stdout) == (1, "")
    tail = found.stderr[found.stderr.index("error:") :].splitlines()
    assert tail[0] == (
        "error: flow 'job', step 'work', item 1: failed after 1 attempt:"
        " ZeroDivisionError: integer division or modulo by zero"
    )
    assert tail[1] == "Traceback (most recent call last):"
    assert [line.rpartition(", in ")[2] for line in tail if line.startswith("  File")] == ["work", "helper"]
    assert tail[-2] == "ZeroDivisionError: integer division or modulo by zero"
    assert tail[-1] == f"Go on with: python {project.folder}/work.py run --resume r1"
    debug = project.cli("run", "--debug", "--store", "memory")
    assert "lokki/runner/" in debug.stderr
    assert "Go on with" not in debug.stderr


def test_a_tolerant_run_that_failed_shows_the_first_failure(project: Project) -> None:
    project.write("""
        @step
        def items(): return range(3)
        @step
        def work(x): raise ValueError(f"bad {x}")
        @flow
        def job(): return items().map(work, tolerated_failure_percentage=10)
    """)
    found = project.cli("run", "--workers", "1")
    assert found.returncode == 1
    assert "error: flow 'job', map 'work': 1 of 3 items failed, more than the 10 % it tolerates." in found.stderr
    assert found.stderr.splitlines()[-2] == "ValueError: bad 0"


def test_a_flow_that_is_written_wrongly(project: Project) -> None:
    project.write("""
        @step
        def first(): return 1
        @flow
        def job(): return first().agg(first)
    """)
    found = project.cli("run")
    assert (found.returncode, found.stdout) == (2, "")
    assert "work.py:" in found.stderr
    assert ".agg was called on step 'first'" in found.stderr
    project.write("""
        @step
        def first(): return 1
        @flow
        def job(): return first(x={}["nope"])
    """)
    found = project.cli("run")
    assert found.returncode == 2
    assert "KeyError: 'nope'" in found.stderr
    assert "lokki/" not in found.stderr.replace(str(project.folder), "")


def test_a_wrong_configuration(project: Project, command: Any) -> None:
    (project.folder / "lokki.toml").write_text("[local]\nworkerz = 3\n", encoding="utf-8")
    found = command(project.load(SMALL.format(result="1")).job, "run")
    assert found.code == 2
    assert "workers" in found.err
    (project.folder / "lokki.toml").write_text("[local]\nworkers = 3\n", encoding="utf-8")
    (project.folder / "lokki.yml").write_text("build_dir: x\n", encoding="utf-8")
    found = command(project.load(SMALL.format(result="1")).job, "run")
    assert (found.code, found.out) == (0, "1\n")
    assert "warning: " in found.err


def test_the_configuration_decides_what_options_leave_open(project: Project, command: Any) -> None:
    (project.folder / "lokki.toml").write_text(
        "[local]\nstore_type = 'memory'\n[logging]\nlevel = 'WARNING'\n", encoding="utf-8"
    )
    job = project.load(SMALL.format(result="1")).job
    found = command(job, "run")
    assert (found.out, found.err) == ("1\n", "")
    assert project.run_ids() == []
    assert command(job, "run", "--store", "local").code == 0
    assert len(project.run_ids()) == 1


def test_a_bug_of_ours_is_called_one(project: Project, command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    job = project.load(SMALL.format(result="1")).job

    def broken(*args: object) -> None:
        raise RuntimeError("what now")

    monkeypatch.setattr("lokki.runner.local.new_run_id", broken)
    found = command(job, "run")
    assert found.code == 3
    assert "lokki has a bug: RuntimeError: what now\nPlease report it with the output of --debug." in found.err
    assert "Traceback" in command(job, "run", "--debug").err


# Streams that fail


def test_a_closed_pipe_is_no_traceback(project: Project) -> None:
    for result in ("'short'", "'x' * 100_000"):
        project.write(SMALL.format(result=result))
        reader, writer = os.pipe()
        os.close(reader)
        with project.start("run", stdout=writer) as process:
            os.close(writer)
            err = process.stderr.read()
        assert process.returncode == 1
        assert "Traceback" not in err
        assert "Exception ignored" not in err
        assert "bug" not in err


def test_a_full_stdout_is_one_clear_error(project: Project) -> None:
    for result in ("'short'", "'x' * 100_000"):
        project.write(SMALL.format(result=result))
        with open("/dev/full", "w", encoding="utf-8") as full, project.start("run", stdout=full) as process:
            err = process.stderr.read()
        assert process.returncode == 1
        assert err.count("error: stdout cannot be written to: No space left on device.") == 1
        assert "Traceback" not in err
        with open("/dev/full", "w", encoding="utf-8") as full, project.start("help", stdout=full) as process:
            err = process.stderr.read()
        assert process.returncode == 1
        assert err == "error: stdout cannot be written to: No space left on device.\n"


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "1>&- 2>&-", "0<&- 1>&- 2>&-"])
@pytest.mark.parametrize("executor", ["thread", "process"])
def test_closed_streams(project: Project, closed: str, executor: str) -> None:
    project.write(NOISY.replace("noise(what):", "noise(what):\n        return"))
    line = f"{sys.executable} work.py run --workers 2 --executor {executor} {closed}"
    found = subprocess.run(  # noqa: S602  # the shell closes streams
        line, shell=True, cwd=project.folder, env=project.variables(), capture_output=True, text=True, check=False
    )
    assert found.returncode == 0
    assert found.stdout == ("imported\nthe result\n" if "1>&-" not in closed else "")
    assert "Traceback" not in found.stderr
    (run_id,) = project.run_ids()
    document = json.loads((project.folder / f".lokki/job/runs/{run_id}/run.json").read_text(encoding="utf-8"))
    assert document["status"] == "succeeded"


# Places that fail


def test_a_full_disk_is_one_clear_error(project: Project) -> None:
    project.write("""
        import resource
        @step
        def items(): return range(50)
        @step
        def work(x):
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
            return os.urandom(600_000)
        @flow
        def job(): return items().map(work)
    """)
    for executor in ("thread", "process"):
        found = project.cli("run", "--executor", executor, "--workers", "2")
        assert (found.returncode, found.stdout) == (1, "")
        (line,) = [line for line in found.stderr.splitlines() if line.startswith("error:")]
        assert "File too large" in line or "too large" in line.lower(), line
        assert "Traceback" not in found.stderr
        assert "bug" not in found.stderr


def test_a_folder_that_cannot_be_written(project: Project) -> None:
    project.write(SMALL.format(result="1"))
    (project.folder / ".lokki").touch()
    found = project.cli("run")
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith("error: file://")
    assert len(found.stderr.splitlines()) == 1


def test_an_unguarded_main_in_a_spawned_worker(project: Project) -> None:
    source = """
        import multiprocessing
        multiprocessing.set_start_method("spawn", force=True)
        @step
        def items(): return [1]
        @step
        def work(x): return x
        @flow
        def job(): return items().map(work)
    """
    path = project.write(source)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("if __name__ == '__main__':", "if True:"), encoding="utf-8")
    found = project.cli("run", "--executor", "process", "--workers", "1")
    assert found.returncode == 1
    assert "main() was called while a worker process imported the flow file." in found.stderr
    assert "if __name__ == '__main__': main(...)" in found.stderr
    assert len(project.run_ids()) == 1


def test_bound_arguments_that_cannot_be_kept(project: Project, command: Any) -> None:
    job = project.load("""
        @step
        def first(what): return 1
        @flow
        def job(): return first(what=lambda: 1)
    """).job
    for store in ("local", "memory"):
        found = command(job, "run", "--store", store)
        assert found.code == 2
        assert "error: flow 'job': argument 'what' of step 'first', a function, cannot be pickled" in found.err


def test_large_numbers_and_odd_texts_pass(project: Project, command: Any, tmp_path: Path) -> None:
    job = project.load("""
        @step
        def first(**params): return sorted(params.items())
        @flow
        def job(big: int = 0, text: str = "", any=None): return first()
    """).job
    big = "9" * 4000
    assert command(job, "run", "--big", big).out == f"[('any', None), ('big', {big}), ('text', '')]\n"
    assert command(job, "run", "--big", "-5", "--text=-x --y", "--any", "[1]").out == (
        "[('any', [1]), ('big', -5), ('text', '-x --y')]\n"
    )


def test_errors_of_the_step_own_kind_pass_through(project: Project, command: Any) -> None:
    job = project.load("""
        from lokki import LokkiError
        @step
        def first(): raise LokkiError("mine", hint="Do better.")
        @flow
        def job(): return first()
    """).job
    found = command(job, "run")
    assert found.code == 1
    assert "failed after 1 attempt: LokkiError: mine Do better." in found.err
    assert issubclass(LokkiError, Exception)
