"""Rows of one source with the same key: found within a chunk and across all chunks of a step.

The keys of earlier chunks wait with their indexes in a second temporary table. The database compares them, by the rules
of the columns' types and collations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from portl.connectors.identifiers import quote, quoted
from portl.connectors.operations import OnDuplicate
from portl.errors import DuplicateKeyError

from .session import Session
from .staging import Loader
from .statements import Stage


@dataclass(frozen=True)
class Groups:
    """A chunk with duplicates, divided: no group has a key twice."""

    written: list[list[int]]
    """Indexes of rows, to be written group after group."""
    skipped: list[int]
    """Indexes of rows whose key came earlier, and which are not written."""


class Duplicates:
    """What one upsert does about them."""

    def __init__(self, session: Session, stage: Stage, key: Sequence[str], policy: OnDuplicate, loader: Loader) -> None:
        self._session = session
        self._stage = stage
        self._key = tuple(key)
        self._policy = policy
        self._loader = loader
        self._seen = ""

    def remember(self) -> list[str]:
        """Statements that put the stage's keys beside those of earlier chunks; [] where nobody will ask for them."""
        if self._policy == "last":
            return []
        number, keys = self._stage.number, quoted(self._key)
        rows = f"SELECT {number}, {keys} FROM {self._stage.name}"
        if self._seen:
            return [f"INSERT INTO {self._seen} {rows}"]
        self._seen = self._session.new_name("keys")
        statements = [f"CREATE TEMPORARY TABLE {self._seen} ON COMMIT DROP AS {rows}"]
        if self._policy == "first":
            statements.append(f"CREATE INDEX ON {self._seen} ({keys})")
        return statements

    def groups(self) -> Groups | None:
        """How the chunk in the stage is to be written; None for all at once."""
        if self._policy == "error":
            return None
        if self._policy == "last":
            return self._one_after_the_other()
        skipped = set(self._later_places()) | set(self._known())
        if not skipped:
            return None
        kept = [index for index in self._loader.indexes if index not in skipped]
        return Groups([kept] if kept else [], sorted(skipped))

    def _one_after_the_other(self) -> Groups | None:
        places = dict(self._places())
        if not places:
            return None
        groups: list[list[int]] = [[] for _ in range(max(places.values()))]
        for index in self._loader.indexes:
            groups[places.get(index, 1) - 1].append(index)
        return Groups(groups, [])

    def _places(self) -> list[tuple[int, int]]:
        """(index, place among the rows of its key, from 1) for keys that come more than once in the stage."""
        return [(row[0], row[1]) for row in self._session.run(self._stage.ranks(self._key))]

    def _later_places(self) -> list[int]:
        return [index for index, place in self._places() if place > 1]

    def _known(self) -> list[int]:
        """Indexes of the stage's rows whose keys came in earlier chunks."""
        if not self._seen:
            return []
        matched = " AND ".join(f"k.{quote(name)} = s.{quote(name)}" for name in self._key)
        sql = (
            f"SELECT s.{self._stage.number} FROM {self._stage.name} AS s\n"
            f" WHERE EXISTS (SELECT 1 FROM {self._seen} AS k WHERE {matched})"
        )
        return [row[0] for row in self._session.run(sql)]

    def in_chunk(self) -> DuplicateKeyError | None:
        """The error for the first key that comes twice in the stage."""
        return self._first_in(self._stage.name)

    def check_all(self) -> None:
        """Raises DuplicateKeyError when a key came twice, in the stage or in any earlier chunk."""
        if self._policy != "error":
            return
        if self._seen:
            self._session.run(*self.remember())
        error = self._first_in(self._seen or self._stage.name)
        if error is not None:
            raise error

    def _first_in(self, table: str) -> DuplicateKeyError | None:
        number, keys = self._stage.number, quoted(self._key)
        values = ", ".join(f"({quote(name)})::text" for name in self._key)
        sql = (
            f"SELECT {number}, {values} FROM {table} WHERE ({keys}) IN (\n"
            f"  SELECT {keys} FROM {table} GROUP BY {keys} HAVING count(*) > 1 ORDER BY min({number}) LIMIT 1)\n"
            f" ORDER BY {number} LIMIT 2"
        )
        rows = self._session.run(sql)
        if not rows:
            return None
        (first, *values_of_key), (second, *_) = rows
        named = ", ".join(f"{name} = {value}" for name, value in zip(self._key, values_of_key, strict=True))
        error = DuplicateKeyError(
            f"two rows have the key {named}.", hint="on_duplicate: first or last says which of them counts."
        )
        error.rows, error.column = (first, second), self._key[0]
        return error
