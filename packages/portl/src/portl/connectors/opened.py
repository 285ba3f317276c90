"""What every open transaction does in the same way: leaving its block, and one writer per operation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

from .base import Writer
from .operations import Change, Insert, Table, Upsert

SessionT = TypeVar("SessionT")


class OpenTransaction(ABC, Generic[SessionT]):
    """A transaction on a `session`; each database says how a table is read and which classes write."""

    upserts: Callable[[SessionT, Upsert, Table], Writer]
    inserts: Callable[[SessionT, Insert, Table], Writer]
    changes: Callable[[SessionT, Change, Table], Writer]

    def __init__(self, session: SessionT) -> None:
        self.session = session
        self._tables: dict[str, Table] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.rollback()

    @abstractmethod
    def rollback(self) -> None:
        """See `Transaction.rollback`."""

    @abstractmethod
    def _read_table(self, name: str) -> Table:
        """What the catalogue says about a table."""

    def table(self, name: str) -> Table:
        """See `Transaction.table`."""
        if name not in self._tables:
            self._tables[name] = self._read_table(name)
        return self._tables[name]

    def upsert(self, operation: Upsert) -> Writer:
        """See `Transaction.upsert`."""
        return type(self).upserts(self.session, operation, self.table(operation.table))

    def insert(self, operation: Insert) -> Writer:
        """See `Transaction.insert`."""
        return type(self).inserts(self.session, operation, self.table(operation.table))

    def update(self, operation: Change) -> Writer:
        """See `Transaction.update`."""
        return type(self).changes(self.session, operation, self.table(operation.table))
