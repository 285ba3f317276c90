"""Writes plain data as YAML for people: blocks, comments above what they are about, texts quoted where they have to be.

Stage: data + comments by path → text that `portl.model.yaml` reads back as the same data. Touches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..model.scalar import scalar
from ..model.yaml import Path

_BLOCK_LINE = re.compile(r"[\x20-\x7e\xa0-\ud7ff\ue000-\ufefe]*")
_UNPRINTABLE = re.compile(r"[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe]")
WIDTH = 110


def emit(data: Mapping[str, Any], comments: Mapping[Path, str], head: str = "") -> str:
    """`data`, its values texts, numbers, booleans, null, lists and mappings. `head` is a comment at the top."""
    lines = [*_comment(head, 0)]
    for name, value in data.items():
        if isinstance(value, dict | list) and lines:
            lines.append("")
        lines += _entry(name, value, (name,), comments, 0)
    return "\n".join(lines) + "\n"


def _entry(name: str, value: Any, path: Path, comments: Mapping[Path, str], indent: int) -> Iterator[str]:
    """One key of a mapping."""
    yield from _comment(comments.get(path, ""), indent)
    space, key = " " * indent, scalar(name)
    if isinstance(value, dict) and value:
        yield f"{space}{key}:"
        for inner, item in value.items():
            yield from _entry(inner, item, (*path, inner), comments, indent + 2)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        yield f"{space}{key}:"
        for number, item in enumerate(value):
            yield from _item(item, (*path, number), comments, indent + 2)
    elif isinstance(value, str) and _is_block(value):
        yield f"{space}{key}: |-"
        yield from (f"{space}  {line}" if line else "" for line in value.split("\n"))
    else:
        yield f"{space}{key}: {_leaf(value)}"


def _item(value: Mapping[str, Any], path: Path, comments: Mapping[Path, str], indent: int) -> Iterator[str]:
    """One mapping of a list."""
    yield from _comment(comments.get(path, ""), indent)
    lines = [line for name, item in value.items() for line in _entry(name, item, (*path, name), comments, indent + 2)]
    first = next(number for number, line in enumerate(lines) if not line.lstrip().startswith("#"))
    for number, line in enumerate(lines):
        yield f"{' ' * indent}- {line[indent + 2 :]}" if number == first else line


def _leaf(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_leaf, value))}]"
    return "{}" if isinstance(value, dict) else scalar(value)


def _is_block(text: str) -> bool:
    """Whether the lines of `text` may stand as they are."""
    lines = text.split("\n")
    if len(lines) < 2 or not lines[0] or not lines[-1] or lines[0].startswith(" "):
        return False
    return all(_BLOCK_LINE.fullmatch(line) and line == line.rstrip() for line in lines)


def _comment(text: str, indent: int) -> Iterator[str]:
    for paragraph in _UNPRINTABLE.sub("", text).splitlines():
        line = ""
        for word in paragraph.split():
            if line and indent + len(line) + len(word) + 3 > WIDTH:
                yield f"{' ' * indent}# {line}"
                line = ""
            line = f"{line} {word}" if line else word
        yield f"{' ' * indent}# {line}".rstrip()
