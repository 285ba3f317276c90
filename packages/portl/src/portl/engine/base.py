"""What a run is asked to do, and what it reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..outbox.base import DrainReport


@dataclass(frozen=True)
class RunOptions:
    """How a job is run."""

    rollback: bool = False
    """Do everything on the database, then roll back; make no calls, keep no files."""
    drain_wait_s: float = 30.0
    """Seconds that deliveries may take, with their retries, before the run leaves them to `portl outbox drain`."""
    limit: int | None = None
    """Read at most so many rows of each source, and do not count as the run of the job's run_key; None: all rows."""
    batch_size: int | None = None
    """Items that every batch works on at once, whatever the job says; None: as the job says."""


@dataclass(frozen=True)
class StepReport:
    """What a step did."""

    step_id: str
    type: str
    details: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class RunReport:
    """What a run did."""

    run_id: str
    job: str
    outcome: Literal["committed", "rolled_back", "done_before", "no_transaction"]
    """`no_transaction`: the job has no database step. `done_before`: its run_key is in the ledger."""
    steps: tuple[StepReport, ...] = ()
    deliveries: DrainReport | None = None
    """None where nothing was to be delivered by this run."""
    attempts: int = 1
    """How often the transaction was run."""
    seconds: float = 0.0
