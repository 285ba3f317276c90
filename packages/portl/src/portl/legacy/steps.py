"""The two steps that a legacy job becomes: one that reads, one that writes.

Stage: `Translation` → a step's data; places and notes are added to the translation. Touches nothing.
"""

from __future__ import annotations

from typing import Any

from ..model.yaml import Path
from .parse import LARGEST_BATCH
from .translation import Translation

ROWS = "{{ steps.read.rows }}"
_CSV_FIELDS = ("delimiter", "quotechar", "encoding")


def read_step(made: Translation) -> dict[str, Any]:
    """The step `read`."""
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
        return {"id": "read", "type": "csv.read", "path": made.path(source), **options}
    if source.kind == "google_sheets":
        return {"id": "read", "type": "sheets.read", "connection": "source"}
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


def write_step(made: Translation) -> dict[str, Any]:
    """The step `write`."""
    job, path = made.job, ("steps", 1)
    made.origins[path] = (job.destination.role,)
    made.origins.update({(*path, name): end for name, end in job.destination.places.items()})
    columns = _columns(made, path)
    batch: dict[str, Any] = {"from": ROWS, "as": "row"}
    if job.batch_size is not None:
        batch["size"] = min(job.batch_size, LARGEST_BATCH)
        made.origins[(*path, "batch")] = ("batch_size",)
        if job.batch_size > LARGEST_BATCH:
            made.note((*path, "batch"), f"batch_size was {job.batch_size:,}; {LARGEST_BATCH:,} is the most.")
    if "conflict" not in job.stated:
        made.note(path, "The old job did not say what happens where something is there already: portl takes fail.")
    writing = {"csv": _write_file, "google_sheets": _write_sheet}.get(job.destination.kind, _write_table)
    write = writing(made, path)
    return {"id": "write", "type": write.pop("type"), "batch": batch, **write, **columns}


def _write_file(made: Translation, path: Path) -> dict[str, Any]:
    job, fields = made.job, made.job.destination.fields
    options = {name: fields[name] for name in ("delimiter", "encoding") if name in fields}
    if "has_header" in fields:
        options["header"] = fields["has_header"]
    made.origins[(*path, "if_exists")] = ("conflict",)
    exists = {"overwrite": "replace", "skip": "skip", "fail": "fail"}[job.conflict]
    return {"type": "csv.write", "path": made.path(job.destination), **options, "if_exists": exists}


def _write_sheet(made: Translation, path: Path) -> dict[str, Any]:
    made.origins[(*path, "mode")] = ("conflict",)
    return {"type": "sheets.write", "connection": "destination", "mode": "replace"}


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


def _columns(made: Translation, path: Path) -> dict[str, Any]:
    """The mapping; with the columns that pass through, where nobody knows which there are."""
    columns, job = made.columns, made.job
    mapping = {one.column: one.expression for one in columns.assignments}
    for one in columns.assignments:
        changed = one.transformations[0].path if one.transformations else ()
        origin = changed or one.path or job.mapping_path or ("source",)
        made.origins[(*path, "mapping", one.column)] = made.expressions[one.expression[3:-3]] = origin
    if columns.facts.columns is None:
        left_out = [name for name, target in job.mapping.items() if target != name]  # or written by an entry
        made.origins[(*path, "pass_through")] = job.mapping_path or ("source",)
        made.note((*path, "pass_through"), "The other columns of the source keep their names.")
        return {"pass_through": {"except": left_out} if left_out else True, **({"mapping": mapping} if mapping else {})}
    if any(not one.path for one in columns.assignments):
        text = "Every column of the source stands here; one that is added to the source later is not written by itself."
        made.note((*path, "mapping"), text)
    return {"mapping": mapping}
