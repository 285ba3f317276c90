"""Opens a legacy job as the steps job it stands for; mistakes and failures name places in the legacy file.

Stage: `Document` + environment → `JobFile`. With `connect`, looks at the source and the destination; without, what only
they know stands in ‹ ›, and notes say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..clock import SYSTEM_CLOCK, Clock
from ..errors import JobSpecError
from ..model.load import Document, JobFile, job_of
from ..model.resolve import resolve
from ..model.yaml import Mark, Path, SourceMap
from ..secrets import Masker
from .columns import columns_of
from .facts import Facts, look, look_offline
from .model import LegacyJob
from .parse import parse_legacy
from .translate import translate
from .translation import Translation


def open_legacy(
    document: Document,
    environment: Mapping[str, str],
    given: Mapping[str, str],
    masker: Masker,
    *,
    connect: bool,
    clock: Clock = SYSTEM_CLOCK,
) -> JobFile:
    """The steps job that the legacy job in `document` stands for.

    `given` are the command line's parameters; `masker` learns the secrets of connections. Raises JobSpecError with
    every mistake, and the errors of connections.
    """
    job = parse_legacy(document)
    facts = facts_of(job, environment, given, masker, connect=connect, clock=clock)
    return steps_file(translated(job, facts))


def facts_of(
    job: LegacyJob,
    environment: Mapping[str, str],
    given: Mapping[str, str],
    masker: Masker,
    *,
    connect: bool,
    clock: Clock = SYSTEM_CLOCK,
) -> Facts:
    """What the file, the source and the destination tell together. Raises as `open_legacy`."""
    draft = steps_file(translate(job, columns_of(job, Facts())))
    draft.raise_findings([])
    known = {name: value for name, value in given.items() if name in draft.job.params}
    if connect:
        resolved = resolve(draft, environment, known)
        masker.learn(resolved.masker)
        return look(job, resolved, clock)
    return look_offline(job, known.get("source_path") or job.source.fields.get("path", ""))


def translated(job: LegacyJob, facts: Facts, **options: Any) -> Translation:
    """The translation. Raises JobSpecError with every mistake of the job's columns and key."""
    columns = columns_of(job, facts)
    if columns.found:
        found = sorted(set(columns.found), key=lambda finding: (finding.line, finding.column))
        raise JobSpecError(found)
    return translate(job, columns, **options)


@dataclass(frozen=True)
class _Places(SourceMap):
    """Places in a legacy file, of what stands otherwise in the steps job."""

    expressions: Mapping[str, Mark] = field(default_factory=dict)
    """`{expression: where the legacy file says so}`."""

    def inside(self, path: Path, snippet: str) -> Mark:
        """The place of `snippet`, an expression or a reference to a variable as steps jobs write them."""
        return self.expressions.get(snippet) or super().inside(path, snippet.replace("${env:", "${"))


def steps_file(translation: Translation) -> JobFile:
    """The steps job, its places those of the legacy file."""
    document = translation.job.document
    places = document.source
    values = {(): places.mark(()), **{path: places.mark(origin) for path, origin in translation.origins.items()}}
    expressions = {text: places.mark(origin) for text, origin in translation.expressions.items()}
    source = _Places(places.file, places.text, values, expressions=expressions)
    file = job_of(Document(translation.data, source, document.folder))
    return replace(file, notes=tuple(_notes(translation)))


def _notes(translation: Translation) -> Iterator[str]:
    """What is worth knowing before a run: `file:line:column: …`."""
    job, facts = translation.job, translation.columns.facts
    source = job.document.source
    if not facts.asked and facts.columns is None and job.source.kind != "google_sheets":
        yield f"{source.where(('source',))}: Offline nobody knows which columns the source has; --dry-run=check asks."
    if job.destination.is_database and job.conflict != "fail" and translation.columns.key is None:
        what = f"Offline nobody knows by which key conflict: {job.conflict} finds rows; only inserting is shown"
        yield f"{source.where(('conflict',))}: {what}. --dry-run=check asks."
    for note in translation.notes:
        if note.path[:1] == ("hooks",):
            yield f"{source.where(note.path)}: {note.text}"
