"""What the steps of one run share: results, sources, the open transaction, connections.

Stage: made by an engine, used by steps. Opens connections when they are first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .batch.dead_letters import DeadLetters, Dialect
from .batch.limited import first_rows
from .batch.rejects import Rejects
from .batch.rows import Kept, ListRows, Rows
from .clients.base import Client
from .connectors.base import Connector, Transaction
from .errors import SourceError, TemplateError
from .logging import Observer, ignore
from .plan import JobPlan, PlannedStep
from .template.access import text
from .template.rows import Chunk, values_function
from .template.scope import Key, Scope, Variable
from .template.syntax import Template

if TYPE_CHECKING:
    from .clients.sheets import SheetsClient


class Connections(Protocol):
    """Opens what a job is connected to."""

    def connector(self, name: str) -> Connector:
        """The database of that name."""
        ...

    def client(self, name: str) -> Client:
        """The function or API of that name."""
        ...

    def sheets(self, name: str) -> SheetsClient:
        """The spreadsheet of that name."""
        ...


class PendingFile(Protocol):
    """A file or a sheet's rows that are ready, but not in their place yet."""

    @property
    def step_id(self) -> str:
        """The step that made it."""
        ...

    def place(self) -> Mapping[str, Any] | None:
        """Put it where it belongs; what is worth telling. Raises PortlError."""
        ...

    def discard(self) -> None:
        """Remove it."""
        ...


@dataclass
class RunContext:
    """One run of a job. Not frozen: results are added to it."""

    plan: JobPlan
    connections: Connections
    params: Mapping[str, Any]
    run_id: str
    now: datetime
    """The run's start; what `now()` gives, always the same."""
    observer: Observer = ignore
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    """`{step id: {name: value}}`."""
    sources: dict[str, Rows] = field(default_factory=dict)
    """`{source: its items}`."""
    files: list[PendingFile] = field(default_factory=list)
    rejects: dict[str, Rejects] = field(default_factory=dict)
    """`{step id: the items it cannot use}`."""
    writes_letters: bool = True
    """Whether rejected rows are written down."""
    transaction: Transaction | None = None
    """The job's transaction, while it is open."""
    mocked: bool = False
    """Whether calls are answered by their steps' `mock`."""
    limit: int | None = None
    """At most so many rows of each source are read; None: all."""
    batch_size: int | None = None
    """Items that every batch works on at once, whatever the job says; None: as the job says."""

    @property
    def folder(self) -> Path:
        """What relative paths are relative to."""
        return self.plan.file.folder

    def place(self, name: str) -> Path:
        """The file that the job calls `name`."""
        return self.folder / "".join(name)  # pathlib takes no subclasses of str, as secrets are

    def functions(self) -> dict[str, Callable[..., Any]]:
        """The functions whose answer is one for the run."""
        return {"now": lambda: self.now}

    def scope(self, planned: PlannedStep, variables: Mapping[Key, Variable]) -> Scope:
        """What names mean to a step's expressions."""
        return Scope(variables, lambda path: self._constant(planned, path), self.functions())

    def single(self, planned: PlannedStep, template: Template) -> Any:
        """A template's value for a step without items. Raises RowFailure."""
        return values_function(template, self.scope(planned, {}))(ONE)[0]

    def source(self, planned: PlannedStep) -> Rows:
        """The items of a step's batch. Raises RowFailure, TemplateError."""
        batch = planned.batch
        assert batch is not None  # noqa: S101  # asked for batched steps only
        if batch.source not in self.sources:
            rows = first_rows(as_rows(self.single(planned, batch.template)), self.limit)
            many = self.plan.passes.get(batch.source, 1) > 1
            self.sources[batch.source] = Kept(rows) if many and not isinstance(rows, ListRows) else rows
        return self.sources[batch.source]

    def rejects_of(self, planned: PlannedStep, dialect: Dialect = Dialect()) -> Rejects:  # noqa: B008  # frozen
        """A place for the items that a step cannot use; what an earlier attempt put there is dropped.

        Raises RowFailure, SourceError where the file for them is there already.
        """
        policy = planned.step.on_error
        letters = None
        if policy.action == "dead_letter" and self.writes_letters:
            target = self.place(text(self.single(planned, planned.templates["on_error.path"])))
            self._drop_letters(planned, target)
            letters = DeadLetters(planned.id, target, dialect, replace=policy.replace, escape=policy.escape_formulas)
            self.files.append(letters)
        self.rejects[planned.id] = Rejects(planned.id, policy, letters)
        return self.rejects[planned.id]

    def _drop_letters(self, planned: PlannedStep, target: Path) -> None:
        for file in [file for file in self.files if isinstance(file, DeadLetters)]:
            if file.step_id == planned.id:
                file.discard()
                self.files.remove(file)
            elif file.target == target:
                raise SourceError(f"the rejected rows of step '{file.step_id}' go there too.", where=str(target))

    def _constant(self, planned: PlannedStep, path: Key) -> tuple[Any, int]:
        if path[0] == "steps":
            return self.results.get(path[1], {}).get(path[2]), 3
        if path[0] == "run":
            known: dict[str, Any] = {
                "params": self.params,
                "id": self.run_id,
                "started_at": self.now,
                "job": self.plan.file.job.name,
            }
            return known[path[1]], 2
        return self.results.get(planned.names[path[0]], {}).get(path[0]), 1


ONE = Chunk((0,), {})
"""The chunk of a step that runs once."""


def as_rows(value: Any) -> Rows:
    """The items of a batch's source. Raises TemplateError for a value that is no list."""
    if isinstance(value, Rows):
        return value
    if isinstance(value, list | tuple | range):
        return ListRows(value)
    from .template.bounds import kind_of  # noqa: PLC0415  # only on the way to an error

    raise TemplateError(f"A batch goes through a list, not through {kind_of(value)}.")
