"""Names of tables and columns: quoted, and looked up before they are used."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from portl.errors import SchemaError

from .operations import Column, Table


def quote(name: str, mark: str = '"') -> str:
    """`name` as a quoted identifier, in the quotes of standard SQL or between `mark`s.

    Raises SchemaError for names no database can have.
    """
    if not name or "\0" in name:
        raise SchemaError(f"{name!r} cannot be the name of a table or column.")
    return mark + name.replace(mark, mark * 2) + mark


def quoted(names: Iterable[str], prefix: str = "", mark: str = '"') -> str:
    """Quoted names with commas between them, each with `prefix` before it."""
    return ", ".join(prefix + quote(name, mark) for name in names)


def closest(name: str, known: Iterable[str]) -> str:
    """A hint that names the most similar of `known`, or all of them where none is similar."""
    names = list(known)
    similar = difflib.get_close_matches(name, names, n=1) or [known for known in names if known.lower() == name.lower()]
    return f"Did you mean {similar[0]}?" if similar else f"It has: {', '.join(names)}."


def require_columns(table: Table, names: Iterable[str]) -> list[Column]:
    """The named columns. Raises SchemaError for the first that the table does not have."""
    return [_column(table, name) for name in names]


def _column(table: Table, name: str) -> Column:
    if name not in table.columns:
        error = SchemaError(f"{table.shown} has no column {name}.", hint=closest(name, table.columns), code="42703")
        error.column = name
        raise error
    return table.columns[name]


def require_writable(table: Table, names: Sequence[str]) -> list[Column]:
    """The named columns, all of which can be written. Raises SchemaError; also for a name that comes twice, or none."""
    columns = require_columns(table, names)
    if not names:
        raise SchemaError(f"{table.shown}: no column is named.")
    for position, column in enumerate(columns):
        if not column.writable or column.name in names[:position]:
            what = "is named twice" if column.writable else "is computed by the database and cannot be written"
            error = SchemaError(f"{table.shown}: the column {column.name} {what}.")
            error.column = column.name
            raise error
    return columns


def require_complete(table: Table, names: Sequence[str]) -> None:
    """Raises SchemaError when a new row cannot do without a column that is not among `names`."""
    missing = [
        column.name
        for column in table.columns.values()
        if column.name not in names and column.writable and not column.has_default and table.demands(column.name)
    ]
    if missing:
        raise SchemaError(
            f"{table.shown}: a new row needs a value for {', '.join(missing)}, which the mapping leaves out.",
            hint="Map it; or give it a default in the database; or change rows that are there with db.update.",
            code="23502",
        )


def require_unique(table: Table, key: Sequence[str], columns: Sequence[str]) -> None:
    """Raises SchemaError when `key` is not among `columns`, or no unique index of the table has just these columns."""
    if not key:
        raise SchemaError(f"{table.shown}: the key names no column.")
    for name in key:
        _column(table, name)
        if name not in columns:
            error = SchemaError(f"{table.shown}: the column {name} of the key is not among those that are written.")
            error.column = name
            raise error
    if table.kind != "view" and not any(set(unique) == set(key) for unique in table.unique):
        raise missing_unique(table, key)


def missing_unique(table: Table, key: Sequence[str]) -> SchemaError:
    """The error for a key without a unique index; its hint lists the indexes there are."""
    usable = [f"({', '.join(unique)})" for unique in table.unique]
    there = f"It has unique indexes on {', '.join(usable)}." if usable else "It has no unique index that can be used."
    odd = f" Not usable: {'; '.join(table.unusable)}." if table.unusable else ""
    return SchemaError(
        f"{table.shown} has no unique index on exactly ({', '.join(key)}), so rows cannot be matched by this key.",
        hint=there + odd,
        code="42P10",
    )


def resolve_returning(table: Table, returning: Sequence[str] | None) -> tuple[str, ...]:
    """The columns to give back. Raises SchemaError for an unknown one."""
    names = table.default_returning() if returning is None else tuple(returning)
    require_columns(table, names)
    return names


def updated_columns(columns: Sequence[str], key: Sequence[str], update: str | tuple[str, ...]) -> tuple[str, ...]:
    """The columns that an upsert writes in rows that are there already."""
    if update == "none":
        return ()
    if isinstance(update, tuple):
        for name in update:
            if name not in columns:
                raise SchemaError(f"update names the column {name}, which is not among those that are written.")
        return tuple(name for name in update if name not in key)
    return tuple(name for name in columns if name not in key)
