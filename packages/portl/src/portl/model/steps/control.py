"""The step that holds others, and what a step of any type is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..base import Condition
from .base import StepBase
from .calls import ApiCall, LambdaInvoke, OutboxEnqueue
from .database import DbInsert, DbQueryOne, DbRead, DbUpdate, DbUpsert
from .files import CsvRead, CsvWrite
from .sheets import SheetsRead, SheetsWrite


class Conditional(StepBase):
    """Runs `then` where `when` is true, `else` where it is not; in a batch, item by item."""

    type: Literal["conditional"]
    when: Condition
    """What decides."""
    then: list[Step] = Field(default_factory=list)
    """Steps for true."""
    otherwise: list[Step] = Field(default_factory=list, alias="else")
    """Steps for false."""
    save_as: None = None
    """Not available here."""

    def children(self) -> Iterator[Step]:
        """The steps inside this one, in order."""
        yield from self.then
        yield from self.otherwise

    @model_validator(mode="after")
    def _does_something(self) -> Conditional:
        if not self.then and not self.otherwise:
            raise ValueError("neither then nor else has a step")
        return self


Step = Annotated[
    CsvRead
    | CsvWrite
    | DbRead
    | DbUpsert
    | DbInsert
    | DbUpdate
    | DbQueryOne
    | LambdaInvoke
    | ApiCall
    | Conditional
    | OutboxEnqueue
    | SheetsRead
    | SheetsWrite,
    Field(discriminator="type"),
]

STEP_CLASSES: tuple[type[StepBase], ...] = (
    CsvRead,
    CsvWrite,
    DbRead,
    DbUpsert,
    DbInsert,
    DbUpdate,
    DbQueryOne,
    LambdaInvoke,
    ApiCall,
    Conditional,
    OutboxEnqueue,
    SheetsRead,
    SheetsWrite,
)

Conditional.model_rebuild()
