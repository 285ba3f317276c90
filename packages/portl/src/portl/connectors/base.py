"""What a database has to be able to do for a job. One module or package beside this one per database.

Stage: between steps and a database's client library. Input: operations and chunks of rows. Output: results aligned with
the rows. Raises the errors of `portl.errors`, each with its retry class; a row is named by its index in the step's
whole source.

    with connector.begin(TransactionOptions()) as transaction:
        writer = transaction.upsert(Upsert("resources", ("code", "name"), key=("code",)))
        for first, rows in chunks:
            result = writer.write(rows, range(first, first + len(rows)))
        writer.finish()
        transaction.commit()
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from .operations import (
    Change,
    Insert,
    QueryResult,
    Reading,
    Row,
    Rows,
    Sql,
    Table,
    TransactionOptions,
    Upsert,
    Witness,
    WriteResult,
)


class Writer(Protocol):
    """One step's writes. Made once per step, called once per chunk, all in one transaction."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the result's columns."""
        ...

    def write(self, rows: Rows, indexes: Sequence[int]) -> WriteResult:
        """Write a chunk; `indexes` are the rows' places in the whole source, ascending (a range where none is skipped).

        Raises RowError, DuplicateKeyError, NullKeyError, SchemaError, DatabaseError. After any of them the transaction
        can only be rolled back.
        """
        ...

    def finish(self) -> None:
        """Say that the source is at its end. Raises DuplicateKeyError for keys that came twice in different chunks."""
        ...


class Transaction(Protocol):
    """One transaction on one connection. Leaving the `with` block without `commit` rolls back; so does any error."""

    @property
    def dialect(self) -> str:
        """`postgres`, `sqlite` or `mysql`."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def table(self, name: str) -> Table:
        """What the catalogue says about a table; read once. Raises SchemaError when there is none of that name."""
        ...

    def tables(self) -> tuple[str, ...]:
        """Names of the tables and views that can be read, as `table` takes them; the system's are left out.

        Sorted, those that need no schema before them first. Raises DatabaseError.
        """
        ...

    def upsert(self, operation: Upsert) -> Writer:
        """Raises SchemaError for an unknown table or column, and for a key without a unique index."""
        ...

    def insert(self, operation: Insert) -> Writer:
        """Raises SchemaError for an unknown table or column."""
        ...

    def update(self, operation: Change) -> Writer:
        """Raises SchemaError for an unknown table or column."""
        ...

    def query(self, sql: Sql, rows: Rows, indexes: Sequence[int]) -> QueryResult:
        """Ask one query once per row of parameters, in as few round trips as the database allows.

        The result is aligned with `rows`. Raises RowError where a query gives more than one row, DatabaseError.
        """
        ...

    def execute(self, sql: Sql, values: Row = ()) -> int:
        """Run one statement; the number of rows it wrote, or -1 where that means nothing. Raises DatabaseError."""
        ...

    def fetch(self, sql: Sql, values: Row = ()) -> list[Row]:
        """All rows of one small query. Raises DatabaseError."""
        ...

    def read(self, sql: Sql, values: Row = (), *, chunk_rows: int = 10_000) -> Reading:
        """Stream the rows of a query; memory does not grow with their number. Raises DatabaseError."""
        ...

    def check(self, sql: Sql) -> None:
        """Let the database look at a statement without running it. Raises DatabaseError, SchemaError."""
        ...

    def commit(self, witness: Witness | None = None) -> None:
        """Make everything durable, or raise.

        A connection lost on the way is resolved: by `witness` where it is given, else by what the server knows of the
        transaction. Raises DatabaseError (rolled back; its retry class says whether the phase may be replayed) and
        OutcomeUnknownError.
        """
        ...

    def rollback(self) -> None:
        """Undo everything; again, or after a lost connection, it does nothing. Raises nothing."""
        ...


class Connector(Protocol):
    """One named connection of a job to a database. Making it touches nothing."""

    @property
    def name(self) -> str:
        """Its name in the job."""
        ...

    @property
    def dialect(self) -> str:
        """`postgres`, `sqlite` or `mysql`."""
        ...

    def begin(self, options: TransactionOptions = ...) -> Transaction:
        """Connect where that is not done yet, and open a transaction. Raises ConnectionFailedError, DatabaseError."""
        ...

    def preview(self, operation: Upsert | Insert | Change | Sql) -> tuple[str, ...]:
        """The statements for one chunk of `operation`, as far as they are known without connecting; for people."""
        ...

    def explain(self, transaction: Any, operation: Upsert | Insert | Change | Sql) -> tuple[str, ...]:
        """The same, checked against the open `transaction` without writing. Raises as the operation would."""
        ...

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back. Raises nothing."""
        ...
