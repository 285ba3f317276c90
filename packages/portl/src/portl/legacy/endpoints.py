"""Reads the sections `source` and `destination` of a legacy job.

Stage: one section → `Endpoint`, and mistakes. The names of fields become those of steps jobs. Touches nothing.
"""

from __future__ import annotations

from typing import Any, Literal

from ..errors import Finding
from ..model.load import Document
from .model import Endpoint, Kind
from .section import Section

KINDS: dict[str, str] = {
    "csv": "csv",
    "postgres": "postgres",
    "postgresql": "postgres",
    "mysql": "mysql",
    "mariadb": "mysql",
    "sqlite": "sqlite",
    "google_sheets": "google_sheets",
    "google_sheet": "google_sheets",
}
_DELIMITERS = {"\\t": "\t", "tab": "\t"}

Role = Literal["source", "destination"]


def endpoint(top: Section, role: Role, document: Document, found: list[Finding]) -> Endpoint | None:
    """The section `role` of a job; None where too much of it is wrong."""
    value = top.take(role)
    if value is None:
        top.tell((), f"'{role}' is missing.", "A job of this format has source and destination.", key=True)
        return None
    if not isinstance(value, dict):
        top.wrong(role, "a mapping", value)
        return None
    section = Section(value, (role,), document.source, found)
    kind: Any = section.choice("type", KINDS, required=True)
    if kind is None:
        return None
    before = len(found)
    fields = {name: value for name, value in _FIELDS[kind](section, role).items() if value is not None}
    section.finish()
    return Endpoint(role, kind, fields, section.places) if len(found) == before else None


def _csv(section: Section, role: Role) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "path": section.text("path", required="It names the file, relative to the job file."),
        "delimiter": section.text("delimiter"),
        "encoding": section.text("encoding"),
        "has_header": section.flag("has_header"),
    }
    if fields["delimiter"] is not None:
        fields["delimiter"] = _DELIMITERS.get(fields["delimiter"], fields["delimiter"])
        if len(fields["delimiter"]) != 1:
            section.wrong("delimiter", "one character", fields["delimiter"])
    if role == "source":
        fields["quotechar"] = section.text("quotechar")
    return fields


def _server(section: Section, role: Role) -> dict[str, Any]:
    return {
        "host": section.text("host"),
        "port": _port(section),
        "database": section.text("database", required="It names the database."),
        "user": section.text("user", "username"),
        "password": section.text("password"),
        **_table(section, role),
    }


def _postgres(section: Section, role: Role) -> dict[str, Any]:
    return {**_server(section, role), "sslmode": section.text("sslmode")}


def _mysql(section: Section, role: Role) -> dict[str, Any]:
    fields = {**_server(section, role), "unix_socket": section.text("unix_socket")}
    if fields["user"] is None:
        section.tell((), "'user' is missing.", "MySQL asks who logs in.", key=True)
    return fields


def _sqlite(section: Section, role: Role) -> dict[str, Any]:
    path = section.text("path", "database", required="It names the database's file.")
    return {"path": path, **_table(section, role)}


def _port(section: Section) -> Any:
    value = section.data.get("port")
    if isinstance(value, str):
        return section.text("port")  # a variable; the connection's type checks it
    return section.number("port", low=1, high=65535)


def _table(section: Section, role: Role) -> dict[str, Any]:
    """The table, or the query of a source."""
    schema = section.text("schema")
    table = section.text("table", "table_name")
    query = section.text("query") if role == "source" else None
    if table is None and query is None:
        what = "'table' or 'query' is missing." if role == "source" else "'table' is missing."
        section.tell((), what, "It says what is read." if role == "source" else "It says where rows go.", key=True)
    if table is not None and query is not None:
        section.tell(("query",), "table and query exclude each other.", "Remove one of them.", key=True)
    return {"table": f"{schema}.{table}" if schema and table else table, "query": query}


def _sheets(section: Section, role: Role) -> dict[str, Any]:
    return {
        "spreadsheet_id": section.text("spreadsheet_id", "sheet_id", required="It is the long word in its address."),
        "sheet_name": section.text("sheet_name", "tab_name"),
        "range": section.text("range", "range_name"),
        "credentials_path": section.text("credentials_path"),
    }


_FIELDS: dict[Kind, Any] = {
    "csv": _csv,
    "postgres": _postgres,
    "mysql": _mysql,
    "sqlite": _sqlite,
    "google_sheets": _sheets,
}
