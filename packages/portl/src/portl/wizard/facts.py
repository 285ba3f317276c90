"""What is known of the two ends of a job before it exists.

Stage: made by `introspect` and `csvfile`, read by everything else here. Touches nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..connectors.operations import Table


@dataclass(frozen=True)
class SourceColumn:
    """A column of what is read."""

    name: str
    samples: tuple[str, ...] = ()
    """Texts of a file's first rows, empty ones left out; () for a database."""
    gaps: bool = False
    """Whether one of those fields was empty."""
    type: str = ""
    """The database's name of its type; "" for a file."""


@dataclass(frozen=True)
class CsvFile:
    """A CSV file that is read."""

    columns: tuple[SourceColumn, ...]
    delimiter: str = ","
    encoding: str = "utf-8"
    has_header: bool = True
    rows: int = 0
    """How many rows were looked at."""


@dataclass(frozen=True)
class TableRows:
    """A table that is read."""

    name: str
    """As the database's `table` takes it."""
    columns: tuple[SourceColumn, ...]
    quoted: str
    """As statements name it."""

    @classmethod
    def of(cls, name: str, table: Table) -> TableRows:
        """The rows of `table`, which is called `name`."""
        columns = tuple(SourceColumn(column.name, type=column.type) for column in table.columns.values())
        return cls(name, columns, table.name)


Source = CsvFile | TableRows
