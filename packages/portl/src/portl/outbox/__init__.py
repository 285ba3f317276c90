"""The outbox and the ledger of runs: portl's own two tables."""

from .base import DrainReport, OutboxRow

__all__ = ["DrainReport", "OutboxRow"]
