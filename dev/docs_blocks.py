"""The code blocks of a Markdown page: which there are, and what each says of how it is tested.

Input: a page. Output: its blocks. Reads files.

A block may have an HTML comment right above it:

    <!-- file: NAME -->         it is written to NAME, for the blocks after it
    <!-- part of: NAME -->      it stands word for word in the file NAME beside the page
    <!-- emulator -->           it needs an AWS emulator, and is run by tests-e2e/test_docs.py
    <!-- emulator: up -->       the block that starts one; the test has one already
    <!-- aws: REASON -->        it needs an AWS account
    <!-- elsewhere: WHERE -->   it is run, but not by the tests of the pages
    <!-- not run: REASON -->    it is nothing that can be run

Without one it is run: `python` as a program, `sh` as commands that must succeed, `console` as commands whose output is
compared, `toml` as a configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from repository import ROOT

KINDS = ("file", "part of", "emulator", "aws", "elsewhere", "not run")
LANGUAGES = ("python", "sh", "console", "toml", "text", "mermaid")

_FENCE = re.compile(r"^```(\w*)$")
_COMMENT = re.compile(r"^<!-- ([a-z ]+?)(?:: (.+))? -->$")


class PageError(Exception):
    """A page is written wrongly; the text says where."""


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: Path
    line: int
    """Of the opening fence, from 1."""
    language: str
    text: str
    """Without the fences; ends with a newline."""
    kind: str = ""
    """One of KINDS, or empty: run."""
    argument: str = ""
    """What the comment says behind the colon."""

    @property
    def where(self) -> str:
        """`docs/quickstart.md:12`."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def commands(self) -> list[tuple[str, list[str]]]:
        """The commands of a console block, each with the lines it prints. A command goes on after a backslash."""
        found: list[tuple[str, list[str]]] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif found and found[-1][0].endswith("\\") and not found[-1][1]:
                found[-1] = (f"{found[-1][0]}\n{line.removeprefix('> ')}", [])
            elif found:
                found[-1][1].append(line)
            else:
                raise PageError(f"{self.where}: a console block begins with a line '$ COMMAND'.")
        return found


def pages() -> list[Path]:
    """Every page whose blocks are tested."""
    return [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("examples/*/README.md"))]


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order. Raises PageError."""
    return list(_blocks(page, page.read_text(encoding="utf-8").splitlines()))


def _blocks(page: Path, lines: list[str]) -> Iterator[Block]:
    start: int | None = None
    language = ""
    for place, line in enumerate(lines):
        if start is not None:
            if line == "```":
                yield _block(page, lines, start, place, language)
                start = None
        elif line.lstrip().startswith("```"):
            match = _FENCE.match(line)
            if match is None or match[1] not in LANGUAGES:
                raise PageError(f"{page}:{place + 1}: a block is fenced by ``` and one of {', '.join(LANGUAGES)}.")
            start, language = place, match[1]
    if start is not None:
        raise PageError(f"{page}:{start + 1}: this block does not end.")


def _block(page: Path, lines: list[str], start: int, end: int, language: str) -> Block:
    above = [line for line in lines[max(0, start - 2) : start] if line.strip()][-1:]
    match = _COMMENT.match(above[0]) if above else None
    kind, argument = (match[1], match[2] or "") if match else ("", "")
    if match and kind not in KINDS:
        raise PageError(f"{page}:{start}: '{kind}' is none of {', '.join(KINDS)}.")
    text = "".join(f"{line}\n" for line in lines[start + 1 : end])
    return Block(page, start + 1, language, text, kind, argument)
