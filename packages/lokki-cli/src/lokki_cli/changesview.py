"""A `Diff` as lines for a terminal: what is added, changed and removed, each with its sign.

Input: a Diff. Output: rows for `ui.styled`. Pure.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from .ops.changes import Diff, Line

Row = Sequence[tuple[str, str]]

_INDENT = "  "
_LONGEST_NAME = 50
_LEAST_ROOM = 30
"""Columns that details need beside names."""
_ROLES = {"+": "good", "~": "busy", "-": "bad"}


def rows(diff: Diff, columns: int) -> Iterator[Row]:
    """The whole of it, a heading before each kind, in lines of at most `columns`, as far as words allow."""
    for heading, lines in (
        ("resources", diff.resources),
        ("permissions", diff.statements),
        ("states", diff.states),
    ):
        if lines:
            yield [("title", heading)]
            width = min(max(len(line.name) for line in lines), _LONGEST_NAME)
            for line in lines:
                yield from _line(line, width, columns)


def _line(line: Line, width: int, columns: int) -> Iterator[Row]:
    """The name, and the detail in a column of its own; below the name where that leaves too little room."""
    name = (_ROLES[line.sign], f"{line.sign} {line.name:<{width}}")
    indent = len(_INDENT) * 2 + len(name[1])
    if columns - indent < _LEAST_ROOM:
        indent = len(_INDENT) * 3
        yield [("", _INDENT), name]
        yield from ([("", " " * indent), ("detail", part)] for part in _wrapped(line.detail, columns - indent))
        return
    first, *rest = _wrapped(line.detail, columns - indent) or [""]
    yield [("", _INDENT), name, ("detail", _INDENT + first if first else "")]
    yield from ([("", " " * indent), ("detail", part)] for part in rest)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
