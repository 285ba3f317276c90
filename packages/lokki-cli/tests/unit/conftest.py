"""Flow files as their authors write them, and the command line in all its spellings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from lokki import environment

EXAMPLES = Path(__file__).parents[4] / "examples"

BIRDS = """
    from lokki import flow, main, step

    @step
    def get_birds(limit=3):
        return ["goose", "duck", "seagull"][:limit]

    @step
    def flap(bird):
        return f"flappy {bird}"

    @flow
    def birds_flow():
        return get_birds(limit=3).map(flap)

    if __name__ == "__main__":
        main(birds_flow)
"""

DAILY = """
    from datetime import date
    from enum import Enum
    from lokki import flow, main, step

    class Size(Enum):
        SMALL = 1
        LARGE = 2

    @step
    def make(day, size):
        return f"{day} {size.name}"

    @flow
    def daily_flow(day: date, size: Size, output: str = "out.csv", fast: bool = False):
        '''Make a day.'''
        return make(day.replace(day=5), size)

    if __name__ == "__main__":
        main(daily_flow)
"""

Finished = subprocess.CompletedProcess[str]

SPELLINGS = ("script", "lokki-cli", "lokki", "module")
"""How one command may be typed."""


class Folder:
    """A working directory with flow files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, source: str, name: str = "birds_flow.py") -> Path:
        """A file with this text."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(source), encoding="utf-8")
        return file

    def example(self, name: str) -> Path:
        """A copy of the example's flow file, with its folder."""
        clutter = shutil.ignore_patterns(".lokki", "__pycache__", "lokki-build")
        shutil.copytree(EXAMPLES / name, self.path / name, ignore=clutter)
        return self.path / name / f"{name}_flow.py"

    def start(self, *command: str, stdin: str = "", cwd: Path | None = None, **env: str) -> Finished:
        """Run a program here, to its end."""
        ours = ("LOKKI_", "AWS_", "NO_COLOR", "TERM", "COLUMNS", "FORCE_COLOR")
        plain = {name: value for name, value in environment.variables().items() if not name.startswith(ours)}
        return subprocess.run(
            command,
            cwd=cwd or self.path,
            env={**plain, "HOME": str(self.path), **env},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def cli(self, *words: str, stdin: str = "", cwd: Path | None = None, **env: str) -> Finished:
        """`lokki-cli WORDS`."""
        return self.start(program("lokki-cli"), *words, stdin=stdin, cwd=cwd, **env)

    def spelled(self, spelling: str, command: str, file: str, *words: str) -> Finished:
        """One command in one of its spellings."""
        if spelling == "script":
            return self.start(sys.executable, file, command, *words)
        start = [sys.executable, "-m", "lokki_cli"] if spelling == "module" else [program(spelling)]
        return self.start(*start, command, file, *words)


def program(name: str) -> str:
    """A console script beside this Python."""
    return os.path.join(os.path.dirname(sys.executable), name)


def tree(folder: Path) -> Mapping[str, bytes]:
    """{path: content} of all files below a folder."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty working directory."""
    return Folder(tmp_path)


@pytest.fixture
def here(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    """The same as the working directory of this process, which forgets afterwards what it imported from it."""
    monkeypatch.chdir(folder.path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(str(folder.path)):
            del sys.modules[name]
