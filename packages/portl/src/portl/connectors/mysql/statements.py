"""The SQL of the writers, as text. Pure: names in, statements out.

Rows wait in a temporary table, the stage: a column `#` with their index in the source, and a column per value. Each
statement works on the whole stage, or on the rows with the indexes `numbers`, and names the stage once: MySQL cannot
open a temporary table twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from portl.connectors.operations import Table
from portl.connectors.staged import Numbers, StagedRows

from .catalogue import MysqlTable
from .names import MARK, quote, quoted

ALL = 2**64 - 1
"""Without a limit an inner ORDER BY would mean nothing."""


@dataclass(frozen=True)
class Stage(StagedRows):
    """The temporary table of one writer."""

    mark = MARK

    def definition(self, types: dict[str, str]) -> str:
        """Its columns, with the types of the table's; all may be NULL."""
        columns = "".join(f", {quote(stage)} {types.get(column, '…')} NULL" for stage, column in self.columns)
        return f"{self.number} bigint PRIMARY KEY{columns}"

    def insert(self) -> str:
        """The beginning of a statement that takes rows."""
        return f"INSERT INTO {self.name} ({self.number}, {quoted(name for name, _ in self.columns)}) VALUES "

    def rows(self, numbers: Numbers) -> str:
        """A condition on `s`."""
        if numbers is None:
            return "true"
        return f"s.{self.number} IN ({','.join(map(str, numbers))})" if numbers else "false"

    def ordered(self, numbers: Numbers, columns: Sequence[str]) -> str:
        """Rows as `s`, in the order of `columns`: a table to select from."""
        return (
            f"(SELECT * FROM {self.name} AS s WHERE {self.rows(numbers)}\n"
            f"         ORDER BY {quoted(columns, 's.')} LIMIT {ALL}) AS s"
        )

    def repeated(self, key: Sequence[str]) -> str:
        """One row where a key comes twice, none where none does."""
        return f"SELECT 1 FROM {self.name} GROUP BY {quoted(key)} HAVING count(*) > 1 LIMIT 1"


def target(table: Table, key: Sequence[str]) -> str:
    """The table as `t`, looked up by its unique index on `key`: a scan would wait for rows that nobody asked for."""
    index = table.indexes.get(frozenset(key)) if isinstance(table, MysqlTable) else None
    return f"{table.name} AS t" + (f" FORCE INDEX ({quote(index)})" if index else "")


def differs(table: Table, name: str, new: str) -> str:
    """A condition: the column is not yet `new`, to the byte."""
    old = f"t.{quote(name)}"
    if table.columns[name].kind == "text":
        return f"NOT (CAST({old} AS BINARY) <=> CAST({new} AS BINARY))"
    return f"NOT ({old} <=> {new})"


def _returned(names: Sequence[str]) -> str:
    return "".join(f", t.{quote(name)}" for name in names)


@dataclass(frozen=True)
class UpsertSql:
    """Statements of an upsert of `columns` of `table` by `key`. No ON DUPLICATE KEY UPDATE: it takes any unique key."""

    table: Table
    stage: Stage
    columns: tuple[str, ...]
    key: tuple[str, ...]
    updated: tuple[str, ...]
    """Columns that are written in rows which are there already."""
    merge: bool
    """Whether NULL keeps what is there."""
    returning: tuple[str, ...]
    in_order: bool = False
    """Whether rows are inserted in the order of their indexes."""

    @property
    def is_steady(self) -> bool:
        """Whether the returned columns of a row that is there stay what they are."""
        return set(self.returning) <= set(self.table.primary_key) - set(self.updated)

    def _order(self) -> str:
        """The same in every job, so that two jobs do not wait for each other's rows."""
        return f"s.{self.stage.number}" if self.in_order else quoted(self.key, "s.")

    def _new(self, name: str) -> str:
        value = f"s.{quote(name)}"
        return f"coalesce({value}, t.{quote(name)})" if self.merge else value

    def _differs(self) -> str:
        return " OR ".join(differs(self.table, name, self._new(name)) for name in self.updated) or "false"

    def _joined(self) -> str:
        """The rows that are there, as `t`."""
        return f"STRAIGHT_JOIN {target(self.table, self.key)} ON {self.stage.matched(self.key)}"

    def lock(self, numbers: Numbers) -> str:
        """Locks rows that are there, in the order of the key: (index, whether it is to be updated, returned columns if
        these are steady)."""
        returned = _returned(self.returning) if self.is_steady else ""
        return (
            f"SELECT s.{self.stage.number}, {self._differs()}{returned}\n"
            f"  FROM {self.stage.ordered(numbers, self.key)}\n"
            f"  {self._joined()} FOR UPDATE"
        )

    def update(self, numbers: Numbers) -> str:
        """Updates rows that are there and differ."""
        assignments = ", ".join(f"t.{quote(name)} = {self._new(name)}" for name in self.updated)
        return (
            f"UPDATE {self.stage.name} AS s {self._joined()}\n"
            f"   SET {assignments}\n"
            f" WHERE {self.stage.rows(numbers)} AND ({self._differs()})"
        )

    def insert(self, numbers: Numbers) -> str:
        """Inserts rows whose key is new."""
        return (
            f"INSERT INTO {self.table.name} ({quoted(self.columns)})\n"
            f"SELECT {quoted(self.columns, 's.')} FROM {self.stage.name} AS s\n"
            f" WHERE {self.stage.rows(numbers)} ORDER BY {self._order()}"
        )

    def look(self, numbers: Numbers) -> str:
        """(index, returned columns) of rows that are there. It locks, to see what is there and not what was."""
        return (
            f"SELECT s.{self.stage.number}{_returned(self.returning)}\n"
            f"  FROM {self.stage.name} AS s {self._joined()}\n"
            f" WHERE {self.stage.rows(numbers)} FOR UPDATE"
        )


@dataclass(frozen=True)
class InsertSql:
    """Statement of an insert of `columns` into `table`."""

    table: Table
    columns: tuple[str, ...]
    returning: tuple[str, ...]

    def head(self) -> str:
        """Its beginning, up to the rows."""
        return f"INSERT INTO {self.table.name} ({quoted(self.columns)}) VALUES "

    def tail(self) -> str:
        """What comes after the rows where the server gives columns back; "" for none."""
        return f" RETURNING {quoted(self.returning)}" if self.returning else ""


@dataclass(frozen=True)
class ChangeSql:
    """Statements of an update. In the stage, a column of `where` is called `=name`."""

    table: Table
    stage: Stage
    set: tuple[str, ...]
    where: tuple[str, ...]
    returning: tuple[str, ...]

    def _joined(self) -> str:
        """The rows that are meant, as `t`."""
        matched = " AND ".join(f"t.{quote(name)} = s.{quote('=' + name)}" for name in self.where)
        return f"STRAIGHT_JOIN {target(self.table, self.where)} ON {matched}"

    def _differs(self) -> str:
        return " OR ".join(differs(self.table, name, f"s.{quote(name)}") for name in self.set)

    def match(self, numbers: Numbers) -> str:
        """Locks the rows that are meant: (index, whether it is to be updated, returned columns, primary key)."""
        after = "".join(
            f", {'s' if name in self.set else 't'}.{quote(name)} AS r{place}"
            for place, name in enumerate(self.returning)
        )
        return (
            f"SELECT s.{self.stage.number}, {self._differs()}{after}{_returned(self.table.primary_key)}\n"
            f"  FROM {self.stage.ordered(numbers, [f'={name}' for name in self.where])}\n"
            f"  {self._joined()} FOR UPDATE"
        )

    def update(self, numbers: Numbers) -> str:
        """Updates the rows that are not yet as they should be."""
        assignments = ", ".join(f"t.{quote(name)} = s.{quote(name)}" for name in self.set)
        return (
            f"UPDATE {self.stage.name} AS s {self._joined()}\n"
            f"   SET {assignments}\n"
            f" WHERE {self.stage.rows(numbers)} AND ({self._differs()})"
        )

    def look(self, keys: str) -> str:
        """(primary key, returned columns) of rows by `keys`, a list of literals."""
        return (
            f"SELECT {quoted(self.table.primary_key, 't.')}{_returned(self.returning)} FROM {self.table.name} AS t\n"
            f" WHERE ({quoted(self.table.primary_key, 't.')}) IN ({keys}) FOR UPDATE"
        )
