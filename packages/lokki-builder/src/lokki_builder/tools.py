"""Other people's programs a build needs: uv, pip, and the Python that functions will run on.

The only module that starts processes. Raises PackagingError with what the program said.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lokki import environment

from .errors import PackagingError

Run = Callable[[Sequence[str], str | None, Mapping[str, str]], "Finished"]
"""Runs a command in a folder (None: the working directory) with variables above the environment's."""


@dataclass(frozen=True)
class Finished:
    """A program that ended."""

    code: int
    """0 where it succeeded; 127 where it is not there."""
    out: str
    err: str


def run(command: Sequence[str], folder: str | None, variables: Mapping[str, str]) -> Finished:
    """Run `command` to its end."""
    env = {**environment.variables(), **variables}
    try:
        done = subprocess.run(  # noqa: S603  # commands are built here, from paths and options, without a shell
            list(command), cwd=folder, env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
    except OSError as error:
        return Finished(127, "", str(error))
    return Finished(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Tools:
    """The programs of this machine."""

    run: Run = run
    uv: tuple[str, ...] | None = None
    """How uv is started; None where it is not installed."""
    python: str = sys.executable
    """A Python that has pip."""

    @classmethod
    def found(cls) -> Tools:
        """Those that are installed: uv beside this Python, as a package, or on the search path."""
        return cls(uv=_find_uv())

    def export(self, project: Path) -> str:
        """The locked requirements of the project in this folder, with hashes, as a requirements file.

        Raises PackagingError without uv, and for a lock uv cannot read.
        """
        if self.uv is None:
            raise PackagingError(f"{project}: uv.lock is read by uv, which is not installed.", hint="pip install uv")
        options = ["--frozen", "--no-dev", "--no-emit-project", "--no-header", "--no-annotate", "--quiet"]
        own = [f"--prune={name}" for name in ("lokki-cli", "lokki-builder", "lokki-runtime", "lokki-core")]
        done = self.run([*self.uv, "export", *options, *own], str(project), {})
        return _checked(done, f"{project}: uv could not read uv.lock").out

    def install(self, target: Path, requirements: Sequence[str], python: str, platform: str) -> None:
        """Install requirements (options of `pip install`) for another Python and platform into the folder `target`.

        `platform` is a wheel's: `manylinux_2_28_x86_64`. Only wheels are used, since nothing can be built for another
        machine. By uv, or by pip where uv does not run. Raises PackagingError with what they said.
        """
        failures = []
        for command in self._installers(target, python, platform):
            done = self.run([*command, *requirements], None, {"PYTHONDONTWRITEBYTECODE": "1"})
            if done.code == 0:
                return
            failures.append((done.err or done.out).strip())
        raise PackagingError(
            "the dependencies could not be installed for " + f"Python {python} on {platform}: " + "\n".join(failures),
            hint="Every one of them needs a wheel for that platform.",
        )

    def compile(self, folder: Path, python: str, task_root: str) -> bool:
        """Compile the modules below `folder`, which will lie at `task_root`, with Python `python`; False without one.

        The byte code is never checked against its source, and holds nothing of this machine's paths.
        """
        interpreter = self._interpreter(python)
        if interpreter is None:
            return False
        options = ["-q", "-q", "--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", task_root, str(folder)]
        # A hash seed, because the order of sets in byte code depends on it; files of other Pythons may not compile.
        self.run([interpreter, "-m", "compileall", *options], None, {"PYTHONHASHSEED": "0"})
        return True

    def _installers(self, target: Path, python: str, platform: str) -> list[list[str]]:
        folder = ["--target", str(target), "--only-binary", ":all:"]
        uv_platform = _uv_platform(platform)
        uv = ["pip", "install", "--quiet", "--link-mode", "copy", "--python", self.python]
        pip = ["-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
        wanted = ["--python-version", python]
        by_uv = [[*self.uv, *uv, *wanted, "--python-platform", uv_platform, *folder]] if self.uv else []
        platforms = [f"--platform={name}" for name in compatible(platform)]
        return [*by_uv, [self.python, *pip, *wanted, *platforms, *folder]]

    def _interpreter(self, version: str) -> str | None:
        """A Python of this version: this one, one on the search path, or one that uv knows."""
        if version == f"{sys.version_info.major}.{sys.version_info.minor}":
            return sys.executable
        candidates = [[f"python{version}", "-c", "import sys; print(sys.executable)"]]
        candidates += [[*self.uv, "python", "find", "--no-python-downloads", version]] if self.uv else []
        for candidate in candidates:
            done = self.run(candidate, None, {})
            if done.code == 0:
                return done.out.strip()
        return None


def compatible(platform: str) -> list[str]:
    """Tags of wheels that run on `platform`: itself and older ones, because pip has to be told each."""
    glibc, arch = _glibc(platform)
    return [*(f"manylinux_2_{minor}_{arch}" for minor in range(glibc, 16, -1)), f"manylinux2014_{arch}"]


def _glibc(platform: str) -> tuple[int, str]:
    """`manylinux_2_28_x86_64` as (28, `x86_64`)."""
    _, _, minor, arch = platform.split("_", 3)
    return int(minor), arch


def _uv_platform(platform: str) -> str:
    """`manylinux_2_28_x86_64` as uv says it: `x86_64-manylinux_2_28`."""
    glibc, arch = _glibc(platform)
    return f"{arch}-manylinux_2_{glibc}"


def _find_uv() -> tuple[str, ...] | None:
    beside = os.path.join(os.path.dirname(sys.executable), "uv")
    if os.access(beside, os.X_OK):
        return (beside,)
    if importlib.util.find_spec("uv"):
        return (sys.executable, "-m", "uv")
    path = shutil.which("uv")
    return (path,) if path else None


def _checked(done: Finished, what: str) -> Finished:
    if done.code != 0:
        raise PackagingError(f"{what}: {(done.err or done.out).strip()}")
    return done
