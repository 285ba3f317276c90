"""The SQL of SQLite's writers, as text. Pure. Values are bound by position, in the order of the operation's columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from portl.connectors.identifiers import quote, quoted


def _slots(count: int) -> str:
    return ", ".join(f"?{place}" for place in range(1, count + 1))


def _returned(names: Sequence[str]) -> str:
    return "".join(f", {quote(name)}" for name in names)


def insert_sql(table: str, columns: Sequence[str], returning: Sequence[str], first: str = "1") -> str:
    """Inserts one row; gives `first` and the returned columns."""
    return (
        f"INSERT INTO {table} ({quoted(columns)}) VALUES ({_slots(len(columns))})"
        f" RETURNING {first}{_returned(returning)}"
    )


@dataclass(frozen=True)
class UpsertSql:
    """Statements of an upsert of one row."""

    table: str
    """Quoted."""
    columns: tuple[str, ...]
    key: tuple[str, ...]
    updated: tuple[str, ...]
    merge: bool
    returning: tuple[str, ...]
    identity: str
    """An expression that tells a row from all others."""

    def _slot(self, name: str) -> str:
        return f"?{self.columns.index(name) + 1}"

    def _new(self, name: str) -> str:
        return f"COALESCE({self._slot(name)}, {quote(name)})" if self.merge else self._slot(name)

    @cached_property
    def _matched(self) -> str:
        return " AND ".join(f"{quote(name)} = {self._slot(name)}" for name in self.key)

    @cached_property
    def look(self) -> str:
        """(identity, whether it is as it should be, returned columns) of the row with the key."""
        same = " AND ".join(f"{quote(name)} COLLATE BINARY IS {self._new(name)}" for name in self.updated) or "1"
        last = f"?{len(self.columns)} IS ?{len(self.columns)}"  # so that the statement has a place for every value
        return (
            f"SELECT {self.identity}, {same}{_returned(self.returning)} FROM {self.table}"
            f" WHERE {self._matched} AND {last}"
        )

    @cached_property
    def insert(self) -> str:
        """Inserts the row; gives its identity and the returned columns."""
        return insert_sql(self.table, self.columns, self.returning, self.identity)

    @cached_property
    def update(self) -> str:
        """Updates the row with the key; gives a constant and the returned columns."""
        assignments = ", ".join(f"{quote(name)} = {self._new(name)}" for name in self.updated)
        last = f"?{len(self.columns)} IS ?{len(self.columns)}"
        return (
            f"UPDATE {self.table} SET {assignments} WHERE {self._matched} AND {last}"
            f" RETURNING 1{_returned(self.returning)}"
        )


@dataclass(frozen=True)
class ChangeSql:
    """Statements of an update by one row of input."""

    table: str
    """Quoted."""
    set: tuple[str, ...]
    where: tuple[str, ...]
    returning: tuple[str, ...]

    @cached_property
    def look(self) -> str:
        """A constant and the returned columns of the rows that are meant. Takes the values of `where`."""
        matched = " AND ".join(f"{quote(name)} = ?" for name in self.where)
        return f"SELECT 1{_returned(self.returning)} FROM {self.table} WHERE {matched}"

    @cached_property
    def update(self) -> str:
        """Updates those that are not yet as they should be; gives a constant and the returned columns."""
        assignments = ", ".join(f"{quote(name)} = ?{place}" for place, name in enumerate(self.set, 1))
        same = " AND ".join(f"{quote(name)} COLLATE BINARY IS ?{place}" for place, name in enumerate(self.set, 1))
        matched = " AND ".join(f"{quote(name)} = ?{place}" for place, name in enumerate(self.where, len(self.set) + 1))
        return (
            f"UPDATE {self.table} SET {assignments} WHERE {matched} AND NOT ({same})"
            f" RETURNING 1{_returned(self.returning)}"
        )
