"""The temporary table that a writer's rows go through, as far as it is the same on every database. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from .identifiers import quote, quoted

Numbers = Sequence[int] | None
"""Indexes of rows; None for all of the stage."""


@dataclass(frozen=True)
class StagedRows:
    """The temporary table of one writer; each database has its own statements to make and fill it."""

    mark: ClassVar[str] = '"'
    """What names are quoted with."""
    name: str
    columns: tuple[tuple[str, str], ...]
    """(name in the stage, name in the table) for each value of a row."""
    number: str
    """Its column with the rows' indexes."""

    @classmethod
    def of(cls, name: str, columns: Sequence[tuple[str, str]]) -> Self:
        """A stage whose column of indexes has a name of its own."""
        number = "#"
        while any(number == column for column, _ in columns):
            number += "#"
        return cls(name, tuple(columns), quote(number, cls.mark))

    def ranks(self, key: Sequence[str]) -> str:
        """(index, 1 for the first row of its key, 2 for the second, …) of rows whose key comes more than once."""
        partition = quoted(key, mark=self.mark)
        return (
            f"SELECT number, place FROM (SELECT {self.number} AS number,\n"
            f"  row_number() OVER (PARTITION BY {partition} ORDER BY {self.number}) AS place,\n"
            f"  count(*) OVER (PARTITION BY {partition}) AS size FROM {self.name}) AS s\n"
            f" WHERE size > 1 ORDER BY number"
        )

    @classmethod
    def matched(cls, key: Sequence[str], alias: str = "t") -> str:
        """A condition: the row of `alias` has the key of the stage's row `s`."""
        pairs = ((f"{alias}.{quote(name, cls.mark)}", f"s.{quote(name, cls.mark)}") for name in key)
        return " AND ".join(f"{theirs} = {ours}" for theirs, ours in pairs)


def grouped(indexes: Sequence[int], places: Mapping[int, int]) -> list[list[int]]:
    """`indexes`, divided in their order: the first rows of their keys, the second ones, …; `places` is of `ranks`."""
    groups: list[list[int]] = [[] for _ in range(max(places.values()))]
    for index in indexes:
        groups[places.get(index, 1) - 1].append(index)
    return groups
