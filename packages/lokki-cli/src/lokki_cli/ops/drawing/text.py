"""A picture in characters: steps below one another, a frame around what happens for each item. Pure.

birds-flow

get_birds   Lambda
↓
╭─ for each item of get_birds ─╮
│ flap_bird   Lambda           │
╰──────────────────────────────╯
↓
join_birds   Lambda
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .picture import Box, Group, Picture
from .spans import Line, Span, cells, joined, width

LEAST_ROOM = 24
"""Columns that a frame deep inside others still gives its contents, even where the terminal has less."""


@dataclass(frozen=True)
class Strokes:
    """The characters a picture is drawn with."""

    down: str
    across: str
    side: str
    top: tuple[str, str]
    """Its left and right corner."""
    bottom: tuple[str, str]
    """Its left and right corner."""
    mark: str
    """What stands between phrases."""


UNICODE = Strokes("↓", "─", "│", ("╭", "╮"), ("╰", "╯"), "·")
ASCII = Strokes("v", "-", "|", ("+", "+"), ("+", "+"), "-")


def text_lines(picture: Picture, columns: int, *, ascii_only: bool = False) -> list[Line]:
    """The picture in lines of at most `columns` columns, as far as names allow.

    `ascii_only` is for terminals that know no other characters.
    """
    pen = _Pen(ASCII if ascii_only else UNICODE)
    head: Line = (("title", picture.title),)
    about: list[Line] = [(("detail", line),) for line in joined(picture.details, columns, pen.strokes.mark)]
    return [head, *about, (), *pen.parts(picture.parts, columns)]


class _Pen:
    def __init__(self, strokes: Strokes) -> None:
        self.strokes = strokes

    def parts(self, parts: Iterable[Box | Group], room: int) -> list[Line]:
        lines: list[Line] = []
        for part in parts:
            if lines:
                lines.append((("frame", self.strokes.down),))
            lines += self._box(part, room) if isinstance(part, Box) else self._group(part, room)
        return lines

    def _box(self, box: Box, room: int) -> list[Line]:
        """The name and, where there is room, its details beside it."""
        name: Span = ("name", box.name)
        left = room - cells(box.name) - 3
        beside = joined(box.details, left, self.strokes.mark)
        if len(beside) == 1 and cells(beside[0]) <= left:
            return [(name, ("detail", f"   {beside[0]}"))]
        below: list[Line] = [(("detail", f"  {line}"),) for line in joined(box.details, room - 2, self.strokes.mark)]
        return [(name,), *below]

    def _group(self, group: Group, room: int) -> list[Line]:
        inner = max(room - 4, LEAST_ROOM)
        caption = f" {f' {self.strokes.mark} '.join(group.caption)} "
        fits = cells(caption) <= inner
        inside = [] if fits else joined(group.caption, inner, self.strokes.mark)
        above: list[Line] = [(("detail", line),) for line in inside]
        lines: list[Line] = [*above, *self.parts(group.parts, inner)]
        size = max(cells(caption) if fits else 0, *(width(line) for line in lines))
        return [self._top(caption if fits else "", size), *(self._side(line, size) for line in lines), self._end(size)]

    def _top(self, caption: str, size: int) -> Line:
        across, (left, right) = self.strokes.across, self.strokes.top
        rest = across * (size + 1 - cells(caption)) + right
        return (("frame", left + across), ("detail", caption), ("frame", rest))

    def _side(self, line: Line, size: int) -> Line:
        side = self.strokes.side
        return (("frame", f"{side} "), *line, ("frame", f"{' ' * (size - width(line))} {side}"))

    def _end(self, size: int) -> Line:
        left, right = self.strokes.bottom
        return (("frame", left + self.strokes.across * (size + 2) + right),)
