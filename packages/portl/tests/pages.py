"""Pages whose examples are run: files, commands and what they print, each chapter in a folder of its own."""

from __future__ import annotations

import re
import shlex
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_NAMED = re.compile(r"\*\*`([^`]+)`\*\*\s*\Z")


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    language: str
    text: str
    name: str = ""
    """The file that the line above says it is."""

    def commands(self) -> list[tuple[str, str]]:
        """The commands of a console block, each with what it prints."""
        parts = re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]
        return [(command, printed) for command, _, printed in (part.partition("\n") for part in parts)]


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a text, in order."""
    for match in _FENCE.finditer(text):
        named = _NAMED.search(text[: match.start()])
        yield Block(match[1], match[2], named[1] if named else "")


def chapters(page: Path) -> dict[str, list[Block]]:
    """`{title: blocks}` of each chapter that has any."""
    parts = re.split(r"^## (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = {title: list(blocks(text)) for title, text in zip(parts[1::2], parts[2::2], strict=True)}
    return {title: inside for title, inside in found.items() if inside}


@dataclass(frozen=True)
class Shell:
    """Understands the three commands of the pages: portl, sqlite3 and cat."""

    folder: Path
    portl: Callable[[list[str]], str]
    """What `portl WORDS` prints."""

    def run(self, command: str) -> str:
        """What the command prints."""
        words = shlex.split(command)
        if words[0] == "portl":
            return self.portl(words[1:])
        if words[0] == "cat":
            return "".join((self.folder / name).read_text(encoding="utf-8") for name in words[1:])
        assert words[0] == "sqlite3", command
        return self._sqlite(words[1:])

    def _sqlite(self, words: list[str]) -> str:
        options = [word for word in words if word.startswith("-")]
        database, *rest = [word for word in words if word not in options]
        if rest[0] == "<":
            rest = [(self.folder / rest[1]).read_text(encoding="utf-8")]
        connection = sqlite3.connect(self.folder / database)
        try:
            if "-csv" not in options:
                connection.executescript(rest[0])
                return ""
            cursor = connection.execute(rest[0])
            head = [[column[0] for column in cursor.description]] if "-header" in options else []
            return _as_csv([*head, *cursor.fetchall()])
        finally:
            connection.close()


def _as_csv(rows: Sequence[Sequence[object]]) -> str:
    """As sqlite3 writes them: a field with a blank stands in quotes too."""
    fields = [["" if value is None else str(value) for value in row] for row in rows]
    return "".join(",".join(map(_quoted, row)) + "\n" for row in fields)


def _quoted(field: str) -> str:
    return '"' + field.replace('"', '""') + '"' if re.search('[ ,"]', field) else field


def plain(text: str) -> str:
    """A text without what is different each time."""
    return re.sub(r"\d+\.\d+s", "0.00s", text)
