"""What steps share that make rows of items: the mapping, what has to have a value, what happens to bad items."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, model_validator

from ..base import Mapping, Part, Text
from .base import StepBase


class PassThrough(Part):
    """Which columns of the source are written as they are."""

    rename: dict[str, str] = Field(default_factory=dict)
    """`{column of the source: column that is written}`."""
    leave_out: list[str] = Field(default_factory=list, alias="except")
    """Columns of the source that are not written."""


class OnError(Part):
    """What happens to an item that cannot be used: a value that is not of its type, an expression that fails, a null
    where there has to be a value. A row that the database itself refuses fails the job.
    """

    action: Literal["fail", "skip", "dead_letter"] = "fail"
    """`fail`: the job fails and tells all such items. `skip`: they are left out, counted and told. `dead_letter`: they
    are left out and written to a file, with the reasons."""
    path: Text | None = None
    """The file for `dead_letter`, relative to the job file. It appears when the job has succeeded."""
    max_errors: NonNegativeInt | None = None
    """More such items fail the job all the same; any number where it is not given."""
    replace: bool = False
    """Whether the file of an earlier run is replaced; else it has to be out of the way."""
    escape_formulas: bool = True
    """Whether texts that a spreadsheet would run as a formula are written to the file with `'` in front."""

    @model_validator(mode="after")
    def _has_a_file(self) -> OnError:
        if (self.action == "dead_letter") != (self.path is not None):
            raise ValueError("action: dead_letter and path belong together")
        if self.action == "fail" and self.max_errors is not None:
            raise ValueError("max_errors is for action: skip and action: dead_letter")
        return self


def _action(value: Any) -> Any:
    return {"action": value} if isinstance(value, str) else value


def _switch(value: Any) -> Any:
    return ({} if value else None) if isinstance(value, bool) else value


OnErrorField = Annotated[OnError, BeforeValidator(_action, json_schema_input_type=Literal["fail", "skip"] | OnError)]
PassThroughField = Annotated[
    PassThrough | None, BeforeValidator(_switch, json_schema_input_type=bool | PassThrough | None)
]


class ItemStep(StepBase):
    """What steps have that make a row of each item."""

    required: list[str] = Field(default_factory=list)
    """Columns that have to have a value, beside those of which the table itself says so."""
    on_error: OnErrorField = Field(default_factory=OnError)
    """What happens to an item that cannot be used: `fail`, `skip`, or a mapping with `action`."""


class MappingStep(ItemStep):
    """What steps have whose columns may be those of the source."""

    pass_through: PassThroughField = None
    """`true`: the columns of the source are written under their own names, but for those that `mapping` writes.
    `{rename: {old: new}, except: [column, …]}`: under other names, and without some."""
    mapping: Mapping | None = None
    """`{column: expression}`; needed where nothing passes through."""

    def may_have(self, column: str) -> bool:
        """Whether the step may write `column`, as far as the job file says."""
        return self.pass_through is not None or (self.mapping is not None and column in self.mapping)

    @model_validator(mode="after")
    def _required_is_mapped(self) -> MappingStep:
        for column in self.required if self.mapping is not None else ():
            if not self.may_have(column):
                raise ValueError(f"mapping has no column '{column}', which is in required")
        return self
