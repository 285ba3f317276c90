"""Steps that read and write Google Sheets."""

from __future__ import annotations

from typing import Literal

from pydantic import AliasChoices, Field, model_validator

from ..base import Name, Text
from .base import Retry, StepBase
from .files import Columns, require_names
from .mapping import MappingStep


class SheetStep(StepBase):
    """What steps on a spreadsheet have."""

    connection: Name
    """Name of the connection."""
    sheet_name: Text | None = Field(default=None, validation_alias=AliasChoices("sheet_name", "tab_name"))
    """The sheet (tab); the connection's where it is not given, else the first one."""
    range: Text | None = Field(default=None, validation_alias=AliasChoices("range", "range_name"))
    """The cells: `B2:F` for columns from a row on, `B2` for everything from there on, or a named range."""
    retry: Retry | None = None
    """The job's `defaults.retry` where it is not given; else 8 attempts with waits of up to 64 s, for the quota."""


class SheetsRead(SheetStep):
    """Reads rows from a spreadsheet: `steps.<id>.rows`."""

    type: Literal["sheets.read"]
    columns: Columns = Field(default_factory=dict)
    """Types of columns, as for `csv.read`; columns not named here keep the value of the cell: number, boolean, text."""
    has_header: bool = True
    """Whether the first row names the columns; else `columns` names all, in order."""
    null_values: list[str] = Field(default_factory=lambda: [""])
    """Texts that mean null, in every column. An empty cell is always null."""
    batch: None = None
    """Not available here."""

    @model_validator(mode="after")
    def _named(self) -> SheetsRead:
        require_names(self.columns, has_header=self.has_header)
        return self


class SheetsWrite(MappingStep, SheetStep):
    """Writes rows into a spreadsheet, when the job has succeeded: after COMMIT, as the last thing a run does.

    Without `mapping` and `pass_through` it has the items' own columns.
    """

    type: Literal["sheets.write"]
    mode: Literal["replace", "append"]
    """`replace`: the range holds these rows and nothing else, however often the job runs. `append`: they are added
    below those that are there, by the names of the header, with each run again."""
    header: bool = True
    """Whether the first row names the columns."""
    input: Literal["raw", "user_entered"] = "raw"
    """`raw`: text stays text. `user_entered`: as if typed in: `=…` becomes a formula, `1/2` a date. Only for data you
    trust."""
    save_as: None = None
    """Not available here."""
