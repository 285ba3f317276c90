"""The command line in this process, against servers of a test."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import pytest
from lokki_cli import app

from ..conftest import Folder

FLOW = """
    from lokki import flow, main, step

    WORD = "flappy"

    @step
    def get_birds(limit=3):
        return ["goose", "duck", "seagull"][:limit]

    @step
    def flap(bird):
        return f"{WORD} {bird}"

    @flow
    def birds_flow():
        return get_birds(limit=3).map(flap)

    if __name__ == "__main__":
        main(birds_flow)
"""


@dataclass(frozen=True)
class Finished:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """What `--json` printed."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Lokki:
    """A folder with a flow in it, and the command line."""

    folder: Folder
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: str) -> Finished:
        """`lokki-cli WORDS`."""
        self.capsys.readouterr()
        code = app.invoke(list(words), "lokki-cli", None)
        out, err = self.capsys.readouterr()
        return Finished(code, out, err)

    def configure(self, **aws: str) -> None:
        """Write `lokki.toml`, with these keys of the table `[aws]`."""
        lines = "".join(f'{key} = "{value}"\n' for key, value in aws.items())
        self.folder.write(f"[aws]\n{lines}", "lokki.toml")

    def write_flow(self, word: str = "flappy") -> None:
        """Write `birds_flow.py`; functions of another word are other code."""
        sys.modules.pop("birds_flow", None)
        file = self.folder.write(FLOW.replace("flappy", word))
        # Byte code is taken for fresh by size and whole seconds: not enough for a file rewritten within one.
        Path(cache_from_source(str(file))).unlink(missing_ok=True)
