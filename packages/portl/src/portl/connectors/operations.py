"""What a job asks of a database and what it gets back: data, the same for every database.

Stage: made by steps, read by connectors. Touches nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Row = tuple[Any, ...]
"""Values in the order of the operation's columns."""

Update = Literal["all", "merge", "none"] | tuple[str, ...]
"""What an upsert does to a row that is there already: write all mapped columns; write those whose new value is not
NULL; write nothing; write the named columns. Columns of the key are never written. A row whose values would stay as
they are is not touched."""

OnDuplicate = Literal["error", "first", "last"]
"""Rows of one source with the same key: an error; only the first counts; they are written one after the other."""

Isolation = Literal["read_committed", "repeatable_read", "serializable"]


@dataclass(frozen=True)
class Upsert:
    """Insert rows, or update those whose key is there already."""

    table: str
    """`table` or `schema.table`, as it is spelt in the database; no quotes."""
    columns: tuple[str, ...]
    """Of the table, in the order of the rows' values."""
    key: tuple[str, ...]
    """Columns that identify a row; the table has a unique index on exactly these. Among `columns`."""
    update: Update = "all"
    on_duplicate: OnDuplicate = "error"
    in_order: bool = False
    """Whether ids rise with the rows. Otherwise rows are written in the order of their keys, so that two jobs do not
    wait for each other."""
    returning: tuple[str, ...] | None = None
    """Columns of the table to give back. None: `id` where the table has it, else the primary key."""


@dataclass(frozen=True)
class Insert:
    """Insert rows; a row that breaks a unique index is an error."""

    table: str
    columns: tuple[str, ...]
    returning: tuple[str, ...] | None = None
    """As for `Upsert`."""


@dataclass(frozen=True)
class Change:
    """Update rows: one statement's worth of `set` and `where` per row of input."""

    table: str
    set: tuple[str, ...]
    """Columns to write. A row's values are those of `set`, then those of `where`."""
    where: tuple[str, ...]
    """Columns that have to be equal to the row's values; a NULL among these values is an error."""
    expect_rows: int | None = None
    """How many rows of the table each row of input has to update; None for any number."""
    returning: tuple[str, ...] | None = None
    """As for `Upsert`. Their values are None where not exactly one row was updated."""


@dataclass(frozen=True)
class Sql:
    """A statement with places for values: `Sql(("SELECT a FROM t WHERE b = ", 0, " AND c > ", 1))`."""

    parts: tuple[str | int, ...]
    """Text, or the position of a value in the row of parameters, from 0. A position may come more than once."""
    names: tuple[str, ...] = ()
    """What each position is called in messages; () for numbers."""

    @property
    def size(self) -> int:
        """How many values a row of parameters has."""
        return max((part for part in self.parts if isinstance(part, int)), default=-1) + 1

    def text(self, placeholder: str = ":{}") -> str:
        """The statement with `placeholder` (formatted with name or number) at each place; for people."""
        return "".join(part if isinstance(part, str) else placeholder.format(self.name(part)) for part in self.parts)

    def name(self, position: int) -> str:
        """What the value at `position` is called."""
        return self.names[position] if position < len(self.names) else str(position + 1)


@dataclass(frozen=True)
class WriteResult:
    """What became of the rows of one chunk. Each list of `columns` is aligned with the chunk."""

    columns: dict[str, list[Any]]
    """`{column name: values}`: the returned columns of the table; then `was_inserted` and `changed` of an upsert or
    insert; `changed` and `updated` (number of rows) of an update. `changed` is true where any stored value differs
    from before."""
    inserted: int = 0
    """Rows that are new."""
    updated: int = 0
    """Rows that were there and were changed."""

    def rows(self) -> Iterator[dict[str, Any]]:
        """One mapping per row of the chunk."""
        names = tuple(self.columns)
        return (dict(zip(names, values, strict=True)) for values in zip(*self.columns.values(), strict=True))


@dataclass(frozen=True)
class QueryResult:
    """Answers to one query with several rows of parameters."""

    columns: tuple[str, ...]
    """() where that is not known: SQLite has to be asked something to tell."""
    rows: list[Row | None]
    """One row per row of parameters; None where the query found nothing."""


@dataclass(frozen=True)
class Reading:
    """Rows of a query that are fetched while they are iterated."""

    columns: tuple[str, ...]
    chunks: Iterator[list[Row]]
    """At most the requested number of rows each; valid while the transaction is open."""


Kind = Literal["json", "array", "text", "integer", "number", "blob", ""]
"""Families of column types that are written differently; "" for all others."""


@dataclass(frozen=True)
class Column:
    """A column as the database's catalogue describes it."""

    name: str
    type: str
    """The database's name of the type, with length or precision: `numeric(10,2)`."""
    nullable: bool = True
    has_default: bool = False
    writable: bool = True
    """False for computed columns and identities that the database alone gives."""
    kind: Kind = ""
    """What Python values it takes: see `Kind`. A domain has the kind of what it is made of."""
    element: Kind = ""
    """The kind of an array's elements."""


@dataclass(frozen=True)
class Table:
    """A table, partitioned table or view as the database's catalogue describes it."""

    name: str
    """Quoted and qualified, as statements use it."""
    columns: dict[str, Column]
    """`{column name: Column}`, in the table's order."""
    kind: Literal["table", "partitioned", "view", "foreign"] = "table"
    primary_key: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    """Columns of each unique index that `ON CONFLICT` can use, the primary key's first."""
    unusable: tuple[str, ...] = ()
    """Unique indexes that it cannot use, each with the reason: partial, on an expression, deferrable."""
    fills: bool = False
    """Whether a trigger may give columns of a new row their values before the database looks for nulls."""

    @property
    def shown(self) -> str:
        """Its name for people, without the quotes."""
        return self.name.replace('"', "").replace("`", "")

    def demands(self, name: str) -> bool:
        """Whether a null that is written to the column is refused; False where a trigger decides."""
        if self.fills or self.kind not in ("table", "partitioned"):
            return False
        return name in self.columns and not self.columns[name].nullable

    def default_returning(self) -> tuple[str, ...]:
        """What writes give back when nothing is said: `id`, else the primary key."""
        return ("id",) if "id" in self.columns else self.primary_key


@dataclass(frozen=True)
class TransactionOptions:
    """How a transaction is opened."""

    isolation: Isolation = "read_committed"
    read_only: bool = False
    definitions: bool = False
    """It makes portl's own tables. Where the database cannot do that in a transaction, each statement stands alone."""


@dataclass(frozen=True)
class Witness:
    """A row that the transaction itself writes; whoever finds it later knows that COMMIT took effect."""

    sql: Sql
    """A query that gives a row exactly when the transaction is committed."""
    values: Row = field(default=())


Rows = Sequence[Row]
