"""The outbox and the ledger of runs: portl's own two tables."""

from .base import DrainReport, OutboxRow
from .drain import Delivery, Drainer
from .enqueue import Enqueuer
from .ledger import LedgerRow
from .queue import Entry, Queue
from .tables import LEDGER, OUTBOX, create_tables, missing_tables

__all__ = [
    "LEDGER",
    "OUTBOX",
    "Delivery",
    "DrainReport",
    "Drainer",
    "Enqueuer",
    "Entry",
    "LedgerRow",
    "OutboxRow",
    "Queue",
    "create_tables",
    "missing_tables",
]
