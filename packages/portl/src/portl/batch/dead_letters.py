"""The file of the items that a step refused: their values, and why. It is moved into its place when they stay refused.

Stage: from `Rejects` to a CSV file. Touches a file beside its place, made when the first item comes.
"""

from __future__ import annotations

import csv
import os
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..errors import SourceError
from ..template.access import text

REASONS = ("portl_step", "portl_place", "portl_reason")
"""Columns behind the item's own: the step, `file:line` of the item, what is wrong with it."""
_FORMULA = re.compile(r"\s*[=+\-@\t\r]")
_NUMBER = re.compile(r"\s*[-+]?[0-9.,']*([eE][-+]?[0-9]+)?%?\s*")


@dataclass(frozen=True)
class Dialect:
    """How the file is written: as the file that the items come from, so that it can be mended and read again."""

    delimiter: str = ","
    quotechar: str = '"'
    encoding: str = "utf-8"


class DeadLetters:
    """One file. Not frozen: items are written to it."""

    def __init__(self, step_id: str, target: Path, dialect: Dialect, *, replace: bool, escape: bool) -> None:
        if target.exists() and not replace:
            raise SourceError(
                "the file for rejected rows is there already.",
                where=str(target),
                hint="Look after its rows and move it away; or give each run a file of its own: {{ run.id }}; "
                "or say replace: true.",
            )
        self.step_id = step_id
        self.target = target
        self.columns: tuple[str, ...] = ("item",)
        """Names of the items' values."""
        self._dialect = dialect
        self._escape = escape
        self._temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
        self._file: IO[str] | None = None
        self._writer: Any = None
        self._is_placed = self._is_kept = False

    def write(self, values: Sequence[Any], place: str, reason: str) -> None:
        """Write an item. Raises SourceError."""
        try:
            if self._file is None:
                self._open()
            cells = [self._cell(value) for value in (*values, self.step_id, place, reason)]
            self._writer.writerow(cells)
        except (OSError, csv.Error) as error:
            raise self._failed(error) from error

    def place(self) -> None:
        """Move it where it belongs; items that come later are added there. Raises SourceError."""
        if self._file is None:
            return
        try:
            self._file.close()
            if not self._is_placed:
                os.replace(self._temporary, self.target)
        except OSError as error:
            raise self._failed(error) from error
        self._is_placed, self._file = True, None

    @property
    def written(self) -> Path:
        """Where it is now."""
        return self.target if self._is_placed else self._temporary

    def keep(self) -> None:
        """Leave it where it is, whatever happens."""
        self._is_kept = True

    def discard(self) -> None:
        """Remove it, unless it is in its place or kept."""
        if self._file is not None:
            with suppress(OSError):  # what could not be written is not wanted any more
                self._file.close()
        self._file = None
        if not self._is_kept:
            self._temporary.unlink(missing_ok=True)

    def _open(self) -> None:
        path, mode = (self.target, "a") if self._is_placed else (self._temporary, "x")
        encoding = self._dialect.encoding.removesuffix("-sig")
        self._file = path.open(mode, encoding=encoding, errors="backslashreplace", newline="")
        self._writer = csv.writer(
            self._file, delimiter=self._dialect.delimiter, quotechar=self._dialect.quotechar, lineterminator="\n"
        )
        if not self._is_placed:
            self._writer.writerow([self._cell(name) for name in self.columns] + list(self._reasons()))

    def _reasons(self) -> tuple[str, ...]:
        """Names of the last columns, other than those of the items."""
        names = list(REASONS)
        while set(names) & set(self.columns):
            names = [f"{name}_" for name in names]
        return tuple(names)

    def _cell(self, value: Any) -> str:
        if value is None:
            return ""
        cell = text(value) if not isinstance(value, bytes) else value.hex()
        is_formula = self._escape and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell)
        return f"'{cell}" if is_formula else cell

    def _failed(self, error: Exception) -> SourceError:
        reason = getattr(error, "strerror", None) or str(error)
        return SourceError(f"rejected rows cannot be written: {reason}.", where=str(self.target))
