"""Draws a flow. Input: a graph and what to draw it as. Output: text, or lines for a terminal. Pure but for `save`."""

from __future__ import annotations

import os
from typing import Literal

from lokki.errors import LokkiError
from lokki.graph import FlowGraph

from ..errors import CommandLineError
from .drawing.mermaid import mermaid
from .drawing.picture import picture
from .drawing.spans import Line, plain
from .drawing.svg import svg
from .drawing.text import text_lines

Format = Literal["text", "mermaid", "svg"]

FORMATS: tuple[Format, ...] = ("text", "mermaid", "svg")

ENDINGS: dict[str, Format] = {".txt": "text", ".mmd": "mermaid", ".mermaid": "mermaid", ".svg": "svg"}
"""{ending of a file: the format it means}."""


def format_of(wanted: str | None, file: str | None) -> Format:
    """The format that was asked for, else the one that the file's ending means, else text. Raises CommandLineError."""
    for known in FORMATS:
        if wanted == known:
            return known
    if file is None:
        return "text"
    ending = os.path.splitext(file)[1].lower()
    if ending not in ENDINGS:
        raise CommandLineError(
            f"--output {file}: its ending tells no format.", hint=f"Say --format, or use {', '.join(ENDINGS)}."
        )
    return ENDINGS[ending]


def drawn(graph: FlowGraph, wanted: Format, *, columns: int = 80) -> str:
    """The drawing as one text, ending in a newline."""
    shown = picture(graph)
    if wanted == "mermaid":
        return mermaid(shown)
    if wanted == "svg":
        return svg(shown)
    return "".join(f"{plain(line)}\n" for line in text_lines(shown, columns))


def lines(graph: FlowGraph, *, columns: int, ascii_only: bool) -> list[Line]:
    """The drawing as lines whose parts a terminal may colour."""
    return text_lines(picture(graph), columns, ascii_only=ascii_only)


def save(file: str, text: str) -> None:
    """Write a drawing to a file, in UTF-8. Raises LokkiError where that fails."""
    try:
        with open(file, "w", encoding="utf-8", newline="\n") as out:
            out.write(text)
    except OSError as error:
        raise LokkiError(f"{file}: the drawing cannot be written: {error.strerror}.") from error
