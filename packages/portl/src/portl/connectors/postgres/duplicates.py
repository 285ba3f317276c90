"""Rows of one source with the same key: found within a chunk and across all chunks of a step.

The keys of earlier chunks wait with their indexes in a second temporary table. The database compares them, by the rules
of the columns' types and collations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from portl.connectors.identifiers import quote, quoted
from portl.connectors.operations import OnDuplicate
from portl.connectors.refusals import duplicate_key
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
            groups = self._loader.groups(self._key)
            return None if groups is None else Groups(groups, [])
        skipped = set(self._later()) | set(self._known())
        if not skipped:
            return None
        kept = [index for index in self._loader.indexes if index not in skipped]
        return Groups([kept] if kept else [], sorted(skipped))

    def _later(self) -> list[int]:
        """Indexes of the stage's rows whose key came in an earlier row of the stage."""
        return [index for index, place in self._session.run(self._stage.ranks(self._key)) if place > 1]

    def _known(self) -> list[int]:
        """Indexes of the stage's rows whose keys came in earlier chunks."""
        if not self._seen:
            return []
        sql = (
            f"SELECT s.{self._stage.number} FROM {self._stage.name} AS s\n"
            f" WHERE EXISTS (SELECT 1 FROM {self._seen} AS k WHERE {Stage.matched(self._key, 'k')})"
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
        return duplicate_key(self._key, values_of_key, (first, second))
