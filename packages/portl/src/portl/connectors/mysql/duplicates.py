"""Rows of one source with the same key: found within a chunk and across all chunks of a step.

The keys of earlier chunks wait with their indexes in a second temporary table. The database compares them, by the rules
of the columns' collations: 'a', 'A' and 'a ' may be one key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from portl.connectors.operations import OnDuplicate
from portl.connectors.refusals import duplicate_key
from portl.errors import DuplicateKeyError

from .catalogue import MysqlTable
from .names import quote, quoted
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

    def __init__(
        self, session: Session, table: MysqlTable, key: Sequence[str], policy: OnDuplicate, loader: Loader
    ) -> None:
        self._session = session
        self._table = table
        self._key = tuple(key)
        self._policy = policy
        self._loader = loader
        self._stage = loader.stage
        self._seen = Stage("", tuple((name, name) for name in key), loader.stage.number)
        self._found = False

    def remember(self) -> None:
        """Put the stage's keys beside those of earlier chunks, where somebody will ask for them."""
        if self._policy == "last" or not self._loader.rows:
            return
        if not self._seen.name:
            self._seen = Stage(self._session.new_name("keys"), self._seen.columns, self._seen.number)
            index = f", KEY ({quoted(self._key)})" if self._policy == "first" else ""
            self._session.create(self._seen.name, self._seen.definition(self._table.spelt) + index)
        columns = f"{self._stage.number}, {quoted(self._key)}"
        self._session.run(f"INSERT INTO {self._seen.name} ({columns}) SELECT {columns} FROM {self._stage.name}")

    def matched(self, *, was_there: bool) -> None:
        """Say whether the chunk had rows that were there: only these can have come in an earlier chunk."""
        self._found = self._found or (was_there and bool(self._seen.name))

    def groups(self) -> Groups | None:
        """How the chunk in the stage is to be written; None for all at once. Raises DuplicateKeyError."""
        if self._policy == "error":
            if self._session.fetch(self._stage.repeated(self._key)):
                raise self._first_in(self._stage)
            return None
        if self._policy == "last":
            groups = self._loader.groups(self._key)
            return None if groups is None else Groups(groups, [])
        later = self._loader.groups(self._key) or []
        skipped = {index for group in later[1:] for index in group} | set(self._known())
        if not skipped:
            return None
        kept = [index for index in self._loader.indexes if index not in skipped]
        return Groups([kept] if kept else [], sorted(skipped))

    def _known(self) -> list[int]:
        """Indexes of the stage's rows whose keys came in earlier chunks."""
        if not self._seen.name:
            return []
        sql = (
            f"SELECT s.{self._stage.number} FROM {self._stage.name} AS s\n"
            f" WHERE EXISTS (SELECT 1 FROM {self._seen.name} AS k WHERE {Stage.matched(self._key, 'k')})"
        )
        return [row[0] for row in self._session.fetch(sql)]

    def check_all(self) -> None:
        """Raises DuplicateKeyError when a key came in two chunks."""
        if self._policy != "error" or not self._found:
            return
        self.remember()
        if self._session.fetch(self._seen.repeated(self._key)):
            raise self._first_in(self._seen)

    def _first_in(self, stage: Stage) -> DuplicateKeyError:
        """The error for the first key that comes twice in `stage`."""
        number, keys = stage.number, quoted(self._key)
        texts = [f"CAST({quote(name)} AS CHAR) AS v{place}" for place, name in enumerate(self._key)]
        names = ", ".join(f"v{place}" for place in range(len(self._key)))
        sql = (
            f"SELECT number, next, {names} FROM (SELECT {number} AS number, {', '.join(texts)},\n"
            f"  lead({number}) OVER (PARTITION BY {keys} ORDER BY {number}) AS next FROM {stage.name}) AS s\n"
            f" WHERE next IS NOT NULL ORDER BY number LIMIT 1"
        )
        ((first, second, *found),) = self._session.fetch(sql)
        return duplicate_key(self._key, found, (first, second))
