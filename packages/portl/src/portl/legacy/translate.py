"""Translates a legacy job into the data of a steps job.

Stage: `LegacyJob` + `Columns` → `Translation`. Touches nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..errors import JobSpecError
from ..model.yaml import Path
from .columns import Columns
from .model import Endpoint, LegacyJob
from .parse import LARGEST_BATCH

UNKNOWN_COLUMNS = "‹the source's other columns›"
ROWS = "{{ steps.read.rows }}"


@dataclass(frozen=True)
class Note:
    """Something about the translation that a reader has to know."""

    path: Path
    """In the steps job; () for the whole."""
    text: str
    is_warning: bool = False


@dataclass
class Translation:
    """A steps job. Not frozen: it is made piece by piece."""

    job: LegacyJob
    columns: Columns
    data: dict[str, Any] = field(default_factory=dict)
    origins: dict[Path, Path] = field(default_factory=dict)
    """`{place in the steps job: place in the legacy file}`."""
    expressions: dict[str, Path] = field(default_factory=dict)
    """`{expression: its place in the legacy file}`."""
    notes: list[Note] = field(default_factory=list)
    moved: Callable[[str], str] = str
    """What a path relative to the legacy job's folder is in the steps job's."""
    sealed: bool = False
    """Whether passwords that the file holds are left to the environment."""

    def note(self, path: Path, text: str, *, is_warning: bool = False) -> None:
        """Add a note."""
        self.notes.append(Note(path, text, is_warning))


def translate(
    job: LegacyJob, columns: Columns, moved: Callable[[str], str] = str, *, sealed: bool = False
) -> Translation:
    """The steps job. Raises JobSpecError for what steps jobs cannot do."""
    made = Translation(job, columns, moved=moved, sealed=sealed)
    _refuse_sheets(job)
    steps = [_read(made), _write(made)]
    made.data = {
        "version": 2,
        "name": job.name,
        **({"description": job.description} if job.description else {}),
        **_params(made),
        **_connections(made),
        **_transaction(job),
        **_hooks(made),
        "steps": steps,
    }
    return made


def _refuse_sheets(job: LegacyJob) -> None:
    source = job.document.source
    found = [
        source.finding((end.role, "type"), "Legacy jobs on Google Sheets are not translated yet.", "")
        for end in (job.source, job.destination)
        if end.kind == "google_sheets"
    ]
    if found:
        raise JobSpecError(found)


def _params(made: Translation) -> dict[str, Any]:
    """A parameter for each path that refers to the environment: expressions do not see it."""
    params = {}
    for end in (made.job.source, made.job.destination):
        if _needs_param(end):
            name = f"{end.role}_path"
            params[name] = {"default": made.moved(end.fields["path"])}
            made.origins["params", name] = end.place("path")
            made.note(("params", name), "Variables of the environment may stand here, not in a step.")
    return {"params": params} if params else {}


def _needs_param(end: Endpoint) -> bool:
    path = end.fields.get("path", "")
    return end.kind == "csv" and ("${" in path or "{{" in path)


def _path(made: Translation, end: Endpoint) -> str:
    return f"{{{{ run.params.{end.role}_path }}}}" if _needs_param(end) else made.moved(end.fields["path"])


_CSV_FIELDS = ("delimiter", "quotechar", "encoding")
_CONNECTION_FIELDS = ("host", "port", "database", "user", "password", "sslmode", "path")


def _connections(made: Translation) -> dict[str, Any]:
    connections: dict[str, Any] = {}
    for end in (made.job.source, made.job.destination):
        if not end.is_database:
            continue
        fields = {name: end.fields[name] for name in _CONNECTION_FIELDS if name in end.fields}
        made.origins["connections", end.role] = (end.role,)
        for name in fields:
            made.origins["connections", end.role, name] = end.place(name)
        _seal(made, end, fields)
        if end.kind == "sqlite":
            fields = {"path": made.moved(fields["path"]), "create": False}
        connections[end.role] = {"type": end.kind, **fields}
    return {"connections": connections} if connections else {}


def _seal(made: Translation, end: Endpoint, fields: dict[str, Any]) -> None:
    """Leave a password that the file holds to the environment."""
    password = fields.get("password")
    if made.sealed and password and "${" not in password:
        variable = f"{end.role.upper()}_PASSWORD"
        fields["password"] = f"${{env:{variable}}}"
        text = (
            f"The old job held this password. Set the variable {variable}, and change the password: it was in a file."
        )
        made.note(("connections", end.role, "password"), text, is_warning=True)


def _transaction(job: LegacyJob) -> dict[str, Any]:
    both = job.source.is_database and job.destination.is_database
    return {"transaction": {"connection": "destination"}} if both else {}


def _hooks(made: Translation) -> dict[str, Any]:
    hooks = {name: _command(made, hook) for name, hook in made.job.hooks.items()}
    source = made.job.document.source
    made.origins.update({path: path for path in source.values if path[:1] == ("hooks",)})
    around = [name for name in ("before_batch", "after_batch") if name in hooks]
    if around and made.job.destination.is_database:
        text = f"{around[0]} runs inside the open transaction: while it works, the rows written so far stay locked."
        made.note(("hooks", around[0]), text)
    return {"hooks": hooks} if hooks else {}


def _command(made: Translation, hook: Any) -> Any:
    """A hook whose program is a file, found from where the steps job lies."""
    if isinstance(hook, str):
        return made.moved(hook) if "/" in hook else hook
    if isinstance(hook, list) and hook:
        return [_command(made, hook[0]), *hook[1:]]
    if isinstance(hook, dict) and "run" in hook:
        return {**hook, "run": _command(made, hook["run"])}
    return hook


def _read(made: Translation) -> dict[str, Any]:
    source, known = made.job.source, made.columns.facts.columns
    path: Path = ("steps", 0)
    made.origins[path] = (source.role,)
    made.origins.update({(*path, name): end for name, end in source.places.items()})
    if source.kind == "csv":
        options: dict[str, Any] = {name: source.fields[name] for name in _CSV_FIELDS if name in source.fields}
        if source.fields.get("has_header") is False:
            names = known or [one.source for one in made.columns.assignments] or ["0"]
            options |= {"has_header": False, "columns": dict.fromkeys(names, "string")}
            made.note((*path, "columns"), "The file has no header; its columns are called by their number, from 0.")
        return {"id": "read", "type": "csv.read", "path": _path(made, source), **options}
    made.origins[(*path, "sql")] = source.place("query" if "query" in source.fields else "table")
    return {"id": "read", "type": "db.read", "connection": "source", "sql": _sql(made)}


def _sql(made: Translation) -> str:
    source = made.job.source
    if "query" in source.fields:
        return str(source.fields["query"]).strip()
    columns = "*"
    if made.columns.facts.columns is not None:
        names = dict.fromkeys(assignment.source for assignment in made.columns.assignments)
        columns = ", ".join(_identifier(name, source.kind) for name in names) or "*"
    table = ".".join(_identifier(part, source.kind) for part in source.fields["table"].split("."))
    return f"SELECT {columns} FROM {table}"  # noqa: S608  # quoted identifiers


def _identifier(name: str, kind: str) -> str:
    mark = "`" if kind == "mysql" else '"'
    return mark + name.replace(mark, mark * 2) + mark


def _write(made: Translation) -> dict[str, Any]:
    job, path = made.job, ("steps", 1)
    made.origins[path] = (job.destination.role,)
    made.origins.update({(*path, name): end for name, end in job.destination.places.items()})
    mapping = _mapping(made, path)
    batch: dict[str, Any] = {"from": ROWS, "as": "row"}
    if job.batch_size is not None:
        batch["size"] = min(job.batch_size, LARGEST_BATCH)
        made.origins[(*path, "batch")] = ("batch_size",)
        if job.batch_size > LARGEST_BATCH:
            made.note((*path, "batch"), f"batch_size was {job.batch_size:,}; {LARGEST_BATCH:,} is the most.")
    if "conflict" not in job.stated:
        made.note(path, "The old job did not say what happens where something is there already: portl takes fail.")
    write = _write_file(made, path) if job.destination.kind == "csv" else _write_table(made, path)
    return {"id": "write", "type": write.pop("type"), "batch": batch, **write, "mapping": mapping}


def _write_file(made: Translation, path: Path) -> dict[str, Any]:
    job, fields = made.job, made.job.destination.fields
    options = {name: fields[name] for name in ("delimiter", "encoding") if name in fields}
    if "has_header" in fields:
        options["header"] = fields["has_header"]
    made.origins[(*path, "if_exists")] = ("conflict",)
    exists = {"overwrite": "replace", "skip": "skip", "fail": "fail"}[job.conflict]
    return {"type": "csv.write", "path": _path(made, job.destination), **options, "if_exists": exists}


def _write_table(made: Translation, path: Path) -> dict[str, Any]:
    job = made.job
    write: dict[str, Any] = {"type": "db.upsert", "connection": "destination", "table": job.destination.fields["table"]}
    key = made.columns.key
    if job.conflict == "fail" or key is None:  # offline: what happens to rows that are there is not shown
        return {**write, "type": "db.insert"}
    made.origins[(*path, "key")] = ("key",) if job.key is not None else ("conflict",)
    if job.key is None and made.columns.facts.table is not None:
        is_primary = key == made.columns.facts.table.primary_key
        made.note(
            (*path, "key"), "The table's primary key." if is_primary else "The only unique index that the job writes."
        )
    write["key"] = list(key)
    if job.conflict == "skip":
        return {**write, "type": "db.insert", "on_conflict": "skip"}
    if job.conflict == "merge":
        write["update"] = "merge"
    made.note((*path, "on_duplicate"), "Of several rows with one key in the source, the last one counts, as it did.")
    return {**write, "on_duplicate": "last"}


def _mapping(made: Translation, path: Path) -> dict[str, Any]:
    columns, job = made.columns, made.job
    mapping = {one.column: one.expression for one in columns.assignments}
    for one in columns.assignments:
        changed = one.transformations[0].path if one.transformations else ()
        origin = changed or one.path or job.mapping_path or ("source",)
        made.origins[(*path, "mapping", one.column)] = made.expressions[one.expression[3:-3]] = origin
    if columns.facts.columns is None:
        mapping[UNKNOWN_COLUMNS] = UNKNOWN_COLUMNS
    elif any(not one.path for one in columns.assignments):
        text = "Every column of the source stands here; one that is added to the source later is not written by itself."
        made.note((*path, "mapping"), text)
    return mapping
