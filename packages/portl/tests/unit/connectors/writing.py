"""Shortcuts for tests that write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portl.connectors import Change, Connector, Insert, Upsert, WriteResult

Operation = Upsert | Insert | Change


def write(
    connector: Connector, operation: Operation, rows: Sequence[tuple[Any, ...]], *, size: int = 10_000
) -> dict[str, list[Any]]:
    """All rows in chunks, committed; the results' columns, joined."""
    joined: dict[str, list[Any]] = {}
    for result in chunks(connector, operation, rows, size=size):
        for name, values in result.columns.items():
            joined.setdefault(name, []).extend(values)
    return joined


def chunks(
    connector: Connector, operation: Operation, rows: Sequence[tuple[Any, ...]], *, size: int = 10_000
) -> list[WriteResult]:
    """All rows in chunks, committed; the result of each chunk."""
    with connector.begin() as transaction:
        if isinstance(operation, Upsert):
            writer = transaction.upsert(operation)
        elif isinstance(operation, Insert):
            writer = transaction.insert(operation)
        else:
            writer = transaction.update(operation)
        results = []
        for first in range(0, len(rows) or 1, size):
            part = rows[first : first + size]
            results.append(writer.write(part, range(first, first + len(part))))
        writer.finish()
        transaction.commit()
    return results
