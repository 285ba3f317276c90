"""`csv.write`: rows into a file beside its place; it is moved there when the job has succeeded."""

from __future__ import annotations

import csv
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..context import RunContext
from ..errors import SourceError, TemplateError
from ..plan import PlannedStep
from ..template.access import text
from ..template.rows import Chunk, values_function
from ..template.scope import Scope
from ..template.syntax import parse_expression
from .fields import Field, fields_of, needed_by_step, passed, require_fields
from .mapped import Mapped

CHUNK = 5_000


@dataclass(frozen=True)
class NewFile:
    """A file that is complete, under another name."""

    temporary: Path
    target: Path
    file: IO[str]

    def place(self) -> None:
        """Move it where it belongs; what was there is replaced. Raises SourceError."""
        try:
            os.replace(self.temporary, self.target)
        except OSError as error:
            raise SourceError(f"the file cannot be put in place: {error.strerror}.", where=str(self.target)) from error

    def discard(self) -> None:
        """Close and remove it; again, it does nothing."""
        with suppress(OSError):  # what could not be written is not wanted any more
            self.file.close()
        self.temporary.unlink(missing_ok=True)


class CsvWorker:
    """Writes one line per item."""

    size = CHUNK
    columns: tuple[str, ...] | None = None
    nullable = True
    mapped: Mapped | None = None

    def __init__(self, planned: PlannedStep, scope: Scope, context: RunContext) -> None:
        self._step = planned.step
        self._names, self._values = None, None
        source = context.source(planned)
        fields = _fields(planned, source.columns)
        if fields is None:
            assert planned.batch is not None  # noqa: S101  # the plan refuses a step without one
            self._values = values_function(parse_expression(planned.batch.alias), scope)
        else:
            self._names = tuple(name for name, _ in fields)
            require_fields(planned, self._names)
            needed = needed_by_step(planned)
            self.mapped = Mapped(planned, fields, scope, context.rejects_of(planned), needed, source)
        self._target = context.folder / text(context.single(planned, planned.templates["path"]))
        self._count = 0
        self.keys = (self.mapped or self._values).keys  # type: ignore[union-attr]  # one of them is there
        try:
            temporary = self._target.with_name(f".{self._target.name}.{secrets.token_hex(8)}")
            self._file = temporary.open("x", encoding=self._step.encoding, newline="")
        except (OSError, LookupError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SourceError(f"the file cannot be written: {reason}.", where=str(self._target)) from error
        self._new = NewFile(temporary, self._target, self._file)
        context.files.append(self._new)
        self._writer = csv.writer(self._file, delimiter=self._step.delimiter, lineterminator="\n")
        if self._names is not None:
            self._head()

    def work(self, chunk: Chunk) -> Sequence[Any]:
        """Write the lines of a chunk."""
        rows = self.mapped.rows() if self.mapped is not None else [self._plain(value) for value in self._objects(chunk)]
        null = self._step.null_value
        try:
            self._writer.writerows([null if value is None else cell(value) for value in row] for row in rows)
        except (OSError, UnicodeEncodeError) as error:
            raise SourceError(f"the file cannot be written: {error}.", where=str(self._target)) from error
        self._count += len(rows)
        return ()

    def finish(self) -> dict[str, Any]:
        """Close the file."""
        try:
            self._file.close()
        except (OSError, UnicodeEncodeError) as error:
            raise SourceError(f"the file cannot be written: {error}.", where=str(self._target)) from error
        return {"rows": self._count, "path": str(self._target)}

    def _objects(self, chunk: Chunk) -> list[Any]:
        return self._values(chunk) if self._values is not None else []

    def _plain(self, value: Any) -> list[Any]:
        """The values of a mapping, in the order of the first one's keys."""
        if not isinstance(value, dict):
            raise TemplateError("The items are no mappings.", hint="Say what to write: mapping: {column: …}.")
        if self._names is None:
            self._names = tuple(value)
            self._head()
        if set(value) != set(self._names):
            what = ", ".join(sorted(set(value) ^ set(self._names)))
            raise TemplateError(
                f"The items have different keys: {what}.", hint="Say what to write: mapping: {column: …}."
            )
        return [value[name] for name in self._names]

    def _head(self) -> None:
        if self._step.header:
            self._writer.writerow(self._names or ())


def _fields(planned: PlannedStep, columns: tuple[str, ...] | None) -> list[Field] | None:
    """The columns that are written; None where the items tell."""
    if planned.step.mapping is not None or planned.step.pass_through is not None:
        return fields_of(planned, columns)
    return None if columns is None else passed(planned, columns)


def cell(value: Any) -> Any:
    """A value as a field: numbers as they are, everything else as its text in templates."""
    return value if type(value) in (str, int, float) else text(value)
