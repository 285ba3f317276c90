"""Which column of the source belongs to which column of the destination.

Stage: names and types of both → links. Pure. A link never names a column that is not there, and no column of the source
is linked twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from ..connectors.operations import Column, Table
from .columntypes import fits, kind_of
from .facts import Source, SourceColumn

CLOSE = 0.8
"""So similar names have to be, from 0 to 1."""

Reason = Literal["same name", "other spelling", "name of the table", "similar name", "same place", "chosen", "value"]


@dataclass(frozen=True)
class Link:
    """Where a column of the destination gets its value from."""

    target: str
    source: str | None
    """The column of the source; None for a value."""
    reason: Reason
    value: str = ""
    """A fixed value or an expression, as the job writes it."""


def propose(source: Source, table: Table) -> tuple[Link, ...]:
    """Links for the columns of `table` that can be written, in the table's order, as far as the names tell."""
    targets = [column for column in table.columns.values() if column.writable]
    if not getattr(source, "has_header", True):
        return _by_place(source.columns, targets)
    found: dict[str, Link] = {}
    for reason, pairs in _rounds(source.columns, targets, _last_part(table)):
        for column, candidate in pairs:
            used = {link.source for link in found.values()}
            if column.name not in found and candidate.name not in used:
                found[column.name] = Link(column.name, candidate.name, reason)
    return tuple(found[column.name] for column in targets if column.name in found)


def required(table: Table) -> tuple[str, ...]:
    """Columns that have to get a value: not nullable and without a default."""
    return tuple(c.name for c in table.columns.values() if c.writable and not c.nullable and not c.has_default)


def identical(source: Source) -> tuple[Link, ...]:
    """Links that copy each column under its own name."""
    return tuple(Link(column.name, column.name, "same name") for column in source.columns)


def plain(name: str) -> str:
    """A name without case and punctuation: `User-Name`, `user_name` and `userName` are the same."""
    return "".join(re.findall(r"\w", name.replace("_", ""))).casefold()


def _rounds(
    sources: Sequence[SourceColumn], targets: Sequence[Column], table: str
) -> Iterator[tuple[Reason, list[tuple[Column, SourceColumn]]]]:
    """Pairs of columns, the surest first."""
    pairs = [(column, candidate) for column in targets for candidate in sources]
    yield "same name", [(c, s) for c, s in pairs if c.name == s.name]
    yield "other spelling", [(c, s) for c, s in pairs if plain(c.name) and plain(c.name) == plain(s.name)]
    fitting = [(c, s) for c, s in pairs if agree(c, s)]
    yield "name of the table", [(c, s) for c, s in fitting if _by_table(c.name, s.name, table)]
    close = [(likeness(c.name, s.name), c, s) for c, s in fitting]
    best = sorted((item for item in close if item[0] >= CLOSE), key=lambda item: -item[0])
    yield "similar name", [(c, s) for _, c, s in best]


def _by_place(sources: Sequence[SourceColumn], targets: Sequence[Column]) -> tuple[Link, ...]:
    """Without names there is only the order, where the numbers agree; a column that numbers itself may be left out."""
    if len(sources) != len(targets):
        targets = [column for column in targets if not column.has_default]
    if len(sources) != len(targets):
        return ()
    return tuple(Link(c.name, s.name, "same place") for c, s in zip(targets, sources, strict=True))


def agree(column: Column, source: SourceColumn) -> bool:
    """Whether the source's values, as far as they are known, are of the column's type."""
    kind = kind_of(column.type)
    if source.type:
        other = kind_of(source.type)
        numbers = {"integer", "decimal", "float"}
        return kind == other or "other" in (kind, other) or kind == "text" or {kind, other} <= numbers
    if kind in ("date", "datetime", "decimal", "float"):
        return all(any(char.isdigit() for char in text) for text in source.samples)
    return all(fits(kind, text) for text in source.samples)


def likeness(one: str, other: str) -> float:
    """How similar two names are, from 0 to 1."""
    one, other = plain(one), plain(other)
    if min(len(one), len(other)) < 3:
        return 0.0
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def _by_table(one: str, other: str, table: str) -> bool:
    """Whether one name is the other with the table's name before it: `product_name` and `name` of `products`."""
    prefixes = {table, table.removesuffix("s"), table.removesuffix("es"), re.sub("ies$", "y", table)} - {""}
    one, other = plain(one), plain(other)
    return any(one == prefix + other or other == prefix + one for prefix in prefixes if one and other)


def _last_part(table: Table) -> str:
    return plain(table.shown.rpartition(".")[2])
