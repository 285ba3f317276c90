"""What MySQL's catalogue says about a table: columns with their types and collations, unique indexes, engine.

Stage: before a writer is made; read once per table and transaction.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from portl.connectors.identifiers import closest
from portl.connectors.operations import Column, Table
from portl.errors import SchemaError

from .literals import kind_of, quoted_text
from .names import quote

Fetch = Callable[[str], list[tuple[Any, ...]]]
"""Runs a query of the catalogue."""

_TABLE = """
SELECT t.TABLE_SCHEMA, t.TABLE_NAME, t.TABLE_TYPE, t.ENGINE, coalesce(e.TRANSACTIONS, 'YES')
  FROM information_schema.TABLES AS t LEFT JOIN information_schema.ENGINES AS e ON e.ENGINE = t.ENGINE
 WHERE t.TABLE_SCHEMA = {schema} AND t.TABLE_NAME = {name}"""
_NAMES = """
SELECT IF(TABLE_SCHEMA = DATABASE(), TABLE_NAME, CONCAT(TABLE_SCHEMA, '.', TABLE_NAME)) AS name
  FROM information_schema.TABLES
 WHERE TABLE_SCHEMA NOT IN ('information_schema', 'performance_schema', 'mysql', 'sys') AND TABLE_TYPE <> 'SEQUENCE'"""
_FILLS = """
SELECT 1 FROM information_schema.TRIGGERS
 WHERE EVENT_OBJECT_SCHEMA = {schema} AND EVENT_OBJECT_TABLE = {name}
   AND ACTION_TIMING = 'BEFORE' AND EVENT_MANIPULATION = 'INSERT' LIMIT 1"""
_COLUMNS = """
SELECT COLUMN_NAME, COLUMN_TYPE, DATA_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA, GENERATION_EXPRESSION,
       CHARACTER_SET_NAME, COLLATION_NAME
  FROM information_schema.COLUMNS
 WHERE TABLE_SCHEMA = {schema} AND TABLE_NAME = {name}
 ORDER BY ORDINAL_POSITION"""
_INDEXES = """
SELECT INDEX_NAME, COLUMN_NAME, SUB_PART
  FROM information_schema.STATISTICS
 WHERE TABLE_SCHEMA = {schema} AND TABLE_NAME = {name} AND NON_UNIQUE = 0
 ORDER BY INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX"""
_JSON = """
SELECT CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS
 WHERE CONSTRAINT_SCHEMA = {schema} AND TABLE_NAME = {name} AND CHECK_CLAUSE LIKE 'json_valid(%'"""
_VALID = re.compile(r"json_valid\(`(.*)`\)", re.I | re.S)


@dataclass(frozen=True)
class MysqlTable(Table):
    """A table of MySQL."""

    spelt: dict[str, str] = field(default_factory=dict)
    """`{column name: type}` as a definition needs it: with character set and collation."""
    numbered: str = ""
    """The column that numbers its rows; "" for none."""
    restless: frozenset[str] = frozenset()
    """Columns that may change when others are written."""
    indexes: dict[frozenset[str], str] = field(default_factory=dict)
    """`{columns: name}` of the unique indexes that can be used."""
    engine: str = ""
    """A storage engine that knows no transactions; "" for one that does."""


def read_table(fetch: Fetch, name: str, *, is_mariadb: bool) -> MysqlTable:
    """The table `name` or `database.name`. Raises SchemaError when there is none."""
    for schema, relation in _spellings(name):
        place = {"schema": schema, "name": quoted_text(relation)}
        for found in fetch(_TABLE.format(**place)):
            return _table(fetch, found, is_mariadb=is_mariadb)
    names = read_tables(fetch)
    raise SchemaError(f"there is no table {name}.", hint=closest(name, names) if names else None, code="1146")


def read_tables(fetch: Fetch) -> tuple[str, ...]:
    """See `Transaction.tables`."""
    return tuple(sorted(row[0] for row in fetch(_NAMES)))


def _spellings(name: str) -> list[tuple[str, str]]:
    quote(name)
    schema, dot, relation = name.partition(".")
    return [("DATABASE()", name), *([(quoted_text(schema), relation)] if dot and schema and relation else [])]


def _table(fetch: Fetch, found: Sequence[Any], *, is_mariadb: bool) -> MysqlTable:
    schema, name, kind, engine, transactions = found
    place = {"schema": quoted_text(schema), "name": quoted_text(name)}
    rows = fetch(_COLUMNS.format(**place))
    json = _json_columns(fetch(_JSON.format(**place))) if is_mariadb else set()
    indexes, unusable = _indexes(fetch(_INDEXES.format(**place)))
    return MysqlTable(
        name=f"{quote(schema)}.{quote(name)}",
        columns={row[0]: _column(row, is_json=row[0] in json) for row in rows},
        kind="view" if "VIEW" in kind else "table",
        primary_key=indexes.get("PRIMARY", ()),
        unique=tuple(dict.fromkeys(indexes.values())),
        unusable=unusable,
        fills=bool(fetch(_FILLS.format(**place))),
        spelt={row[0]: _spelt(row) for row in rows},
        numbered=next((row[0] for row in rows if "auto_increment" in row[5].lower()), ""),
        restless=frozenset(row[0] for row in rows if row[6] or "on update" in row[5].lower()),
        indexes={frozenset(names): index for index, names in reversed(indexes.items())},
        engine=engine or "" if transactions != "YES" else "",
    )


def _column(row: Sequence[Any], *, is_json: bool) -> Column:
    name, declared, data_type, nullable, default, extra, computed, *_ = row
    is_numbered = "auto_increment" in extra.lower()
    return Column(
        name,
        declared,
        nullable=nullable == "YES" or is_numbered,  # for NULL the server gives the next number
        has_default=default is not None or is_numbered,
        writable=not computed,
        kind="json" if is_json else kind_of(data_type),
    )


def _spelt(row: Sequence[Any]) -> str:
    charset, collation = row[7:9]
    declared = str(row[1])
    return f"{declared} CHARACTER SET {charset} COLLATE {collation}" if collation and charset else declared


def _json_columns(rows: Sequence[Sequence[Any]]) -> set[str]:
    """Columns that MariaDB made of the type JSON: texts with a check."""
    found = (_VALID.fullmatch(row[0]) for row in rows)
    return {match[1].replace("``", "`") for match in found if match}


def _indexes(rows: Sequence[Sequence[Any]]) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """`{name: columns}` of the unique indexes on whole columns, the primary key's first; the others with reasons."""
    columns: dict[str, list[Any]] = {}
    reasons: dict[str, str] = {}
    for index, column, prefix in rows:
        columns.setdefault(index, []).append(column)
        if column is None:
            reasons[index] = "is on an expression"
        elif prefix is not None:
            reasons[index] = "is on the first characters of a column only"
    unique = {index: tuple(names) for index, names in columns.items() if index not in reasons}
    return unique, tuple(f"{index} {reason}" for index, reason in reasons.items())
