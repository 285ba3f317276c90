"""Rows of the outbox, written in the job's transaction: they are there exactly when the job's own rows are."""

from __future__ import annotations

from collections.abc import Sequence

from portl.connectors import Transaction, Upsert, Writer

from .base import OutboxRow
from .requests import content_hash, to_text
from .tables import OUTBOX

_COLUMNS = ("dedup_key", "content_hash", "job", "step", "connection", "ordering_key", "request", "max_attempts")


class Enqueuer:
    """One step's deliveries. Made once per step, called once per chunk."""

    def __init__(self, transaction: Transaction, *, table: str = OUTBOX) -> None:
        self._transaction = transaction
        self._table = table
        self._writer: Writer | None = None
        self.differing = 0
        """Rows that were left out although the content under their key is another."""

    def write(self, rows: Sequence[OutboxRow], indexes: Sequence[int]) -> list[bool]:
        """Enqueue a chunk; aligned with it, whether each row is new.

        A row whose key is there already is left out: the first content under a key is the one that is delivered.
        Raises SchemaError where the table is missing.
        """
        if self._writer is None:
            self._writer = self._transaction.upsert(
                Upsert(
                    self._table,
                    _COLUMNS,
                    key=("dedup_key",),
                    update="none",
                    on_duplicate="last",
                    in_order=True,
                    returning=("content_hash",),
                )
            )
        values = [_values(row) for row in rows]
        result = self._writer.write(values, indexes)
        self.differing += sum(
            found != own_hash for found, (_, own_hash, *_) in zip(result.columns["content_hash"], values, strict=True)
        )
        return result.columns["was_inserted"]

    def finish(self) -> None:
        """Say that the source is at its end."""
        if self._writer is not None:
            self._writer.finish()


def _values(row: OutboxRow) -> tuple[object, ...]:
    text = to_text(row.request)
    return (
        row.dedup_key,
        content_hash(row, text),
        row.job,
        row.step,
        row.connection,
        row.ordering_key,
        text,
        row.max_attempts,
    )
