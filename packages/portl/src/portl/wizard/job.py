"""The job that decisions make: its connections and steps, and its text.

Stage: `Decisions` → `Parts` → text. Pure; the same decisions always make the same text.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import CommandLineError
from .columntypes import Reading
from .emit import Row, block
from .facts import CsvFile, Source, TableRows
from .matching import Link
from .naming import free, name_of
from .places import CsvPlace, DatabasePlace, Place, seen_from

Conflict = Literal["overwrite", "merge", "skip", "fail"]


@dataclass(frozen=True)
class Existing:
    """What a job that is there already has; empty for a new one."""

    connections: Mapping[str, Any] = field(default_factory=dict)
    ids: Collection[str] = ()


@dataclass(frozen=True)
class End:
    """One end of the job: where it is, and whether the job has to know a password for it."""

    place: Place
    with_password: bool = False


@dataclass(frozen=True)
class Decisions:
    """All that was found out and decided."""

    name: str
    source: End
    facts: Source
    target: End
    table: str = ""
    """The table that is written; "" for a CSV file."""
    links: tuple[Link, ...] = ()
    """In the order of the mapping; () copies every column."""
    key: tuple[str, ...] = ()
    """Columns of the table that identify a row; () inserts without looking."""
    conflict: Conflict = "overwrite"
    readings: Mapping[str, Reading] = field(default_factory=dict)
    """`{column of the source: how it is read}`."""
    required: Collection[str] = ()
    """Columns of the source that may not be empty."""


@dataclass(frozen=True)
class Parts:
    """What a job is made of."""

    name: str
    connections: dict[str, Any]
    steps: list[dict[str, Any]]
    transaction: str | None
    """The connection of the transaction, where it has to be said."""


def parts_of(decisions: Decisions, folder: str = ".", existing: Existing = Existing()) -> Parts:
    """The job's parts, named so that they do not clash with those of `existing`. Raises CommandLineError."""
    connections: dict[str, Any] = {}
    source = _connected(decisions.source, folder, connections, existing)
    target = _connected(decisions.target, folder, connections, existing)
    read = free(f"read_{_noun(decisions.facts, decisions.source.place)}", existing.ids)
    written = name_of(decisions.table, "table") if decisions.table else decisions.target.place.name
    write = free(f"write_{written}", {read, *existing.ids})
    steps = [_reading(decisions, read, source, folder), _writing(decisions, write, read, target, folder)]
    both = {name for name in (source, target) if name is not None}
    return Parts(decisions.name, connections, steps, target if len(both) > 1 else None)


def text_of(parts: Parts) -> str:
    """The text of a new job."""
    transaction = {} if parts.transaction is None else {"transaction": Row(connection=parts.transaction)}
    connections = {"connections": parts.connections} if parts.connections else {}
    job = {"version": 2, "name": parts.name, **connections, **transaction, "steps": parts.steps}
    return "\n".join(block(job)) + "\n"


def column_of(name: str, alias: str = "row") -> str:
    """The expression for a column of the row."""
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) and not keyword.iskeyword(name):
        return f"{alias}.{name}"
    return f"{alias}['{_escaped(name)}']"


def _escaped(name: str) -> str:
    """Inside the quotes of an expression's text; braces too, which would end it."""
    return re.sub(r"[^ -~\u00a1-\ud7ff\uf900-\ufffd]|['\"\\{}%#]", _code, name)


def _code(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _noun(facts: Source, place: Place) -> str:
    return name_of(facts.name, "table") if isinstance(facts, TableRows) else place.name


def _connected(end: End, folder: str, connections: dict[str, Any], existing: Existing) -> str | None:
    """The name of the end's connection; an equal one is used again."""
    if isinstance(end.place, CsvPlace):
        return None
    entry = end.place.connection(folder=folder, with_password=end.with_password)
    known = {**existing.connections, **connections}
    for name, other in known.items():
        if _same(entry, other):
            return name
    name = free(end.place.name, known)
    connections[name] = entry
    return name


def _same(one: dict[str, Any], other: Any) -> bool:
    """Whether they are the same database, however the password is called."""
    return isinstance(other, dict) and {**one, "password": ""} == {**other, "password": ""}


def _reading(decisions: Decisions, step_id: str, connection: str | None, folder: str) -> dict[str, Any]:
    facts = decisions.facts
    if isinstance(facts, CsvFile):
        assert isinstance(decisions.source.place, CsvPlace)  # noqa: S101  # a file has its place
        path = seen_from(folder, decisions.source.place.path)
        return {"id": step_id, "type": "csv.read", "path": literal(path), **_layout(decisions, facts)}
    needed = [column.name for column in facts.columns if column.name in _used(decisions)]
    quote = "`" if facts.quoted.startswith("`") else '"'
    names = ", ".join(quote + name.replace(quote, quote * 2) + quote for name in needed)
    sql = f"SELECT {names} FROM {facts.quoted}"  # noqa: S608  # made of quoted identifiers
    if "{{" in sql:
        raise CommandLineError(f"{facts.name}: names with '{{{{' cannot be read by a job.")
    return {"id": step_id, "type": "db.read", "connection": connection, "sql": sql}


def _used(decisions: Decisions) -> set[str]:
    if not decisions.links:
        return {column.name for column in decisions.facts.columns}
    return {link.source for link in decisions.links if link.source is not None}


def _layout(decisions: Decisions, facts: CsvFile) -> dict[str, Any]:
    layout: dict[str, Any] = {}
    if facts.delimiter != ",":
        layout["delimiter"] = facts.delimiter
    if facts.encoding != "utf-8":
        layout["encoding"] = facts.encoding
    if not facts.has_header:
        layout["has_header"] = False
    columns: dict[str, Any] = {}
    for column in facts.columns:
        spec = decisions.readings.get(column.name, Reading()).spec(required=column.name in decisions.required)
        if not facts.has_header and not spec:
            spec = {"type": "string"}
        if spec:
            columns[column.name] = spec["type"] if len(spec) == 1 else Row(spec)
    return {**layout, **({"columns": columns} if columns else {})}


def _writing(decisions: Decisions, step_id: str, read: str, connection: str | None, folder: str) -> dict[str, Any]:
    batch = Row({"from": f"{{{{ steps.{read}.rows }}}}", "as": "row"})
    mapping = {link.target: _value(link, decisions.readings) for link in decisions.links}
    if isinstance(decisions.target.place, DatabasePlace):
        return {"id": step_id, **_kind(decisions, connection, batch, mapping)}
    path = literal(seen_from(folder, decisions.target.place.path))
    delimiter = {"delimiter": "\t"} if path.lower().endswith((".tsv", ".tab")) else {}
    step = {"id": step_id, "type": "csv.write", "batch": batch, "path": path, **delimiter}
    return {**step, "mapping": mapping} if mapping else step


def _kind(decisions: Decisions, connection: str | None, batch: Row, mapping: dict[str, Any]) -> dict[str, Any]:
    head = {"connection": connection, "batch": batch, "table": decisions.table}
    key, conflict = list(decisions.key), decisions.conflict
    if conflict == "fail" or not key:
        return {"type": "db.insert", **head, "mapping": mapping}
    if conflict == "skip":
        return {"type": "db.insert", **head, "on_conflict": "skip", "key": key, "mapping": mapping}
    merge = {"update": "merge"} if conflict == "merge" else {}
    return {"type": "db.upsert", **head, "key": key, **merge, "mapping": mapping}


def _value(link: Link, readings: Mapping[str, Reading]) -> Any:
    if link.source is None:
        return link.value
    filters = readings[link.source].expression if link.source in readings else ""
    return f"{{{{ {column_of(link.source)}{filters} }}}}"


def literal(text: str) -> str:
    """A text that portl would otherwise take for a template, as the template that gives it."""
    return text if not re.search(r"\{[{%#]", text) else f"{{{{ '{_escaped(text)}' }}}}"
