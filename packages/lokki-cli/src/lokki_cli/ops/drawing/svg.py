"""A picture as SVG: boxes below one another, a frame around what happens for each item. Pure.

Nothing measures fonts here: a fixed-width font is asked for, and each text says how long it is, so that what a viewer
puts in its place fits as well. Colours follow the viewer's light or dark scheme.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from .picture import Box, Group, Picture
from .spans import cells, joined

CHAR, SMALL_CHAR = 8.4, 7.2
"""Width of a character of 14 and 12 pixels."""
LINE, SMALL_LINE = 20, 17
"""Height of a line of either."""
PAD = 14
"""Space between a frame and what is in it."""
GAP = 30
"""Height of an arrow."""
SHEETS = 2
"""Frames that look out behind that of a map, because it happens many times."""
SHEET = 5
"""How far each looks out."""
DETAIL_COLUMNS = 46

STYLE = """
    text { font-family: ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #1f2328 }
    .title { font-size: 14px; font-weight: 700 }
    .name { font-size: 14px; font-weight: 600 }
    .detail { font-size: 12px; fill: #59636e }
    .box { fill: #ffffff; stroke: #59636e }
    .batch { fill: #fff4e0; stroke: #9a6700 }
    .map { fill: #f3f6fa; stroke: #8c959f; stroke-dasharray: 5 3 }
    .arrow { stroke: #59636e; stroke-width: 1.5; fill: none }
    .tip { fill: #59636e }
    .ground { fill: #ffffff }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .detail { fill: #9198a1 }
      .box { fill: #151b23; stroke: #9198a1 }
      .batch { fill: #2e2414; stroke: #d29922 }
      .map { fill: #0f1722; stroke: #656c76 }
      .arrow { stroke: #9198a1 }
      .tip { fill: #9198a1 }
      .ground { fill: #0d1117 }
    }
"""


@dataclass(frozen=True)
class _Words:
    """A line of text."""

    kind: str
    text: str

    @property
    def width(self) -> float:
        return cells(self.text) * (SMALL_CHAR if self.kind == "detail" else CHAR)

    @property
    def height(self) -> float:
        return SMALL_LINE if self.kind == "detail" else LINE


@dataclass(frozen=True)
class _Shape:
    """A box or a frame with its size; its place follows from where it is drawn."""

    kind: str
    words: tuple[_Words, ...]
    inside: tuple[_Shape, ...]
    width: float
    height: float


def svg(picture: Picture) -> str:
    """The drawing as a document that stands alone, ending in a newline."""
    shapes = _shapes(picture.parts)
    head = [_Words("title", picture.title), *_details(picture.details)]
    width = max([*(shape.width for shape in shapes), *(words.width for words in head)]) + 2 * PAD
    top = PAD + sum(words.height for words in head) + PAD / 2
    height = top + _stack_height(shapes) + PAD
    canvas = _Canvas()
    canvas.words(head, width / 2, PAD)
    canvas.stack(shapes, width / 2, top)
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        f"  <title>Flow {escape(picture.title)}</title>",
        f"  <style>{STYLE}  </style>",
        '  <rect class="ground" width="100%" height="100%"/>',
        *(f"  {line}" for line in canvas.lines),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _shapes(parts: Sequence[Box | Group]) -> tuple[_Shape, ...]:
    return tuple(_box(part) if isinstance(part, Box) else _group(part) for part in parts)


def _box(box: Box) -> _Shape:
    words = (_Words("name", box.name), *_details(box.details))
    kind = "box batch" if "Batch" in box.details else "box"
    return _Shape(kind, words, (), _words_width(words) + 2 * PAD, sum(w.height for w in words) + PAD)


def _group(group: Group) -> _Shape:
    words = _details(group.caption)
    inside = _shapes(group.parts)
    width = max(_words_width(words), *(shape.width for shape in inside)) + 2 * PAD + SHEETS * SHEET
    height = PAD / 2 + sum(w.height for w in words) + PAD / 2 + _stack_height(inside) + PAD + SHEETS * SHEET
    return _Shape("map", words, inside, width, height)


def _details(phrases: Sequence[str]) -> tuple[_Words, ...]:
    return tuple(_Words("detail", line) for line in joined(phrases, DETAIL_COLUMNS, "·"))


def _words_width(words: Sequence[_Words]) -> float:
    return max(line.width for line in words)


def _stack_height(shapes: Sequence[_Shape]) -> float:
    return sum(shape.height for shape in shapes) + GAP * (len(shapes) - 1)


class _Canvas:
    """Writes elements; coordinates are pixels from the top left."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def stack(self, shapes: Sequence[_Shape], middle: float, top: float) -> None:
        """Shapes below one another, with arrows between them."""
        for place, shape in enumerate(shapes):
            if place:
                self._arrow(middle, top - GAP, top)
            self._shape(shape, middle, top)
            top += shape.height + GAP

    def words(self, words: Sequence[_Words], middle: float, top: float) -> None:
        """Lines of text, each centred."""
        for line in words:
            base = top + line.height * 0.75
            length = f'textLength="{line.width:.1f}" lengthAdjust="spacingAndGlyphs"'
            place = f'x="{middle:.1f}" y="{base:.1f}" text-anchor="middle"'
            self.lines.append(f'<text class="{line.kind}" {place} {length}>{escape(line.text)}</text>')
            top += line.height

    def _shape(self, shape: _Shape, middle: float, top: float) -> None:
        if not shape.inside:
            self._frame(shape.kind, middle - shape.width / 2, top, shape.width, shape.height)
            self.words(shape.words, middle, top + PAD / 2)
            return
        width, height = shape.width - SHEETS * SHEET, shape.height - SHEETS * SHEET
        left = middle - width / 2
        for sheet in range(SHEETS, -1, -1):
            self._frame(shape.kind, left + sheet * SHEET, top + sheet * SHEET, width, height)
        self.words(shape.words, middle, top + PAD / 2)
        self.stack(shape.inside, middle, top + PAD + sum(w.height for w in shape.words))

    def _frame(self, kind: str, left: float, top: float, width: float, height: float) -> None:
        size = f'x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"'
        self.lines.append(f'<rect class="{kind}" {size} rx="8"/>')

    def _arrow(self, x: float, top: float, bottom: float) -> None:
        self.lines.append(f'<path class="arrow" d="M{x:.1f} {top + 3:.1f}V{bottom - 9:.1f}"/>')
        self.lines.append(f'<path class="tip" d="M{x - 5:.1f} {bottom - 10:.1f}h10l-5 8z"/>')
