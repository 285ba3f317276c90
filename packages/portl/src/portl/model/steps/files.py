"""Steps that read and write CSV files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from ..base import Part, Text
from .base import StepBase
from .mapping import MappingStep, OnError, OnErrorField


class ColumnSpec(Part):
    """A column of a CSV file."""

    type: Literal["string", "integer", "float", "decimal", "boolean", "date", "datetime", "json"] = "string"
    """What the text is turned into; `decimal` stays exact."""
    format: str | None = None
    """Of a date or datetime, as in Python's strptime; ISO 8601 where it is not given."""
    scale: int | None = Field(default=None, ge=0, le=30)
    """Digits after the point of a decimal; more digits are an error."""
    required: bool = False
    """Whether an empty field is an error."""
    null_values: list[str] | None = None
    """Texts that mean null; the step's where it is not given."""

    @model_validator(mode="after")
    def _fitting(self) -> ColumnSpec:
        if self.format is not None and self.type not in ("date", "datetime"):
            raise ValueError("format is for dates and datetimes")
        if self.scale is not None and self.type != "decimal":
            raise ValueError("scale is for decimals")
        return self


def _short_form(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: {"type": spec} if isinstance(spec, str) else spec for name, spec in value.items()}
    return value


Columns = Annotated[dict[str, ColumnSpec], BeforeValidator(_short_form)]
"""Types by column; `name: type` is short for `name: {type: …}`."""


def require_names(columns: Mapping[str, ColumnSpec], *, has_header: bool) -> None:
    """Raises ValueError where nothing names the columns of a source."""
    if not has_header and not columns:
        raise ValueError("without a header, columns has to name all columns")


class CsvRead(StepBase):
    """Reads rows from a CSV file, lazily: `steps.<id>.rows`."""

    type: Literal["csv.read"]
    path: Text
    """The file, relative to the job file."""
    columns: Columns = Field(default_factory=dict)
    """Types of columns, as `name: type` or `name: {type: …}`; columns not named here stay text."""
    has_header: bool = True
    """Whether the first line names the columns; else `columns` names all, in order."""
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    """Between fields."""
    quotechar: str = Field(default='"', min_length=1, max_length=1)
    """Around fields that hold a delimiter or a line end."""
    encoding: str = "utf-8"
    """Of the file; a byte order mark is ignored."""
    null_values: list[str] = Field(default_factory=lambda: [""])
    """Texts that mean null, in every column; `[]` keeps empty fields as empty texts."""
    on_error: OnErrorField = Field(default_factory=OnError)
    """What happens to a row that is not as `columns` says: `fail`, `skip`, or a mapping with `action`."""
    batch: None = None
    """Not available here."""

    @model_validator(mode="after")
    def _named(self) -> CsvRead:
        require_names(self.columns, has_header=self.has_header)
        return self


class CsvWrite(MappingStep):
    """Writes a CSV file; it appears, whole, when the job has succeeded.

    Without `mapping` and `pass_through` it has the items' own columns.
    """

    type: Literal["csv.write"]
    path: Text
    """The file, relative to the job file."""
    if_exists: Literal["replace", "skip", "fail"] = "replace"
    """What happens when the file is there already: it is replaced, or stays as it is, or the job fails."""
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    """Between fields."""
    encoding: str = "utf-8"
    """Of the file."""
    header: bool = True
    """Whether the first line names the columns."""
    null_value: str = ""
    """What is written for null."""
