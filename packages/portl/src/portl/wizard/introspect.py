"""Looks at real files and databases, and changes neither.

Stage: a place → facts. Reads the first bytes of a file; reads a database's catalogue in a transaction that is read-only
and rolled back. A SQLite file that is missing is not made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..connectors.base import Transaction
from ..connectors.opening import open_connector
from ..connectors.operations import Table, TransactionOptions
from ..errors import SourceError
from ..model.load import CONNECTION
from ..secrets import Secret
from . import csvfile
from .places import DatabasePlace

ResultT = TypeVar("ResultT")
OWN_TABLES = ("portl_outbox", "portl_runs")


@dataclass(frozen=True)
class Database:
    """A database that could be opened."""

    place: DatabasePlace
    password: Secret | None
    tables: tuple[str, ...]
    """Names of its tables and views, portl's own left out."""

    def table(self, name: str) -> Table:
        """What its catalogue says about a table. Raises SchemaError, ConnectorError."""
        return _looked(self.place, self.password, lambda transaction: transaction.table(name))


def open_database(place: DatabasePlace, password: Secret | None) -> Database:
    """The database at `place`. Raises ConnectorError where it cannot be opened."""
    names = _looked(place, password, lambda transaction: transaction.tables())
    return Database(place, password, tuple(name for name in names if name.rpartition(".")[2] not in OWN_TABLES))


def open_sheet(path: str, *, delimiter: str = "", encoding: str = "") -> csvfile.Sheet:
    """The beginning of a CSV file. Raises SourceError."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(csvfile.SAMPLE_BYTES)
            complete = not file.read(1)
    except OSError as error:
        raise SourceError(f"the file cannot be read: {error.strerror}.", where=path) from error
    try:
        return csvfile.parse(data, complete=complete, delimiter=delimiter, encoding=encoding)
    except SourceError as error:
        raise SourceError(error.message, where=path, hint=error.hint) from error


def _looked(place: DatabasePlace, password: Secret | None, action: Callable[[Transaction], ResultT]) -> ResultT:
    config = CONNECTION.validate_python(place.open_with(password))
    connector = open_connector(place.name, config)
    try:
        with connector.begin(TransactionOptions(read_only=True)) as transaction:
            return action(transaction)
    finally:
        connector.close()
