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
from ..errors import SourceError
from ..plan import PlannedStep
from ..template.access import text
from ..template.rows import Chunk
from ..template.scope import Key, Scope
from .lines import Lines
from .paths import file_of

CHUNK = 5_000


@dataclass(frozen=True)
class NewFile:
    """A file that is complete, under another name."""

    step_id: str
    temporary: Path
    target: Path
    file: IO[str]
    if_exists: str = "replace"
    """The step's."""

    def place(self) -> None:
        """Move it where it belongs. Raises SourceError; also where a file has come there that is not to be replaced."""
        try:
            if self.if_exists == "replace":
                os.replace(self.temporary, self.target)
            else:
                self._place_alone()
        except FileExistsError as error:
            if self.if_exists == "fail":
                raise _there_already(self.target) from error
            self.discard()
        except OSError as error:
            raise SourceError(f"the file cannot be put in place: {error.strerror}.", where=str(self.target)) from error

    def _place_alone(self) -> None:
        """Move it where nothing is. Raises FileExistsError, OSError."""
        try:
            os.link(self.temporary, self.target)  # unlike a look beforehand, this cannot come too late
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            if self.target.exists():
                raise FileExistsError from None
            os.replace(self.temporary, self.target)
        self.temporary.unlink(missing_ok=True)

    def discard(self) -> None:
        """Close and remove it; again, it does nothing."""
        with suppress(OSError):  # what could not be written is not wanted any more
            self.file.close()
        self.temporary.unlink(missing_ok=True)


def _there_already(target: Path) -> SourceError:
    hint = "if_exists: replace writes it anew, skip leaves it as it is."
    return SourceError("the file is there already.", where=str(target), hint=hint)


class SkippingWorker:
    """Writes nothing: the file is there already."""

    keys: tuple[Key, ...] = ()
    size = CHUNK
    columns: tuple[str, ...] | None = None
    nullable = True

    def __init__(self, target: Path) -> None:
        self._target = target

    def work(self, chunk: Chunk) -> Sequence[Any]:
        """Leave a chunk out."""
        return ()

    def finish(self) -> dict[str, Any]:
        """Say why nothing was written."""
        return {"rows": 0, "path": str(self._target), "kept": "the file was there already"}


def csv_worker(planned: PlannedStep, scope: Scope, context: RunContext) -> CsvWorker | SkippingWorker:
    """What writes the step's file, or leaves it. Raises SourceError."""
    target, _ = file_of(planned, context)
    if planned.step.if_exists == "skip" and target.exists():
        return SkippingWorker(target)
    if planned.step.if_exists == "fail" and target.exists():
        raise _there_already(target)
    return CsvWorker(planned, scope, context, target)


class CsvWorker:
    """Writes one line per item."""

    size = CHUNK
    columns: tuple[str, ...] | None = None
    nullable = True

    def __init__(self, planned: PlannedStep, scope: Scope, context: RunContext, target: Path) -> None:
        self._step = planned.step
        self._lines = Lines(planned, scope, context)
        self.mapped = self._lines.mapped
        self._target = target
        self._count = 0
        self.keys = self._lines.keys
        try:
            temporary = self._target.with_name(f".{self._target.name}.{secrets.token_hex(8)}")
            self._file = temporary.open("x", encoding=self._step.encoding, newline="")
        except (OSError, LookupError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SourceError(f"the file cannot be written: {reason}.", where=str(self._target)) from error
        self._new = NewFile(planned.id, temporary, self._target, self._file, self._step.if_exists)
        context.files.append(self._new)
        self._writer = csv.writer(self._file, delimiter=self._step.delimiter, lineterminator="\n")
        self._needs_head = self._step.header
        self._head()

    def work(self, chunk: Chunk) -> Sequence[Any]:
        """Write the lines of a chunk."""
        rows = self._lines.of(chunk)
        self._head()
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

    def _head(self) -> None:
        """Write the names, once they are known."""
        if self._needs_head and self._lines.names is not None:
            self._writer.writerow(self._lines.names)
            self._needs_head = False


def cell(value: Any) -> Any:
    """A value as a field: numbers as they are, everything else as its text in templates."""
    return value if type(value) in (str, int, float) else text(value)
