"""Values as YAML that people like to read and that portl's own reader reads back the same.

Stage: plain values → text. Pure. Texts with expressions stand in double quotes; short rows stand in braces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..model.scalar import scalar

WIDTH = 110
"""Longer braces are written as a block."""


class Row(dict[str, Any]):
    """A mapping that is written in braces where it is short."""


def block(value: Mapping[str, Any] | Sequence[Any], indent: int = 0) -> Iterator[str]:
    """The lines of a mapping or a list, without their line ends."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _entry(f"{' ' * indent}{scalar(key)}:", item, indent + 2)
        return
    for item in value:
        if isinstance(item, Mapping) and item and not isinstance(item, Row):
            first, *rest = block(item, indent + 2)
            yield f"{' ' * indent}- {first[indent + 2 :]}"
            yield from rest
        else:
            yield from _entry(f"{' ' * indent}-", item, indent + 2)


def _entry(head: str, item: Any, indent: int) -> Iterator[str]:
    """A key or a dash with what belongs to it."""
    if not isinstance(item, Mapping | list | tuple):
        yield f"{head} {scalar(item)}"
        return
    inline = flow(item)
    is_short = len(head) + 1 + len(inline) <= WIDTH
    if not item or (is_short and (isinstance(item, Row) or _is_flat_list(item))):
        yield f"{head} {inline}"
        return
    yield head
    yield from block(item, indent)


def _is_flat_list(item: Any) -> bool:
    return isinstance(item, list | tuple) and not any(isinstance(part, Mapping | list | tuple) for part in item)


def flow(value: Any) -> str:
    """A value in one line."""
    if isinstance(value, Mapping):
        inside = ", ".join(f"{scalar(key)}: {flow(item)}" for key, item in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flow, value))}]"
    return scalar(value)
