"""Steps on a database."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AliasChoices, Field, NonNegativeInt, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from ..base import Mapping, Name, SqlText
from .base import StepBase
from .mapping import ItemStep, MappingStep


class DatabaseStep(StepBase):
    """What every step on a database has."""

    DATABASE: ClassVar[bool] = True

    connection: Name | None = None
    """Name of the connection; the transaction's where it is not given."""


Columns = Annotated[list[str], Field(min_length=1)]


class RowsStep(MappingStep, DatabaseStep):
    """What steps have that write rows."""

    mapping: Mapping | None = Field(default=None, validate_default=True)
    """`{column: expression}`; needed where nothing passes through."""

    @field_validator("mapping")
    @classmethod
    def _says_what_to_write(cls, value: Any, info: ValidationInfo) -> Any:
        if value is None and info.data.get("pass_through") is None:
            raise PydanticCustomError("missing", "Field required")
        return value


class DbUpsert(RowsStep):
    """Inserts rows, or updates those whose key is there already.

    Result: returned columns, `was_inserted`, `changed`.
    """

    type: Literal["db.upsert"]
    table: str
    """`table` or `schema.table`."""
    key: Columns
    """Columns that identify a row; the table needs a unique index on exactly these."""
    returning: list[str] | None = None
    """Columns to give back; `id` or the primary key where it is not given."""
    update: Literal["all", "merge", "none"] | Columns = "all"
    """What happens to a row that is there: all mapped columns, those with a value (`merge`), none, or those listed."""
    on_duplicate: Literal["error", "first", "last"] = "error"
    """What happens when two items have the same key."""

    @field_validator("key", mode="before")
    @classmethod
    def _one_column(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _key_is_mapped(self) -> DbUpsert:
        for column in self.key:
            if not self.may_have(column):
                raise ValueError(f"mapping has no column '{column}', which is in key")
        if isinstance(self.update, list):
            for column in self.update:
                if not self.may_have(column):
                    raise ValueError(f"mapping has no column '{column}', which is in update")
        return self


class DbInsert(RowsStep):
    """Inserts rows. Result: returned columns, `was_inserted`, `changed`."""

    type: Literal["db.insert"]
    table: str
    """`table` or `schema.table`."""
    returning: list[str] | None = None
    """Columns to give back; `id` or the primary key where it is not given."""
    on_conflict: Literal["error", "skip"] = "error"
    """What happens when the row is there already; `skip` needs `key`."""
    key: Columns | None = None
    """Columns that identify a row, for `on_conflict: skip`."""

    @model_validator(mode="after")
    def _key_for_skip(self) -> DbInsert:
        if (self.on_conflict == "skip") != (self.key is not None):
            raise ValueError("on_conflict: skip and key belong together")
        return self


class DbUpdate(ItemStep, DatabaseStep):
    """Updates rows. Result: returned columns, `changed`, `updated`."""

    type: Literal["db.update"]
    table: str
    """`table` or `schema.table`."""
    where: Mapping
    """`{column: expression}`: the columns that have to be equal."""
    set: Mapping
    """`{column: expression}`: what is written."""
    returning: list[str] | None = None
    """Columns to give back; `id` or the primary key where it is not given."""
    expect_rows: NonNegativeInt | None = None
    """How many rows each item has to update; any number where it is not given."""

    @model_validator(mode="after")
    def _required_is_set(self) -> DbUpdate:
        for column in self.required:
            if column not in self.set:
                raise ValueError(f"set has no column '{column}', which is in required")
        return self


class SqlStep(DatabaseStep):
    """A step with a query of its own."""

    sql: SqlText = Field(validation_alias=AliasChoices("sql", "query"))
    """The query; `{{ }}` and `:name` in it become bind parameters, never text."""
    params: dict[Name, Any] = Field(default_factory=dict)
    """`{name: expression}` for each `:name`."""


class DbQueryOne(SqlStep):
    """Asks for one row: its columns, or null where there is none. More than one row is an error."""

    type: Literal["db.query_one"]
    required: bool = False
    """Whether a missing row is an error."""


class DbRead(SqlStep):
    """Reads rows with a query: `steps.<id>.rows`."""

    type: Literal["db.read"]
    batch: None = None
    """Not available here."""
