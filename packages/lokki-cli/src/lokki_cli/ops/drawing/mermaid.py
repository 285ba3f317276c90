"""A picture as a mermaid flowchart, which GitHub, GitLab and most wikis draw. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

from .picture import Box, Group, Picture


def mermaid(picture: Picture) -> str:
    """The flowchart, ending in a newline."""
    chart = _Chart()
    body = list(chart.parts(picture.parts, 1))
    about = " · ".join((picture.title, *picture.details))
    head = ["---", f"title: {_quoted(about)}", "---", "flowchart TD"]
    return "\n".join([*head, *body, *(f"    {edge}" for edge in chart.edges)]) + "\n"


class _Chart:
    """Names things and remembers the arrows between them."""

    def __init__(self) -> None:
        self.edges: list[str] = []
        self._steps = count(1)
        self._maps = count(1)
        self._last = ""
        self._label = ""

    def parts(self, parts: Sequence[Box | Group], depth: int) -> Iterator[str]:
        """Lines that declare `parts`, indented by `depth`."""
        indent = "    " * depth
        for part in parts:
            if isinstance(part, Box):
                yield f"{indent}{self._step(part)}"
                continue
            caption = "<br/>".join(map(_escaped, part.caption))
            yield f'{indent}subgraph map{next(self._maps)}["{caption}"]'
            self._label = "each item"
            yield from self.parts(part.parts, depth + 1)
            yield f"{indent}end"
            self._label = "all results"

    def _step(self, box: Box) -> str:
        name = f"step{next(self._steps)}"
        if self._last:
            arrow = f"-->|{self._label}|" if self._label else "-->"
            self.edges.append(f"{self._last} {arrow} {name}")
        self._last, self._label = name, ""
        label = "<br/>".join([f"<b>{_escaped(box.name)}</b>", *map(_escaped, box.details)])
        return f'{name}["{label}"]'


def _escaped(text: str) -> str:
    """Text inside a label, where mermaid reads HTML entities written with `#`."""
    return text.replace("#", "#35;").replace("&", "#38;").replace('"', "#34;").replace("<", "#60;").replace(">", "#62;")


def _quoted(text: str) -> str:
    """A YAML text."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
