"""`portl outbox init|drain|list|requeue`: a job's deliveries after its COMMIT."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from ..clock import SYSTEM_CLOCK
from ..connectors.base import Connector
from ..engine.opened import OpenConnections
from ..errors import CommandLineError, DeliveriesPendingError, SchemaError
from ..outbox import LEDGER, Delivery, Drainer, Entry, Queue, create_tables, missing_tables
from ..secrets import Masker
from ..steps.calls import retry_policy
from . import ui
from .options import JOB, PARAM, Opened, debug, open_job

STATES = click.Choice(("pending", "delivered", "dead"))


@click.group()
def outbox() -> None:
    """Look after deliveries that wait for their time."""


@dataclass(frozen=True)
class _Place:
    """Where a job keeps its deliveries."""

    job: Opened
    connections: OpenConnections
    connector: Connector

    @property
    def table(self) -> str:
        """The outbox's name in the database."""
        return self.job.plan.file.job.outbox.table

    def queue(self) -> Queue:
        """The job's deliveries. Raises SchemaError where the table is missing."""
        with self.connector.begin() as transaction:
            if missing_tables(transaction, self.table):
                raise SchemaError(
                    f"{self.connector.name}: portl's table {self.table} is not there.",
                    hint=f"Make it: portl outbox init {self.job.plan.file.source.file}.",
                )
        return Queue(self.connector, self.job.plan.file.job.name, table=self.table)


@contextmanager
def _opened(job: Path, params: Sequence[str], masker: Masker) -> Iterator[_Place]:
    opened = open_job(job, params, masker, complete=False)
    if opened.plan.connection is None:
        raise CommandLineError(f"{job}: the job has no database, so there is no outbox.")
    with OpenConnections(opened.resolved.connections, str(opened.plan.file.folder), SYSTEM_CLOCK) as connections:
        yield _Place(opened, connections, connections.connector(opened.plan.connection))


@outbox.command()
@JOB
@PARAM
@debug
@click.pass_obj
def init(masker: Masker, job: Path, params: tuple[str, ...]) -> None:
    """Make portl's own two tables in the job's database where they are missing."""
    with _opened(job, params, masker) as place:
        create_tables(place.connector, outbox=place.table)
        ui.note(f"{place.connector.name}: portl's own tables are there: {place.table}, {LEDGER}.")


@outbox.command()
@JOB
@PARAM
@click.option("--wait", "wait_s", type=click.FloatRange(min=0), default=0.0, metavar="SECONDS",
              help="Wait so long for deliveries whose time has not come.")  # fmt: skip
@click.option("--concurrency", type=click.IntRange(1, 64), default=4, show_default=True, help="Calls at the same time.")
@debug
@click.pass_obj
def drain(masker: Masker, job: Path, params: tuple[str, ...], wait_s: float, concurrency: int) -> None:
    """Make the deliveries that are due. Any number of these commands may run at once."""
    with _opened(job, params, masker) as place:
        worker = Drainer(
            place.queue(),
            place.connections.client,
            clock=SYSTEM_CLOCK,
            concurrency=concurrency,
            backoff=retry_policy(place.job.plan.file.job.defaults.retry),
            on_delivery=lambda delivery: ui.note(masker.text(_line(delivery))),
        )
        report = worker.run(wait_s=wait_s)
        dead = place.queue().counts()["dead"]
    ui.note(f"{report.delivered} delivered, {report.pending} pending, {dead} dead.")
    if report.pending or dead:
        raise DeliveriesPendingError(
            f"{report.pending + dead} deliveries are not made.",
            hint="portl outbox list shows why; requeue gives dead ones another chance.",
        )


@outbox.command("list")
@JOB
@PARAM
@click.option("--state", type=STATES, help="Only these.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@debug
@click.pass_obj
def list_(masker: Masker, job: Path, params: tuple[str, ...], state: str | None, limit: int, as_json: bool) -> None:
    """Show deliveries, oldest first."""
    with _opened(job, params, masker) as place:
        queue = place.queue()
        entries, counts = queue.entries(state, limit), queue.counts()
    for entry in entries:
        ui.out(masker.text(json.dumps(_plain(entry)) if as_json else _row(entry)))
    ui.note(", ".join(f"{count} {name}" for name, count in counts.items()) + ".")


@outbox.command()
@JOB
@click.argument("ids", nargs=-1, type=int)
@click.option("--all", "everything", is_flag=True, help="All dead ones.")
@PARAM
@debug
@click.pass_obj
def requeue(masker: Masker, job: Path, ids: tuple[int, ...], everything: bool, params: tuple[str, ...]) -> None:
    """Let dead deliveries be tried again: those with IDS, or all."""
    if bool(ids) == everything:
        raise CommandLineError("requeue: name the deliveries, or say --all.", hint="portl outbox list shows their ids.")
    with _opened(job, params, masker) as place:
        count = place.queue().requeue(None if everything else ids)
    ui.note(f"{count} deliveries wait again.")


def _line(delivery: Delivery) -> str:
    row = delivery.row
    ending = f": {delivery.error}" if delivery.error else ""
    return f"{row.id} {row.dedup_key}: {delivery.outcome} at attempt {row.attempts} of {row.max_attempts}{ending}"


def _row(entry: Entry) -> str:
    attempts = f"{entry.attempts}/{entry.max_attempts}"
    ending = f"  {entry.last_error}" if entry.last_error else ""
    return f"{entry.id}  {entry.state}  {attempts}  {entry.step}  {entry.connection}  {entry.dedup_key}{ending}"


def _plain(entry: Entry) -> dict[str, Any]:
    return {name: value if isinstance(value, int | None) else str(value) for name, value in asdict(entry).items()}
