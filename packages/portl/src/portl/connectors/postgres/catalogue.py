"""What PostgreSQL's catalogue says about a table: columns with their types, unique indexes, kind.

Stage: before a writer is made; read once per table and transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from portl.connectors.identifiers import quote
from portl.connectors.operations import Column, Kind, Table
from portl.errors import SchemaError

Fetch = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
"""Runs a query of the catalogue with its parameters."""

_RELATION = """
SELECT c.oid, c.relkind::text, n.nspname, c.relname,
       EXISTS (SELECT 1 FROM pg_catalog.pg_trigger g
                WHERE g.tgtype & 3 = 3 AND g.tgtype & 20 <> 0 AND (g.tgrelid = c.oid
                   OR g.tgrelid IN (SELECT relid FROM pg_catalog.pg_partition_tree(c.oid))))
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = pg_catalog.to_regclass(%s)"""

_COLUMNS = """
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), NOT (a.attnotnull OR t.typnotnull),
       a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL,
       a.attgenerated = '' AND a.attidentity <> 'a', b.oid::regtype::text, b.typcategory::text,
       coalesce(e.typname::text, ''), coalesce(e.typcategory::text, '')
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  JOIN pg_catalog.pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
  LEFT JOIN pg_catalog.pg_type e ON e.oid = b.typelem AND b.typcategory = 'A'
 WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum"""

_INDEXES = """
SELECT i.indexrelid::regclass::text, i.indisprimary, i.indimmediate, i.indpred IS NOT NULL, i.indexprs IS NOT NULL,
       i.indisvalid, ARRAY(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(n, place)
                             JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n
                            WHERE k.place <= i.indnkeyatts ORDER BY k.place)
  FROM pg_catalog.pg_index i
 WHERE i.indrelid = %s AND i.indisunique
 ORDER BY i.indisprimary DESC, i.indexrelid"""

_TABLES = """
SELECT CASE WHEN pg_catalog.pg_table_is_visible(c.oid) THEN c.relname::text ELSE n.nspname || '.' || c.relname END
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'f') AND NOT c.relispartition
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
 ORDER BY NOT pg_catalog.pg_table_is_visible(c.oid), 1"""

_TYPES = """
SELECT t.oid, pg_catalog.format_type(t.oid, NULL), b.oid::regtype::text, b.typcategory::text,
       coalesce(e.typname::text, ''), coalesce(e.typcategory::text, '')
  FROM pg_catalog.pg_type t
  JOIN pg_catalog.pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
  LEFT JOIN pg_catalog.pg_type e ON e.oid = b.typelem AND b.typcategory = 'A'
 WHERE t.oid = ANY(%s)"""

_Kinds = Literal["table", "partitioned", "view", "foreign"]
_KINDS: dict[str, _Kinds] = {"r": "table", "p": "partitioned", "v": "view", "f": "foreign"}


def read_table(fetch: Fetch, name: str) -> Table:
    """The table `name` or `schema.name`. Raises SchemaError when there is none that can be written."""
    found = _relation(fetch, name)
    if found is None:
        raise SchemaError(
            f"there is no table {name}.",
            hint="Write it as the database spells it, with its schema where that is not on the search path.",
            code="42P01",
        )
    oid, relkind, schema, relation, fills = found
    if relkind not in _KINDS:
        raise SchemaError(f"{name} is not a table or view that can be read and written.", code="42809")
    primary, unique, unusable = _indexes(fetch(_INDEXES, (oid,)))
    return Table(
        name=f"{quote(schema)}.{quote(relation)}",
        columns={row[0]: _column(row) for row in fetch(_COLUMNS, (oid,))},
        kind=_KINDS[relkind],
        primary_key=primary,
        unique=unique,
        unusable=unusable,
        fills=fills,
    )


def read_tables(fetch: Fetch) -> tuple[str, ...]:
    """See `Transaction.tables`."""
    return tuple(row[0] for row in fetch(_TABLES, ()))


def _relation(fetch: Fetch, name: str) -> tuple[Any, ...] | None:
    """As one name, then as schema and name."""
    spellings = [quote(name)]
    if "." in name:
        schema, _, relation = name.partition(".")
        spellings.append(f"{quote(schema)}.{quote(relation)}" if schema and relation else quote(name))
    for spelling in spellings:
        for row in fetch(_RELATION, (spelling,)):
            return row
    return None


def _column(row: Sequence[Any]) -> Column:
    name, kind_name, nullable, has_default, writable, base, category, element, element_category = row
    return Column(
        name,
        kind_name,
        nullable=nullable,
        has_default=has_default,
        writable=writable,
        kind=_kind(base, category),
        element=_kind(element, element_category),
    )


def _kind(name: str, category: str) -> Kind:
    if name in ("json", "jsonb"):
        return "json"
    return "array" if category == "A" else "text" if category == "S" else ""


def _indexes(rows: Sequence[Sequence[Any]]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """The primary key, the unique indexes that ON CONFLICT can use, and the others with their reasons."""
    primary: tuple[str, ...] = ()
    unique: list[tuple[str, ...]] = []
    unusable: list[str] = []
    for name, is_primary, immediate, partial, expression, valid, columns in rows:
        if is_primary:
            primary = tuple(columns)
        reason = (
            "is on an expression" if expression
            else "is partial" if partial
            else "is deferrable" if not immediate
            else "is not valid" if not valid
            else ""
        )  # fmt: skip
        if reason:
            unusable.append(f"{name} {reason}")
        else:
            unique.append(tuple(columns))
    return primary, tuple(unique), tuple(unusable)


def read_types(fetch: Fetch, oids: Sequence[int], names: Sequence[str]) -> list[Column]:
    """A nameless table's columns: those of the types `oids`, called `names` in messages."""
    known = {row[0]: row[1:] for row in fetch(_TYPES, (list(set(oids)),))}
    columns = []
    for oid, name in zip(oids, names, strict=True):
        kind_name, base, category, element, element_category = known[oid]
        columns.append(Column(name, kind_name, kind=_kind(base, category), element=_kind(element, element_category)))
    return columns
