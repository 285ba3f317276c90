"""Every error portl raises on purpose.

    PortlError                    1
      CommandLineError            2
      JobSpecError                2
      MissingPackageError         2
      TemplateError               1
        WorkLimitError            1
      SourceError                 1
      RowsRefusedError            1
      ConnectorError              1
        ConnectionFailedError     1
        DatabaseError             1
          RowError                1
            DuplicateKeyError     1
            NullKeyError          1
          SchemaError             1
        RequestError              1
        FunctionError             1
      StepError                   1
      HookError                   1
      OutcomeUnknownError         3
      DeliveriesPendingError      4
      InterruptedRunError       130

The number is the exit code of the command line: 1 failed and rolled back, 2 wrong job or command line, 3 the outcome of
COMMIT is unknown, 4 committed but not everything is delivered, 130 interrupted. A message reads *where: what. hint.*
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class RetryClass(Enum):
    """What a failure says about what may be tried again."""

    NOTHING_HAPPENED = "S1"
    """The call did not reach the other side: try it again."""
    TRANSACTION_GONE = "S2"
    """The transaction was rolled back: run the whole transaction phase again, never one statement."""
    OUTCOME_UNKNOWN = "S3"
    """The connection was lost while COMMIT was under way: ask, never try again blindly."""
    MAYBE_EXECUTED = "S4"
    """The call may have had its effect: try again only what is idempotent or carries a key."""
    NEVER = "S5"
    """Trying again gives the same failure."""


class PortlError(Exception):
    """The root: what happened, where, and what to do about it."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        gap = "\n" if "\n" in self.message else " "
        return f"{self.message}{gap}{self.hint}" if self.hint else self.message


class CommandLineError(PortlError):
    """The command line is not understood."""

    exit_code = 2


@dataclass(frozen=True, order=True)
class Finding:
    """One mistake in a job file."""

    file: str
    line: int
    """From 1."""
    column: int
    """From 1."""
    what: str
    """One sentence with its full stop."""
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.what}{' ' if self.hint else ''}{self.hint}"


class JobSpecError(PortlError):
    """A job file, its parameters or the variables it names are wrong; all mistakes are listed."""

    exit_code = 2

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = tuple(findings)
        """In the order of the file."""


class MissingPackageError(PortlError):
    """A feature lives in a package that is not installed."""

    exit_code = 2

    def __init__(self, what: str, package: str) -> None:
        super().__init__(f"{what} needs the package {package}.", hint=f"Install it: pip install '{package}'")
        self.package = package


class TemplateError(PortlError):
    """An expression is wrong, or has no value for this row."""

    def __init__(self, message: str, *, expression: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.expression = expression
        """Its text, without the braces; "" where it is not known yet."""


class WorkLimitError(TemplateError):
    """An expression asks for more work or memory than a job's expression may take."""


class SourceError(PortlError):
    """A file or another source could not be read, or does not hold what the step says."""

    def __init__(self, message: str, *, where: str = "", hint: str | None = None) -> None:
        super().__init__(f"{where}: {message}" if where else message, hint=hint)
        self.where = where
        """`file:line:column` of the value, or the file."""
        self.step_id = ""
        """The step that reads it; "" where it is not known."""
        self.column = ""
        """The column of the file; "" where it is not one."""


@dataclass(frozen=True)
class Refused:
    """An item that a step cannot use."""

    index: int
    """Its place in the step's whole source, from 0; of a file, its place among the file's records."""
    errors: tuple[PortlError, ...]
    """What is wrong with it: at least one."""


class RowsRefusedError(PortlError):
    """Items that a step cannot use; the whole source was looked at."""

    def __init__(self, count: int, first: Sequence[Refused], *, limit: int | None = None) -> None:
        super().__init__(f"{count:,} items cannot be used.")
        self.count = count
        self.first = tuple(first)
        """Those that are told."""
        self.limit = limit
        """How many were allowed; None for none."""

    def summary(self, what: str) -> str:
        """`3 rows cannot be used, and max_errors allows 2:`."""
        allowed = f", and max_errors allows {self.limit:,}" if self.limit is not None else ""
        return f"{self.count:,} {what}{'s' if self.count != 1 else ''} cannot be used{allowed}:"

    def more(self) -> str:
        """The line about those that are not told; "" where all are."""
        left = self.count - len(self.first)
        return f"\n  and {left:,} more." if left else ""


class ConnectorError(PortlError):
    """Something outside this process failed or refused."""

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        retry_class: RetryClass = RetryClass.NEVER,
        token: str = "",
        code: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_class = retry_class
        self.token = token
        """What `retry_on` calls it: connect, timeout, http_429, http_5xx, throttled, function_error, serialization,
        deadlock; "" for anything else."""
        self.code = code
        """The other side's own code: SQLSTATE, HTTP status, error type; "" where there is none."""
        self.retry_after_s: float | None = None
        """How long the other side asks to wait; None where it does not say."""
        self.index: int | None = None
        """Which of several calls it was, from 0; None where there was only one."""


class ConnectionFailedError(ConnectorError):
    """The other side was not reached, or the connection to it is lost."""


class DatabaseError(ConnectorError):
    """A database refused a statement."""

    sql: str = ""
    """The statement with its placeholders, never with its values."""


class RowError(DatabaseError):
    """A row, or the value of one column of it, is refused."""

    rows: tuple[int, ...] = ()
    """Which rows of the input, from 0, in the step's whole source; () where they cannot be named."""
    column: str = ""
    """The column of the table; "" where it is not one."""
    value: object = None
    """The value that was refused; None where it is not known."""


class DuplicateKeyError(RowError):
    """Two rows of the input have the same key; `rows` names both."""


class NullKeyError(RowError):
    """A row has no value in a column of the key."""


class SchemaError(DatabaseError):
    """A table, column or unique index that the job needs is not there."""

    column: str = ""
    """The column that is meant; "" where it is not one."""


class RequestError(ConnectorError):
    """An HTTP call failed, or its answer is not one of the expected."""

    url: str = ""
    """Without credentials."""


class FunctionError(ConnectorError):
    """A function was not invoked, or ended with an error."""


class StepError(PortlError):
    """A step failed for good; `__cause__` says why."""

    def __init__(
        self,
        message: str,
        *,
        step_id: str,
        idx: int | None = None,
        where: str = "",
        rendered: str = "",
        hint: str | None = None,
    ) -> None:
        super().__init__(f"{where}: {message}" if where else message, hint=hint)
        self.step_id = step_id
        self.idx = idx
        """The item's place in the batch's source, from 0; None for a step without one, or for no single item."""
        self.where = where
        """`file:line:column` in the job."""
        self.rendered = rendered
        """The SQL or the URL it worked on, redacted; "" where there is none."""


class HookError(PortlError):
    """A program of the user's, run around the job or a batch, failed."""


class OutcomeUnknownError(PortlError):
    """The connection was lost during COMMIT, and nobody can say whether it took effect."""

    exit_code = 3


class DeliveriesPendingError(PortlError):
    """The transaction is committed; some of its deliveries are not done yet."""

    exit_code = 4


class InterruptedRunError(PortlError):
    """Ctrl-C or SIGTERM ended the run; the message says what became of the transaction."""

    exit_code = 130
