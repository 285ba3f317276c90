"""Runs the blocks of a page as a reader would, from the first to the last, in a folder that is new.

Input: blocks, and the variables of an AWS emulator where there is one. Output: none, or BlockError with what was
expected and what came. Starts processes, writes below the folder it was given. By hand, to see what every command
prints: python dev/docs_runner.py docs/concepts.md
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from docs_blocks import Block, blocks
from lokki.config import load_config
from repository import ROOT

ANYTHING = "…"
"""A line of the page that stands for any lines, or none."""

SAME = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?"), "TIME"),
    (re.compile(r"\b\d{8}T\d{6}(\.\d+)?Z-[0-9a-f]+\b"), "DEPLOYMENT"),
    (re.compile(r"\b\d\d:\d\d:\d\d(\.\d+)?\b"), "TIME"),
    (re.compile(r"\b\d{8}-\d{6}-[0-9a-f]{6}\b"), "RUN"),
    (re.compile(r"(?<![\w.])\d+(\.\d+)? ?(s|ms|min|seconds?)\b"), "SECONDS"),
    (re.compile(r"(?<![\w.])\d+(\.\d+)? ?(bytes|kB|KB|MB|KiB|MiB)\b"), "SIZE"),
    (re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{12,64}\b"), "HASH"),
    (re.compile(r"http://[\d.]+:\d+"), "ENDPOINT"),
    (re.compile(r" {2,}"), "  "),
)
"""What differs from run to run, and what it is read as."""

_LOG = re.compile(r"^\[(INFO|DEBUG)\] ")


class BlockError(AssertionError):
    """A block does not do what its page says."""


@dataclass
class Reader:
    """Somebody who follows a page: a clone of this repository that is set up, and an empty home."""

    folder: Path
    emulator: Mapping[str, str] | None = None
    """Variables of an AWS emulator; None: blocks that need one are passed over."""
    talk: bool = False
    """Whether to print what commands print."""
    _state: Path = field(init=False)
    """A script that restores folder and variables of the command before."""

    def follow(self, page: Path) -> None:
        """Run all blocks of a page. Raises BlockError at the first that does something else."""
        self.prepare(page)
        for block in blocks(page):
            self.do(block)

    def prepare(self, page: Path) -> None:
        """Make the folders, and begin where a page's commands are typed."""
        clone, home = self.folder / "clone", self.folder / "home"
        home.mkdir(parents=True)
        (clone / "dev").mkdir(parents=True)
        ignored = shutil.ignore_patterns(".*", "__pycache__", "lokki-build")
        shutil.copytree(ROOT / "examples", clone / "examples", ignore=ignored)
        # Whoever runs this has run dev/bootstrap, or tox has done the same.
        bootstrap = clone / "dev" / "bootstrap"
        bootstrap.write_text("#!/bin/sh\n", encoding="utf-8")
        bootstrap.chmod(0o755)
        (clone / ".venv").symlink_to(sys.prefix)
        start = clone / page.parent.relative_to(ROOT) if page.parent != ROOT / "docs" else clone
        self._state = self.folder / "state"
        self._state.write_text(f"cd {start}\n", encoding="utf-8")

    def do(self, block: Block) -> None:
        """Run a block, or pass over it. Raises BlockError."""
        if block.kind in ("aws", "elsewhere", "not run") or (block.kind == "emulator" and self.emulator is None):
            return
        if block.kind == "part of":
            self._compare_part(block)
        elif block.kind == "file":
            self._write(block)
        elif block.argument == "up":
            self._export(self.emulator or {})
        else:
            self._run(block)

    def _compare_part(self, block: Block) -> None:
        whole = (block.page.parent / block.argument).read_text(encoding="utf-8")
        if block.text.strip() not in whole:
            raise BlockError(f"{block.where}: this is not in {block.argument}.")

    def _write(self, block: Block) -> None:
        file = Path(self._shell("pwd")[1].strip()) / block.argument
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text, encoding="utf-8")

    def _export(self, variables: Mapping[str, str]) -> None:
        with self._state.open("a", encoding="utf-8") as state:
            state.writelines(f"export {name}='{value}'\n" for name, value in variables.items())

    def _run(self, block: Block) -> None:
        if block.language == "console":
            for command, expected in block.commands():
                self._console(block, command, expected)
        elif block.language == "sh":
            self._succeed(block, block.text)
        elif block.language == "python":
            program = self.folder / "block.py"
            program.write_text(block.text, encoding="utf-8")
            # As if it were saved beside the other files.
            self._succeed(block, f"PYTHONPATH=. {sys.executable} {program}")
        elif block.language == "toml":
            self._configure(block)
        else:
            raise BlockError(f"{block.where}: nobody knows how to run {block.language}; say why above it.")

    def _configure(self, block: Block) -> None:
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            (Path(folder) / "lokki.toml").write_text(block.text, encoding="utf-8")
            load_config(folder, env={}, home=folder)

    def _succeed(self, block: Block, command: str) -> None:
        code, output = self._shell(command)
        if code != 0:
            raise BlockError(f"{block.where}: exit code {code}\n{output}")

    def _console(self, block: Block, command: str, expected: Sequence[str]) -> None:
        code, output = self._shell(command)
        if code != 0:
            raise BlockError(f"{block.where}: exit code {code} of {command}\n{output}")
        if not matches(expected, output.splitlines()):
            wanted = "\n".join(expected)
            raise BlockError(f"{block.where}: {command}\nexpected:\n{wanted}\n\nfound:\n{output}")

    def _shell(self, command: str) -> tuple[int, str]:
        """Run a command where the last one left off: exit code and all output."""
        keep = f"{{ export -p; printf 'cd %q\\n' \"$PWD\"; }} >{self._state}"
        script = f". {self._state}\n{command}\ncode=$?\n{keep}\nexit $code\n"
        done = subprocess.run(
            ["bash", "-c", script],
            env=self._environment(),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        if self.talk:
            print(f"$ {command}\n{done.stdout}", flush=True)
        return done.returncode, done.stdout

    def _environment(self) -> dict[str, str]:
        foreign = ("AWS_", "COVERAGE_", "LOKKI_")  # what is measured are the tests of the packages, not a reader
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return {
            **kept,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "COLUMNS": "100",
            "HOME": str(self.folder / "home"),
            "NO_COLOR": "1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONDONTWRITEBYTECODE": "1",  # a page may change a file within the second it was written in
        }


def matches(expected: Sequence[str], found: Sequence[str]) -> bool:
    """Whether the lines are those of the page: what differs from run to run aside, and log lines if it shows none."""
    if not any(_LOG.match(line) for line in expected):
        found = [line for line in found if not _LOG.match(line)]
    pattern = "".join(
        r"(?:.*\n)*" if line == ANYTHING else re.escape(line) + r"\n" for line in _plain([*expected]).splitlines()
    )
    return re.fullmatch(pattern, _plain(found)) is not None


def _plain(lines: Sequence[str]) -> str:
    text = "\n".join(line.rstrip() for line in lines).strip("\n")
    for pattern, word in SAME:
        text = pattern.sub(word, text)
    return f"{text}\n" if text else ""


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        wanted = ("AWS_", "LOKKI_AWS_", "DOCKER_HOST")
        given = {name: value for name, value in os.environ.items() if name.startswith(wanted)}
        reader = Reader(Path(place), given if "LOKKI_AWS_ENDPOINT" in given else None, talk=True)
        reader.follow(Path(sys.argv[1]).resolve())
