"""A legacy job as its file says it, its dialect's spellings replaced by one. Frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..model.load import Document
from ..model.yaml import Path

Kind = Literal["csv", "postgres", "mysql", "sqlite", "google_sheets"]
Conflict = Literal["overwrite", "skip", "fail", "merge"]

DATABASES = frozenset({"postgres", "mysql", "sqlite"})


@dataclass(frozen=True)
class Endpoint:
    """The `source` or the `destination`."""

    role: Literal["source", "destination"]
    kind: Kind
    fields: Mapping[str, Any]
    """What the section says, by the names that steps jobs use; references to variables as `${env:NAME}`."""
    places: Mapping[str, Path]
    """Where in the file each of `fields` stands."""

    @property
    def is_database(self) -> bool:
        """Whether it has tables."""
        return self.kind in DATABASES

    def place(self, name: str) -> Path:
        """Where a field stands, or the whole section where it does not."""
        return self.places.get(name, (self.role,))


@dataclass(frozen=True)
class Transformation:
    """A change of one column's values."""

    column: str
    """Of the source; of the destination where the source has none of that name."""
    operation: str
    format: str | None
    path: Path


@dataclass(frozen=True)
class LegacyJob:
    """The whole file."""

    document: Document
    name: str
    source: Endpoint
    destination: Endpoint
    conflict: Conflict
    key: tuple[str, ...] | None
    """Columns that identify a row; None where the database has to be asked."""
    batch_size: int | None
    mapping: Mapping[str, str | None]
    """`{column of the source: column of the destination}`; None leaves it out. Others keep their names."""
    mapping_path: Path
    transformations: tuple[Transformation, ...]
    hooks: Mapping[str, Any]
    description: str = ""
    stated: frozenset[str] = field(default_factory=frozenset)
    """Keys that the file has."""
