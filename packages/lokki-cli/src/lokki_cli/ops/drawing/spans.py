"""Lines of text whose parts say what they are, so that a terminal may colour them. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Literal

Role = Literal["title", "name", "detail", "frame"]

Span = tuple[Role, str]
"""What a piece of a line is, and its text."""

Line = tuple[Span, ...]


def cells(text: str) -> int:
    """How many columns of a terminal `text` takes: two for each wide character, none for a combining one."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) > 0 for char in text)


def width(line: Line) -> int:
    """How many columns a line takes."""
    return sum(cells(text) for _, text in line)


def plain(line: Line) -> str:
    """A line without roles and without blanks at its end."""
    return "".join(text for _, text in line).rstrip()


def joined(phrases: Iterable[str], room: int, mark: str) -> list[str]:
    """Phrases put together with `mark`, on as few lines of at most `room` columns as they take.

    A phrase that is longer than that has a line of its own.
    """
    lines: list[str] = []
    for phrase in phrases:
        longer = f"{lines[-1]} {mark} {phrase}" if lines else phrase
        if lines and cells(longer) <= room:
            lines[-1] = longer
        else:
            lines.append(phrase)
    return lines
