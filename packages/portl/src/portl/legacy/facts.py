"""What only the file, the source and the destination together tell: the columns there are, and the key.

Stage: `LegacyJob` + connections → `Facts`. Reads the header of a CSV file, and catalogues of databases in transactions
that write nothing. Offline it reads nothing but the CSV file.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..clock import Clock
from ..connectors.base import Transaction
from ..connectors.operations import Sql, Table, TransactionOptions
from ..engine.opened import OpenConnections
from ..errors import DatabaseError, Finding, JobSpecError, RetryClass, SchemaError, SourceError
from ..model.resolve import Resolved
from ..steps.csv_rows import CsvRows, Layout, reading
from .model import Endpoint, LegacyJob

AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True)
class Facts:
    """What is known beside the job's file."""

    columns: tuple[str, ...] | None = None
    """Of the source, in its order; None where nobody was asked."""
    table: Table | None = None
    """The destination's; None where nobody was asked, and for a file."""
    asked: bool = False
    """Whether source and destination were asked."""


def look_offline(job: LegacyJob, path: str) -> Facts:
    """The facts that need no connection; `path` is the source's file, if it is one."""
    try:
        return Facts(_header(job, path) if job.source.kind == "csv" else None)
    except SourceError:
        return Facts()


def look(job: LegacyJob, resolved: Resolved, clock: Clock) -> Facts:
    """The facts. Raises JobSpecError where the job names what is not there, and the errors of connections."""
    with OpenConnections(resolved.connections, str(job.document.folder), clock) as connections:
        asking = _Asking(job, resolved, connections)
        columns = asking.columns()
        table = asking.table()
    if asking.found:
        raise JobSpecError(asking.found)
    return Facts(columns, table, asked=True)


@dataclass
class _Asking:
    job: LegacyJob
    resolved: Resolved
    connections: OpenConnections
    found: list[Finding] = field(default_factory=list)

    def columns(self) -> tuple[str, ...] | None:
        """Those of the source."""
        source = self.job.source
        if source.kind == "csv":
            try:
                return _header(self.job, self.resolved.params.get("source_path") or source.fields["path"])
            except SourceError as error:
                if "before_job" not in self.job.hooks:  # which may be what makes the file
                    self._tell(source, "path", str(error), "")
                return None
        return self._asked(source, lambda transaction: _columns(source, transaction)) if source.is_database else None

    def table(self) -> Table | None:
        """The destination's."""
        destination = self.job.destination
        if not destination.is_database:
            return None
        return self._asked(destination, lambda transaction: transaction.table(destination.fields["table"]))

    def _asked(self, endpoint: Endpoint, ask: Callable[[Transaction], AnswerT]) -> AnswerT | None:
        """What `ask` gives for a look at the database; None where what the job names is not there, which is told."""
        config = self.resolved.connections[endpoint.role]
        if endpoint.kind == "sqlite" and not os.path.isfile(os.path.join(self.job.document.folder, config.path)):
            self._tell(endpoint, "path", f"{endpoint.role}: there is no file {config.path}.", "")
            return None
        connector = self.connections.connector(endpoint.role)
        try:
            with connector.begin(TransactionOptions(read_only=True)) as transaction:
                return ask(transaction)
        except DatabaseError as error:
            is_query = "query" in endpoint.fields and error.retry_class is RetryClass.NEVER
            if not is_query and not isinstance(error, SchemaError):
                raise
            self._tell(endpoint, "query" if is_query else "table", f"{endpoint.role}: {error.message}", error.hint)
            return None

    def _tell(self, endpoint: Endpoint, name: str, what: str, hint: str | None) -> None:
        self.found.append(self.job.document.source.finding(endpoint.place(name), what, hint or ""))


def _header(job: LegacyJob, name: str) -> tuple[str, ...]:
    """The columns of the source's file; numbers where it does not name them. Raises SourceError."""
    fields = job.source.fields
    layout = Layout(
        path=job.document.folder / "".join(name),
        shown=name,
        step_id="read",
        columns={},
        delimiter=fields.get("delimiter", ","),
        quotechar=fields.get("quotechar", '"'),
        encoding=reading(fields.get("encoding", "utf-8")),
    )
    if fields.get("has_header", True):
        return CsvRows.open(layout).columns
    return tuple(map(str, range(CsvRows.width(layout))))


def _columns(source: Endpoint, transaction: Transaction) -> tuple[str, ...]:
    """The columns of the source's table, or of its query. Raises SchemaError, DatabaseError."""
    if "table" in source.fields:
        return tuple(transaction.table(source.fields["table"]).columns)
    query: Any = source.fields["query"].rstrip().rstrip(";")
    sql = f"SELECT * FROM (\n{query}\n) AS portl_source LIMIT 0"  # noqa: S608  # the query is the job's own
    reading = transaction.read(Sql((sql,)))
    deque(reading.chunks, maxlen=0)  # there are none; their end closes the cursor
    return reading.columns
