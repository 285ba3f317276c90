"""Reads a legacy job in any of its three dialects.

Stage: `Document` → `LegacyJob`, or every mistake at once. What portl refuses is told with the way out. Touches nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..errors import Finding, JobSpecError
from ..model.hooks import EVENTS
from ..model.load import Document
from .endpoints import endpoint
from .model import Endpoint, LegacyJob, Transformation
from .section import Section

CONFLICTS = {word: word for word in ("overwrite", "skip", "fail", "merge")}
OPERATIONS = {word: word for word in ("lowercase", "uppercase", "trim", "parse_date", "parse_number")}
LARGEST_BATCH = 100_000


def parse_legacy(document: Document) -> LegacyJob:
    """The legacy job that a document holds. Raises JobSpecError with every mistake."""
    found: list[Finding] = list(document.findings)
    top = Section(document.data, (), document.source, found)
    source = endpoint(top, "source", document, found)
    destination = endpoint(top, "destination", document, found)
    conflict: Any = top.choice("conflict", CONFLICTS) or "fail"
    _parallel(top)
    mapping, mapping_path = _mapping(top)
    job_name = top.text("name") or _name(document)
    batch_size = top.number("batch_size", low=1, high=1_000_000_000)
    key = _key(top)
    transformations = _transformations(top, document, found)
    hooks = _hooks(top, document, found)
    description = top.text("description") or ""
    top.finish()
    if destination is not None and not destination.is_database:
        _without_key(top, destination, conflict, key)
    if found or source is None or destination is None:
        raise JobSpecError(sorted(set(found), key=lambda finding: (finding.line, finding.column)))
    return LegacyJob(
        document=document,
        name=job_name,
        source=source,
        destination=destination,
        conflict=conflict,
        key=key,
        batch_size=batch_size,
        mapping=mapping,
        mapping_path=mapping_path,
        transformations=transformations,
        hooks=hooks,
        description=description,
        stated=frozenset(document.data),
    )


def _name(document: Document) -> str:
    return os.path.splitext(os.path.basename(document.source.file))[0][:200] or "job"


def _parallel(top: Section) -> None:
    count = top.number("parallel_jobs", low=1, high=1_000_000)
    if count is not None and count > 1:
        hint = "Set it to 1: portl writes whole batches at once, in one transaction, which has one connection."
        top.tell(("parallel_jobs",), f"portl does not run {count} jobs side by side.", hint)


def _key(top: Section) -> tuple[str, ...] | None:
    value = top.take("key")
    names = [value] if isinstance(value, str) else value
    if names is None:
        return None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        top.wrong("key", "a column or a list of columns", value)
        return None
    return tuple(names)


def _without_key(top: Section, destination: Endpoint, conflict: str, key: tuple[str, ...] | None) -> None:
    """Tell what is not possible where rows have no key."""
    what = "CSV file" if destination.kind == "csv" else "sheet"
    if key is not None:
        top.tell(("key",), f"A {what} has no key.", "Remove it.", key=True)
    if what == "CSV file" and conflict == "merge":
        hint = "Use overwrite (the file is replaced), skip (it stays as it is) or fail."
        top.tell(("conflict",), "A CSV file has no key by which rows could be merged.", hint)
    if what == "sheet" and conflict != "overwrite":
        hint = "Use conflict: overwrite; the sheet, or its range, then holds these rows and nothing else."
        top.tell(("conflict",), f"A sheet has no key by which rows could be found, so there is no {conflict}.", hint)


def _mapping(top: Section) -> tuple[Mapping[str, str | None], tuple[str, ...]]:
    value = top.take("schema_mapping", "mapping")
    path = tuple(str(part) for part in top.places.get("schema_mapping", ()))
    if value is None:
        return {}, path
    if not isinstance(value, dict):
        top.wrong("schema_mapping", "a mapping", value)
        return {}, path
    for source, target in value.items():
        if target is not None and (not isinstance(target, str) or not target):
            hint = "Write: column of the source: column of the destination."
            top.tell((*path, source), f"'{source}' has to be mapped to a column, or to null.", hint)
    return {name: target for name, target in value.items() if target is None or isinstance(target, str)}, path


def _transformations(top: Section, document: Document, found: list[Finding]) -> tuple[Transformation, ...]:
    value = top.take("transformations")
    if value is None:
        return ()
    if not isinstance(value, list):
        top.wrong("transformations", "a list", value)
        return ()
    made = []
    for number, item in enumerate(value):
        if not isinstance(item, dict):
            top.tell(("transformations", number), "A transformation is a mapping.", "Write: {column: …, operation: …}.")
            continue
        section = Section(item, ("transformations", number), document.source, found)
        column = section.text("column", required="It says whose values are changed.")
        operation = section.choice("operation", OPERATIONS, required=True)
        form = _format(section, document, found)
        section.finish()
        if form is not None and operation not in ("parse_date", None):
            section.tell((), f"{operation} has no format.", "Remove it.")
        if column is not None and operation is not None:
            made.append(Transformation(column, operation, form, section.path))
    return tuple(made)


def _format(section: Section, document: Document, found: list[Finding]) -> str | None:
    """The format, at the top or in `parameters`."""
    form = section.text("format")
    parameters = section.take("parameters")
    if parameters is None:
        return form
    if not isinstance(parameters, dict):
        section.wrong("parameters", "a mapping", parameters)
        return form
    inner = Section(parameters, (*section.path, "parameters"), document.source, found)
    second = inner.text("format")
    inner.finish()
    if form is not None and second is not None:
        section.tell(("format",), "The format stands here and in parameters.", "Remove one of them.", key=True)
    return form if second is None else second


def _hooks(top: Section, document: Document, found: list[Finding]) -> Mapping[str, Any]:
    value = top.take("hooks")
    if value is None:
        return {}
    if not isinstance(value, dict):
        top.wrong("hooks", "a mapping", value)
        return {}
    section = Section(value, ("hooks",), document.source, found)
    there = {name: section.take(name) for name in EVENTS}
    hooks = {name: there[name] for name in value if there.get(name) is not None}
    for name in ("before_row", "after_row"):
        if section.take(name) is not None:
            hint = "Use transformations; or migrate the job, and write an expression into its mapping."
            section.tell((name,), f"portl does not run code from a job file, so there is no {name}.", hint, key=True)
    section.finish()
    return hooks
