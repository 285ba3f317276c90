"""Reads a job file: every mistake of its structure at once, each with its place.

Stage: text → `JobFile`. References between steps and expressions are checked by `portl.plan`. Reads one
file, writes none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ..errors import CommandLineError, Finding, JobSpecError
from . import variables
from .connections import Connection
from .findings import findings_of
from .job import Job
from .steps import Step
from .yaml import Path, SourceMap, load

STEP: TypeAdapter[Any] = TypeAdapter(Step)
CONNECTION: TypeAdapter[Any] = TypeAdapter(Connection)


@dataclass(frozen=True)
class JobFile:
    """A job as its file says it, nothing resolved."""

    job: Job
    """Its valid parts; `connections` is empty, see `connections` beside it."""
    source: SourceMap
    connections: dict[str, Any]
    """`{name: mapping}` as written, references to variables unresolved."""
    places: tuple[int, ...]
    """The place in the file's list of each step of `job`; steps with mistakes are left out of the job."""
    folder: FilePath
    """What relative paths are relative to."""
    findings: tuple[Finding, ...] = ()
    """Mistakes found so far, in no order."""
    broken: frozenset[str] = field(default_factory=frozenset)
    """Ids of steps that are left out of `job` because of mistakes in them."""
    notes: tuple[str, ...] = ()
    """What is allowed but worth knowing: `file:line:column: …`."""

    def walk(self) -> Iterator[tuple[Any, Path]]:
        """Every step with its path in the file, in the file's order, those inside others too."""
        paired = zip(self.job.steps, self.places, strict=True)
        pending: list[tuple[Any, Path]] = [(step, ("steps", place)) for step, place in paired]
        pending.reverse()
        while pending:
            step, path = pending.pop()
            yield step, path
            branches = [("then", step.then), ("else", step.otherwise)] if step.type == "conditional" else []
            inside = [(child, (*path, key, n)) for key, items in branches for n, child in enumerate(items)]
            pending.extend(reversed(inside))

    def raise_findings(self, more: list[Finding]) -> None:
        """Raise JobSpecError with all mistakes, in the file's order; nothing where there are none."""
        found = sorted({*self.findings, *more}, key=lambda finding: (finding.file, finding.line, finding.column))
        if found:
            raise JobSpecError(found)


@dataclass(frozen=True)
class Document:
    """What a file holds, and where."""

    data: Any
    source: SourceMap
    folder: FilePath
    """What relative paths are relative to."""
    findings: tuple[Finding, ...] = ()
    """Mistakes that leave the rest readable."""

    @property
    def is_legacy(self) -> bool:
        """Whether it is a job of the older format, with a source and a destination instead of steps."""
        data = self.data
        return isinstance(data, dict) and "steps" not in data and ("source" in data or "destination" in data)


def read_job(path: FilePath) -> JobFile:
    """The job in the file at `path`. Raises CommandLineError where it cannot be read, JobSpecError."""
    return job_of(read_document(path))


def parse_job(text: str, file: str = "job.yaml", folder: FilePath = FilePath()) -> JobFile:
    """The job in `text`. Raises JobSpecError where too little of it can be understood to look further."""
    return job_of(parse_document(text, file, folder))


def read_document(path: FilePath) -> Document:
    """The document in the file at `path`. Raises CommandLineError where it cannot be read, JobSpecError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CommandLineError(f"{path}: the job cannot be read: {error.strerror}.") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise JobSpecError([Finding(str(path), line, column, "The file is not UTF-8.")]) from error
    return parse_document(text, str(path), path.parent)


def parse_document(text: str, file: str, folder: FilePath) -> Document:
    """The document in `text`. Raises JobSpecError where it is not YAML."""
    data, source, findings = load(text, file)
    return Document(data, source, folder, tuple(findings))


def job_of(document: Document) -> JobFile:
    """The job that a document holds. Raises JobSpecError where too little of it can be understood to look further."""
    data, source = document.data, document.source
    if not isinstance(data, dict):
        raise JobSpecError([*document.findings, source.finding((), "A job is a mapping.", "Begin with 'steps:'.")])
    found = list(document.findings)
    steps, places, broken = _steps(data.get("steps"), source, found)
    connections = _connections(data.get("connections"), source, found)
    header = {key: value for key, value in data.items() if key != "connections"}
    try:
        job = Job.model_validate({**header, **({"steps": steps} if steps or broken else {})})
    except ValidationError as error:
        found += _header_findings(error, data, source, bool(broken))
        job = _salvaged(header, steps)
    found += _stray_variables(data, source)
    return JobFile(job, source, connections, tuple(places), document.folder, tuple(found), frozenset(broken))


def _steps(data: Any, source: SourceMap, found: list[Finding]) -> tuple[list[Any], list[int], list[str]]:
    """The valid steps, their places in the list, and the ids of the others."""
    valid: list[Any] = []
    places: list[int] = []
    broken: list[str] = []
    for index, item in enumerate(data if isinstance(data, list) else ()):
        try:
            valid.append(STEP.validate_python(item))
            places.append(index)
        except ValidationError as error:
            found += findings_of(error, item, ("steps", index), source)
            broken += list(_ids(item))
            broken.append("")
    return valid, places, broken


def _ids(item: Any) -> Iterator[str]:
    """Every id in a step that is not valid, and in its children."""
    if isinstance(item, dict):
        if isinstance(item.get("id"), str):
            yield item["id"]
        for branch in ("then", "else"):
            for child in item.get(branch) or () if isinstance(item.get(branch), list) else ():
                yield from _ids(child)


def _connections(data: Any, source: SourceMap, found: list[Finding]) -> dict[str, Any]:
    if data is None:
        return {}
    if not isinstance(data, dict):
        found.append(source.finding(("connections",), "'connections' has to be a mapping."))
        return {}
    for name, item in data.items():
        try:
            CONNECTION.validate_python(variables.mapped(item, _lenient))
        except ValidationError as error:
            told = findings_of(error, item, ("connections", name), source)
            found += (finding for finding in told if not _is_open(item, finding, source, ("connections", name)))
    return data


def _lenient(text: str) -> str:
    """`text` with the defaults of its references, as far as they have one."""
    missing = list(variables.names(text))
    return variables.resolve(text, dict.fromkeys(missing, ""))


def _is_open(item: Any, finding: Finding, source: SourceMap, path: Path) -> bool:
    """Whether the finding is about a value that only the environment decides."""
    if isinstance(item, dict | list):
        pairs = item.items() if isinstance(item, dict) else enumerate(item)
        return any(_is_open(value, finding, source, (*path, key)) for key, value in pairs)
    mark = source.mark(path)
    open_ = isinstance(item, str) and any(variables.names(item))
    return open_ and (mark.line, mark.column) == (finding.line, finding.column)


def _header_findings(error: ValidationError, data: Any, source: SourceMap, broken: bool) -> Iterator[Finding]:
    plain = {**data, "steps": data.get("steps")}
    for item in findings_of(error, plain, (), source):
        if not (broken and item.what.startswith("'steps'")):
            yield item


def _salvaged(header: dict[str, Any], steps: list[Any]) -> Job:
    """A job of what is valid, so that its steps can be checked too."""
    job = Job.model_construct(steps=steps)
    for name in Job.model_fields:
        if name in header and name != "steps":
            try:
                part = Job.model_validate({name: header[name], "steps": [{"id": "x", "type": "csv.read", "path": "x"}]})
            except ValidationError:
                continue
            job = job.model_copy(update={name: getattr(part, name)})
    return job


def _stray_variables(data: dict[str, Any], source: SourceMap) -> Iterator[Finding]:
    """References where none can stand, and references that are none."""
    for path, text in _strings(data, ()):
        allowed = path[0] in ("connections", "params")
        for wrong in variables.wrong(text) if allowed else ():
            yield source.finding(path, f"'{wrong}' is no reference.", "Write ${env:NAME} or $${ for ${.", snippet=wrong)
        if not allowed and "${env:" in text and "$${env:" not in text:
            hint = "Give it to the step as a parameter: params."
            yield source.finding(path, "${env:…} can stand in connections and params only.", hint, snippet="${env:")


def _strings(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _strings(item, (*path, key))
