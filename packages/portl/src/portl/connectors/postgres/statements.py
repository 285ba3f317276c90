"""The SQL of the writers, as text. Pure: names in, statements out.

Rows wait in a temporary table, the stage: a column `#` with their index in the source, and a column per value. Each
statement works on the whole stage, or on the rows with the indexes `numbers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from portl.connectors.identifiers import quote, quoted
from portl.connectors.operations import Table
from portl.connectors.staged import Numbers, StagedRows


@dataclass(frozen=True)
class Stage(StagedRows):
    """The temporary table of one writer."""

    def create(self, table: Table, required: Sequence[str] = ()) -> str:
        """The table, with the types of `table`'s columns; those named in `required` refuse NULL."""
        columns = "".join(f", {quote(column)} AS {quote(stage)}" for stage, column in self.columns)
        statement = (
            f"CREATE TEMPORARY TABLE {self.name} ON COMMIT DROP AS\n"
            f"SELECT NULL::int8 AS {self.number}{columns} FROM {table.name} WHERE false"
        )
        alterations = ", ".join(f"ALTER {quote(name)} SET NOT NULL" for name in required)
        return f"{statement};\nALTER TABLE {self.name} {alterations}" if alterations else statement

    def copy(self) -> str:
        """Takes a chunk."""
        return f"COPY {self.name} ({self.number}, {quoted(name for name, _ in self.columns)}) FROM STDIN"

    def rows(self, numbers: Numbers) -> str:
        """A condition on `s`."""
        return "true" if numbers is None else f"s.{self.number} = ANY ({array(numbers)})"


def array(numbers: Sequence[int]) -> str:
    """An array of integers as a literal."""
    return f"'{{{','.join(map(str, numbers))}}}'::int8[]"


def _returned(names: Sequence[str]) -> str:
    return "".join(f", t.{quote(name)}" for name in names)


@dataclass(frozen=True)
class UpsertSql:
    """Statements of an upsert of `columns` of `table` by `key`."""

    table: Table
    stage: Stage
    columns: tuple[str, ...]
    key: tuple[str, ...]
    updated: tuple[str, ...]
    """Columns that are written in rows which are there already."""
    merge: bool
    """Whether NULL keeps what is there."""
    returning: tuple[str, ...]
    inserted: str
    """An expression of RETURNING that tells whether the row is new, with what it needs before it."""
    in_order: bool = False
    """Whether rows are inserted in the order of their indexes."""

    def _returned(self) -> str:
        return "".join(f", t.{quote(name)} AS r{place}" for place, name in enumerate(self.returning))

    def _selected(self) -> str:
        """What `_returned` named, out of `w`."""
        return "".join(f", w.r{place}" for place in range(len(self.returning)))

    def _keys(self) -> str:
        return ", ".join(f"t.{quote(name)} AS k{place}" for place, name in enumerate(self.key))

    def _joined(self) -> str:
        return " AND ".join(f"w.k{place} = s.{quote(name)}" for place, name in enumerate(self.key))

    def _order(self) -> str:
        """The same in every job, so that two jobs do not wait for each other's rows."""
        if self.in_order:
            return f"s.{self.stage.number}"
        return ", ".join(
            f"s.{quote(name)}" + (' COLLATE "C"' if self.table.columns[name].kind == "text" else "")
            for name in self.key
        )

    def _new(self, name: str, source: str) -> str:
        value = f"{source}.{quote(name)}"
        return f"COALESCE({value}, t.{quote(name)})" if self.merge else value

    def _differs(self, source: str) -> str:
        old = ", ".join(f"t.{quote(name)}" for name in self.updated)
        new = ", ".join(self._new(name, source) for name in self.updated)
        return f"ROW({old})::record *<> ROW({new})::record"

    def _assignments(self, source: str) -> str:
        return ", ".join(f"{quote(name)} = {self._new(name, source)}" for name in self.updated)

    def _insert(self, numbers: Numbers) -> str:
        return (
            f"  INSERT INTO {self.table.name} AS t ({quoted(self.columns)})\n"
            f"  SELECT {quoted(self.columns, 's.')} FROM {self.stage.name} AS s\n"
            f"   WHERE {self.stage.rows(numbers)} ORDER BY {self._order()}\n"
            f"  ON CONFLICT ({quoted(self.key)})"
        )

    def whole(self, numbers: Numbers) -> str:
        """One statement for all: (inserted or NULL where nothing was written, returned columns) in the rows' order."""
        return (
            f"WITH w AS (\n{self._insert(numbers)} DO UPDATE SET {self._assignments('EXCLUDED')}\n"
            f"   WHERE {self._differs('EXCLUDED')}\n"
            f"  RETURNING {self.inserted.format(keys=self._keys())}{self._returned()})\n"
            f"SELECT w.inserted{self._selected()} FROM {self.stage.name} AS s LEFT JOIN w ON {self._joined()}\n"
            f" WHERE {self.stage.rows(numbers)} ORDER BY s.{self.stage.number}"
        )

    def fresh(self, numbers: Numbers) -> str:
        """Inserts the rows whose key is new: (index, returned columns) of these."""
        return (
            f"WITH w AS (\n{self._insert(numbers)} DO NOTHING\n  RETURNING {self._keys()}{self._returned()})\n"
            f"SELECT s.{self.stage.number}{self._selected()} FROM {self.stage.name} AS s JOIN w ON {self._joined()}\n"
            f" WHERE {self.stage.rows(numbers)}"
        )

    def lock(self, numbers: Numbers) -> str:
        """Locks rows that are there, in the order of the key."""
        return (
            f"SELECT 1 FROM {self.table.name} AS t JOIN {self.stage.name} AS s ON {self.stage.matched(self.key)}\n"
            f" WHERE {self.stage.rows(numbers)} ORDER BY {self._order()} FOR UPDATE OF t"
        )

    def update(self, numbers: Numbers) -> str:
        """Updates rows that are there and differ: (index, returned columns) of these."""
        return (
            f"UPDATE {self.table.name} AS t SET {self._assignments('s')} FROM {self.stage.name} AS s\n"
            f" WHERE {self.stage.matched(self.key)} AND {self.stage.rows(numbers)} AND {self._differs('s')}\n"
            f"RETURNING s.{self.stage.number}{self._returned()}"
        )

    def look(self, numbers: Numbers) -> str:
        """(index, returned columns) of rows that are there."""
        return (
            f"SELECT s.{self.stage.number}{self._returned()} FROM {self.stage.name} AS s\n"
            f"  JOIN {self.table.name} AS t ON {self.stage.matched(self.key)} WHERE {self.stage.rows(numbers)}"
        )


@dataclass(frozen=True)
class InsertSql:
    """Statement of an insert of `columns` into `table`."""

    table: Table
    stage: Stage
    columns: tuple[str, ...]
    returning: tuple[str, ...]

    def insert(self, numbers: Numbers) -> str:
        """One row per row of the stage, in its order: a constant, then the returned columns."""
        return (
            f"INSERT INTO {self.table.name} AS t ({quoted(self.columns)})\n"
            f"SELECT {quoted(self.columns, 's.')} FROM {self.stage.name} AS s\n"
            f" WHERE {self.stage.rows(numbers)} ORDER BY s.{self.stage.number}\n"
            f"RETURNING true{_returned(self.returning)}"
        )


@dataclass(frozen=True)
class ChangeSql:
    """Statements of an update. In the stage, a column of `where` is called `=name`."""

    table: Table
    stage: Stage
    set: tuple[str, ...]
    where: tuple[str, ...]
    returning: tuple[str, ...]

    def _matched(self) -> str:
        return " AND ".join(f"t.{quote(name)} = s.{quote('=' + name)}" for name in self.where)

    def match(self, numbers: Numbers) -> str:
        """(index, returned columns) of the rows that are meant, locked in one order."""
        order = ", ".join(f"t.{quote(name)}" for name in (self.table.primary_key or self.where))
        lock = f"\n ORDER BY {order} FOR UPDATE OF t" if self.table.kind in ("table", "partitioned") else ""
        return (
            f"SELECT s.{self.stage.number}{_returned(self.returning)} FROM {self.table.name} AS t\n"
            f"  JOIN {self.stage.name} AS s ON {self._matched()} WHERE {self.stage.rows(numbers)}{lock}"
        )

    def update(self, numbers: Numbers) -> str:
        """(index, returned columns) of the rows that were not yet as they should be."""
        assignments = ", ".join(f"{quote(name)} = s.{quote(name)}" for name in self.set)
        old, new = quoted(self.set, "t."), quoted(self.set, "s.")
        return (
            f"UPDATE {self.table.name} AS t SET {assignments} FROM {self.stage.name} AS s\n"
            f" WHERE {self._matched()} AND {self.stage.rows(numbers)} AND ROW({old})::record *<> ROW({new})::record\n"
            f"RETURNING s.{self.stage.number}{_returned(self.returning)}"
        )
