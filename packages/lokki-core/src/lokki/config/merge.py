"""Laying one table over another. Pure functions of plain dicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


def deep_merge(base: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    """A new table with everything of both; where both have a key, `over` has the say.

    Two tables under one key are merged in turn; lists and scalars replace what was there.
    """
    merged = dict(base)
    for name, value in over.items():
        below = merged.get(name)
        both_tables = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[name] = deep_merge(below, value) if both_tables else value  # type: ignore[arg-type]  # checked above
    return merged


def nest(path: str, value: object) -> dict[str, object]:
    """The tables in which the dotted key `path` has `value`: `nest("a.b", 1)` is `{"a": {"b": 1}}`."""
    *tables, last = path.split(".")
    tree = {last: value}
    for name in reversed(tables):
        tree = {name: tree}
    return tree


def leaves(tree: Mapping[str, object], prefix: str = "") -> Iterator[str]:
    """The dotted names of everything in `tree` that is no table, and of its empty tables."""
    for name, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"
