"""A `Diff` as lines for a terminal: what is added, changed and removed, each with its sign.

Input: a Diff. Output: rows for `ui.styled`. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .ops.changes import Diff, Line

Row = Sequence[tuple[str, str]]

_ROLES = {"+": "good", "~": "busy", "-": "bad"}


def rows(diff: Diff) -> Iterator[Row]:
    """The whole of it, a heading before each kind."""
    for heading, lines in (
        ("resources", diff.resources),
        ("permissions", diff.statements),
        ("states", diff.states),
    ):
        if lines:
            yield [("title", heading)]
            width = min(max(len(line.name) for line in lines), 50)
            yield from (_row(line, width) for line in lines)


def _row(line: Line, width: int) -> Row:
    role = _ROLES[line.sign]
    return [
        ("", "  "),
        (role, f"{line.sign} {line.name:<{width}}"),
        ("detail", f"  {line.detail}" if line.detail else ""),
    ]
