"""What a terminal shows: a live line while waiting, colours, and none with NO_COLOR."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from pathlib import Path

from lokki import environment

from ..conftest import Folder, program
from .deployed import BUCKET, Cloud
from .flows import BIRDS


def on_a_terminal(folder: Path, *words: str, **env: str) -> str:
    """What `lokki-cli WORDS` writes to a terminal of 24 lines and 80 columns."""
    ours, theirs = pty.openpty()
    known = {name: value for name, value in environment.variables().items() if name not in ("NO_COLOR", "COLUMNS")}
    command = [program("lokki-cli"), *words]
    with subprocess.Popen(
        command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env={**known, "TERM": "xterm", **env}
    ) as process:
        os.close(theirs)
        written = b""
        while True:
            try:
                some = os.read(ours, 65536)
            except OSError:  # the other end was closed
                break
            if not some:
                break
            written += some
        process.wait(timeout=60)
    os.close(ours)
    return written.decode().replace("\r\n", "\n")


def plain(text: str) -> str:
    """Text without the terminal's control sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_waiting_for_a_run(here: Folder, aws: Cloud, in_aws: None) -> None:
    here.write(BIRDS)
    aws.deploy(here.path, "birds_flow.py", "birds_flow")
    aws.states.reveal = 8
    shown = on_a_terminal(here.path, "invoke", "birds_flow.py", "--wait", "--run-id", "x")
    assert "\x1b[32m✓\x1b[0m get_birds" in shown
    lines = plain(shown).splitlines()
    assert "Run 'x' of flow 'birds-flow' started." in lines[0]
    assert [re.sub(r" [\d.]+s$", "", line.split("\r")[-1]) for line in lines if "✓" in line] == [
        "✓ get_birds",
        "✓ flap × 3 items",
        "✓ join",
        "✓ birds-flow x",
    ]
    assert lines[-1] == "flappy goose, flappy duck, flappy seagull"


def test_colours_and_none(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS)
    here.write(f"[aws]\nartifact_bucket = '{BUCKET}'\nendpoint = '{aws.url}'\n", "lokki.toml")
    aws.deploy(here.path, "birds_flow.py", "birds_flow")
    on_a_terminal(here.path, "invoke", "birds_flow.py", "--run-id", "x")
    for words in (["graph", "birds_flow.py"], ["show", "birds_flow.py", "--run", "x"], ["logs", "birds_flow.py"]):
        coloured = on_a_terminal(here.path, *words)
        without = on_a_terminal(here.path, *words, NO_COLOR="1")
        assert re.search(r"\x1b\[(\d;)*3\dm", coloured), words
        assert not re.search(r"\x1b\[(\d;)*3\dm", without), words
        assert plain(coloured) == plain(without)
        assert all(len(line) <= 80 for line in plain(coloured).splitlines() if "flap" in line)
