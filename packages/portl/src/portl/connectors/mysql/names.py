"""Names of tables and columns between backticks: double quotes are texts in MySQL. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from portl.connectors import identifiers

MARK = "`"


def quote(name: str) -> str:
    """`name` as a quoted identifier. Raises SchemaError for names no database can have."""
    return identifiers.quote(name, MARK)


def quoted(names: Iterable[str], prefix: str = "") -> str:
    """Quoted names with commas between them, each with `prefix` before it."""
    return identifiers.quoted(names, prefix, MARK)


def spelt(table: str) -> str:
    """`table` or `database.table`, quoted."""
    schema, dot, name = table.partition(".")
    return f"{quote(schema)}.{quote(name)}" if dot and schema and name else quote(table)
