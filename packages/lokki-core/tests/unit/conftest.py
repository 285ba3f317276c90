"""Flow files as their authors write them: loaded into this process, or run as `python flow.py …` in another."""

from __future__ import annotations

import importlib.util
import itertools
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from lokki import environment
from lokki.clock import SYSTEM_CLOCK
from lokki.runner import LocalRunner, RunResult
from lokki.runner.events import Event

PRELUDE = '''\
import os, sys, time
from collections.abc import Iterable
from lokki import ItemFailure, RetryConfig, flow, main, run, step
HERE = os.path.dirname(os.path.abspath(__file__))
def mark(name, *what):
    """Say in a file that this was executed."""
    with open(os.path.join(HERE, name + ".log"), "a") as file:
        file.write(" ".join(map(str, what)) + "\\n")
def wait_for(name):
    """Wait until the test makes this file."""
    while not os.path.exists(os.path.join(HERE, name)):
        time.sleep(0.002)
'''

SUFFIX = "\nif __name__ == '__main__':\n    main({flow})\n"

HANG_S = 60
"""After this long something hangs, in seconds."""


class Project:
    """A folder with flow files."""

    _names = itertools.count()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[Event] = []
        self.root = str(folder / ".lokki")

    def write(self, source: str, name: str = "work.py", *, flow: str = "job", head: str = "") -> Path:
        """A flow file to be run by `cli`; `head` comes before everything else."""
        path = self.folder / name
        text = head + PRELUDE + textwrap.dedent(source) + SUFFIX.format(flow=flow)
        path.write_text(text, encoding="utf-8")
        return path

    def load(self, source: str) -> Any:
        """The module that a flow file makes, under a name of its own."""
        name = f"flow_under_test_{next(self._names)}"
        path = self.folder / f"{name}.py"
        path.write_text(PRELUDE + textwrap.dedent(source), encoding="utf-8")
        return self._load(name, path)

    def change(self, module: Any, source: str) -> Any:
        """The same module after its author changed the file."""
        path = Path(module.__file__)
        path.write_text(PRELUDE + textwrap.dedent(source), encoding="utf-8")
        return self._load(module.__name__, path)

    def _load(self, name: str, path: Path) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        code = compile(path.read_text(encoding="utf-8"), str(path), "exec")
        exec(code, vars(module))  # noqa: S102  # the test's own text; byte code is not cached, so that changes count
        return module

    def runner(self, **options: Any) -> LocalRunner:
        """A runner whose events are kept in `events`."""
        return LocalRunner(**{"root": self.root, "workers": 4, "listener": self.events.append, **options})

    def run(
        self,
        flow: Any,
        params: Mapping[str, Any] | None = None,
        *,
        run_id: str | None = None,
        resume: str | None = None,
        **options: Any,
    ) -> RunResult:
        """Run `flow`, or go on with a run of it, in this process."""
        runner = self.runner(**options)
        try:
            return runner.resume(flow, resume, params) if resume else runner.run(flow, params, run_id=run_id)
        finally:
            if runner.pool is not None:
                runner.pool.join()

    def value(self, source: str, **options: Any) -> Any:
        """What the flow `job` of a file returns."""
        return self.run(self.load(source).job, **options).value

    def marks(self, name: str) -> list[str]:
        """What was executed, in order."""
        path = self.folder / f"{name}.log"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def wait_for_marks(self, name: str, count: int, process: subprocess.Popen[str] | None = None) -> None:
        """Wait until so much was executed."""
        begin = SYSTEM_CLOCK.monotonic()
        while len(self.marks(name)) < count:
            assert SYSTEM_CLOCK.monotonic() - begin < HANG_S, self.marks(name)
            assert process is None or process.poll() is None, process.communicate()
            SYSTEM_CLOCK.sleep(0.005)

    def variables(self, **more: str) -> dict[str, str]:
        """The environment of the command line, without what would make it another one."""
        ours = ("LOKKI_", "AWS_", "NO_COLOR", "TERM", "PYTHONUNBUFFERED")
        plain = {name: value for name, value in environment.variables().items() if not name.startswith(ours)}
        return {**plain, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "HOME": str(self.folder), **more}

    def start(
        self,
        *words: str,
        file: str = "work.py",
        env: Mapping[str, str] | None = None,
        covered: bool = False,
        **options: Any,
    ) -> Any:
        """Start `python work.py WORDS`; not `covered` where signals come: they can leave a lock of coverage locked."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
        command = [sys.executable, str(self.folder / file), *words]
        variables = self.variables(**(env or {}))
        if not covered:
            variables = {name: value for name, value in variables.items() if not name.startswith("COVERAGE")}
        return subprocess.Popen(command, cwd=self.folder, env=variables, **pipes)

    def cli(
        self,
        *words: str,
        file: str = "work.py",
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        **options: Any,
    ) -> subprocess.CompletedProcess[str]:
        """`python work.py WORDS`, to its end."""
        with self.start(*words, file=file, env=env, covered=True, stdin=subprocess.PIPE, **options) as process:
            try:
                out, err = process.communicate(stdin, timeout=HANG_S)
            finally:
                process.kill()
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def run_ids(self, flow: str = "job") -> list[str]:
        """The runs that are kept, by name."""
        runs = self.folder / ".lokki" / flow / "runs"
        return sorted(path.name for path in runs.iterdir() if not path.name.startswith(".")) if runs.exists() else []


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A folder for flow files; the environment and the modules are as before afterwards."""
    modules, variables = set(sys.modules), dict(os.environ)  # steps may set variables
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield Project(tmp_path)
    for name in [name for name in sys.modules if name not in modules and name.startswith("flow_under_test")]:
        del sys.modules[name]
    for name in set(os.environ) - set(variables):  # see above
        del os.environ[name]  # see above
    assert {number: signal.getsignal(number) for number in handlers} == handlers
