"""A job with every decision made that needs no data: phases, connections, scopes, parsed templates. Frozen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ..model.load import JobFile
from ..model.yaml import Path
from ..template.sql import SqlTemplate
from ..template.syntax import Template


class Phase(Enum):
    """When a step runs, seen from the transaction."""

    BEFORE = "before the transaction"
    TRANSACTION = "in the transaction"
    AFTER = "after commit"


@dataclass(frozen=True)
class BatchPlan:
    """The items a step works on."""

    source: str
    """Names the source; steps with the same source see each other's results as `item.<save_as>`."""
    template: Template
    """Gives the rows or the list."""
    alias: str
    size: int | None
    """Items at once; None leaves it to the step."""
    inherited: bool = False
    """Whether it is that of the conditional around the step."""


@dataclass(frozen=True)
class PlannedStep:
    """A step and what is decided about it."""

    step: Any
    """Its model."""
    path: Path
    """Its place in the job file."""
    phase: Phase
    connection: str | None
    """The connection it works with; None for a step without one."""
    batch: BatchPlan | None
    templates: Mapping[str, Template]
    """`{field: parsed template}` for fields in which expressions may stand."""
    sql: SqlTemplate | None
    items: Mapping[str, str]
    """`{name: step id}`: what `item.<name>` means here."""
    names: Mapping[str, str]
    """`{name: step id}`: earlier results by their `save_as` alone."""
    keeps: bool
    """Whether anything refers to its result."""
    then: tuple[PlannedStep, ...] = ()
    otherwise: tuple[PlannedStep, ...] = ()

    @property
    def id(self) -> str:
        """The step's name."""
        return str(self.step.id)

    def walk(self) -> Iterator[PlannedStep]:
        """This step and those inside it."""
        yield self
        for child in (*self.then, *self.otherwise):
            yield from child.walk()


@dataclass(frozen=True)
class JobPlan:
    """A whole job, ready to run."""

    file: JobFile
    steps: tuple[PlannedStep, ...]
    connection: str | None
    """The transaction's; None for a job without database steps."""
    passes: Mapping[str, int]
    """`{source: how often its items are gone through}`."""
    implicit_params: frozenset[str]
    """Parameters that expressions use though the job does not declare them."""
    uses_outbox: bool
    run_key: Template | None = None
    notes: tuple[str, ...] = field(default=())
    """What is allowed but worth knowing: `file:line:column: …`."""

    def of(self, phase: Phase) -> tuple[PlannedStep, ...]:
        """The steps of one phase, in order."""
        return tuple(step for step in self.steps if step.phase is phase)

    def walk(self) -> Iterator[PlannedStep]:
        """Every step."""
        for step in self.steps:
            yield from step.walk()

    def where(self, step: PlannedStep, field_name: str | None = None, snippet: str = "") -> str:
        """`file:line:column` of a step, of one of its fields, or of an expression in it."""
        path = (*step.path, field_name) if field_name else step.path
        mark = self.file.source.inside(path, snippet)
        return f"{self.file.source.file}:{mark.line}:{mark.column}"
