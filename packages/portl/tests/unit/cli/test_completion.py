"""What shells ask while somebody types."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from portl.cli.app import invoke
from portl.environment import variables


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_a_start_up_file_takes(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["completion", shell]) == 0
    said = capsys.readouterr().out
    assert "_PORTL_COMPLETE=" in said
    program = shutil.which(shell)
    if program is not None:
        subprocess.run([program, "-n"], input=said, text=True, check=True)


def test_another_shell(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["completion", "tcsh"]) == 2


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("portl ru", {"run", "runs"}),
        ("portl outbox dr", {"drain"}),
        ("portl run job.yaml --dry-run ", {"offline", "check", "rollback"}),
        ("portl run --lim", {"--limit"}),
    ],
)
def test_how_a_word_may_go_on(typed: str, offered: set[str]) -> None:
    words = typed.split(" ")
    asked = {"_PORTL_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-m", "portl"], env={**variables(), **asked}, capture_output=True, text=True, check=True
    )
    assert {line.partition(",")[2] for line in done.stdout.splitlines()} == offered
    assert done.stderr == ""
