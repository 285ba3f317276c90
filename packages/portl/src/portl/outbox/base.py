"""Deliveries that leave after COMMIT: their rows, and who makes them.

Stage: rows are written by steps in the job's transaction; a worker reads them afterwards. At least once: a delivery may
come twice, with the same key.
"""

from __future__ import annotations

from dataclasses import dataclass

from portl.clients.base import Request


@dataclass(frozen=True)
class OutboxRow:
    """One delivery to be made after COMMIT."""

    dedup_key: str
    """Names the delivery for good; a second row with this key is not written."""
    connection: str
    """Name of the job's connection; never its address or credentials."""
    request: Request
    """Rendered; a snapshot of what the job knew."""
    ordering_key: str | None = None
    """Rows with the same key are delivered one after the other, in the order they were written; None: in any order."""
    job: str = ""
    step: str = ""
    max_attempts: int = 10
    """After so many failed attempts it is dead, and waits for `portl outbox requeue`."""


@dataclass(frozen=True)
class DrainReport:
    """What a worker did."""

    delivered: int = 0
    failed: int = 0
    """Attempts that failed and will be repeated."""
    dead: int = 0
    """Rows given up."""
    pending: int = 0
    """Rows that wait still: for their time, for another worker, or behind an earlier row of their ordering key."""
