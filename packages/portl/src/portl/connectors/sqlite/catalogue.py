"""What SQLite's catalogue says about a table: columns with their declared types, unique indexes, kind."""

from __future__ import annotations

from typing import Any

from portl.connectors.identifiers import closest, quote
from portl.connectors.operations import Column, Table
from portl.errors import SchemaError

from .coerce import declared_kind
from .session import Session

_ROWIDS = ("rowid", "_rowid_", "oid")


def read_table(session: Session, name: str) -> Table:
    """The table `name`, or `database.name` for an attached one. Raises SchemaError when there is none."""
    for schema, relation in _spellings(name):
        kinds = _kinds(session, schema, relation)
        if kinds:
            return _table(session, schema, relation, is_view=kinds[0] == "view")
    raise SchemaError(f"there is no table {name}.", hint=closest(name, read_tables(session)), code="42P01")


def _spellings(name: str) -> list[tuple[str, str]]:
    schema, dot, relation = name.partition(".")
    return [("main", name), *([(schema, relation)] if dot and schema and relation else [])]


def _kinds(session: Session, schema: str, relation: str) -> list[str]:
    known = {row[1] for row in session.fetch("PRAGMA database_list")}
    if schema not in known:
        return []
    sql = f"SELECT type FROM {quote(schema)}.sqlite_master WHERE type IN ('table', 'view') AND name = ?"
    return [row[0] for row in session.fetch(sql, (relation,))]


def read_tables(session: Session) -> tuple[str, ...]:
    """See `Transaction.tables`."""
    sql = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    return tuple(sorted(row[0] for row in session.fetch(sql)))


def _table(session: Session, schema: str, relation: str, *, is_view: bool) -> Table:
    rows = session.fetch("SELECT * FROM pragma_table_xinfo(?, ?)", (relation, schema))
    keys = sorted((row[5], row[1]) for row in rows if row[5])
    primary = tuple(name for _, name in keys)
    unique, unusable = _indexes(session, schema, relation)
    return Table(
        name=f"{quote(schema)}.{quote(relation)}",
        columns={row[1]: _column(row, primary) for row in rows if row[6] != 1},
        kind="view" if is_view else "table",
        primary_key=primary,
        unique=tuple(dict.fromkeys(([primary] if primary else []) + unique)),
        unusable=tuple(unusable),
    )


def _column(row: tuple[Any, ...], primary: tuple[str, ...]) -> Column:
    _, name, declared, not_null, default, _, hidden = row
    is_rowid = primary == (name,) and declared.upper() == "INTEGER"
    return Column(
        name,
        declared,
        nullable=not not_null or is_rowid,
        has_default=default is not None or is_rowid,
        writable=hidden == 0,
        kind=declared_kind(declared),
    )


def _indexes(session: Session, schema: str, relation: str) -> tuple[list[tuple[str, ...]], list[str]]:
    unique: list[tuple[str, ...]] = []
    unusable: list[str] = []
    for _, name, is_unique, _, partial in session.fetch("SELECT * FROM pragma_index_list(?, ?)", (relation, schema)):
        columns = [row[2] for row in session.fetch("SELECT * FROM pragma_index_info(?, ?)", (name, schema))]
        if not is_unique:
            continue
        if partial or None in columns:
            unusable.append(f"{name} {'is partial' if partial else 'is on an expression'}")
        else:
            unique.append(tuple(columns))
    return unique, unusable


def identity(session: Session, table: Table) -> str:
    """An expression that tells a row of the table from every other."""
    for name in _ROWIDS:
        if name in {column.lower() for column in table.columns}:
            continue
        try:
            session.fetch(f"SELECT {name} FROM {table.name} LIMIT 0")  # a constant and a quoted name
        except SchemaError:
            break
        return name
    return f"json_array({', '.join(map(quote, table.primary_key))})"
