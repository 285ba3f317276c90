"""A steps job in the making: its data, where each piece comes from, and what a reader has to know. Touches nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..model.yaml import Path
from .columns import Columns
from .model import Endpoint, LegacyJob


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

    def path(self, end: Endpoint) -> str:
        """The path of a CSV file as a step writes it."""
        if needs_param(end):
            return f"{{{{ run.params.{end.role}_path }}}}"
        return self.moved(end.fields["path"])


def needs_param(end: Endpoint) -> bool:
    """Whether the path of a CSV file has to be a parameter: expressions do not see the environment."""
    path = end.fields.get("path", "")
    return end.kind == "csv" and ("${" in path or "{{" in path)
