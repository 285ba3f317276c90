"""`portl runs`: what the ledger knows of a job's runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

import click

from ..clock import SYSTEM_CLOCK
from ..engine.opened import OpenConnections
from ..errors import CommandLineError, JobSpecError
from ..outbox import LEDGER
from ..outbox.ledger import PastRun, exists, latest
from ..secrets import Masker
from . import ui
from .options import PARAM, debug, open_job

HEADS = ("finished", "job", "outcome", "took", "rows", "run key")
RIGHT = ("took", "rows")
LESS = ("took", "run key", "rows", "job")
"""What narrow terminals do without, in this order."""


@click.command()
@click.argument("job", required=False, type=click.Path(path_type=Path))
@PARAM
@click.option("--all", "everything", is_flag=True, help="Runs of every job in the database, not only of this one.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="At most so many.")
@click.option("--json", "with_json", is_flag=True, help="One JSON object per line.")
@debug
@click.pass_obj
def runs(
    masker: Masker, job: Path | None, params: tuple[str, ...], everything: bool, limit: int, with_json: bool
) -> None:
    """List the runs of a JOB, the newest first; without one, of every job file in this folder.

    A run is recorded in the table portl_runs of its job's database, where that is there: 'portl outbox init' makes it.
    """
    files = [job] if job is not None else _jobs_here()
    found: dict[str, PastRun] = {}
    for file in files:
        try:
            past = _runs_of(file, params, masker, everything=everything, limit=limit)
        except JobSpecError as error:
            if job is not None:
                raise
            ui.note(masker.text(f"{file}: left out: {error.findings[0].what}"))
            continue
        found |= {run.run_id: run for run in past}
    chosen = sorted(found.values(), key=lambda run: run.finished_at, reverse=True)[:limit]
    for line in map(_as_json, chosen) if with_json else table(chosen, ui.width(sys.stdout)):
        ui.out(masker.text(line))
    if not chosen and not with_json:
        ui.note("no runs are recorded.")


def _jobs_here() -> list[Path]:
    files = sorted(path for ending in ("*.yaml", "*.yml") for path in Path().glob(ending))
    jobs = [path for path in files if "steps:" in path.read_text(encoding="utf-8", errors="replace")]
    if not jobs:
        raise CommandLineError("there is no job file in this folder.", hint="Name one: portl runs JOB.")
    return jobs


def _runs_of(file: Path, params: Sequence[str], masker: Masker, *, everything: bool, limit: int) -> list[PastRun]:
    """The runs that the database of a job knows; [] where it keeps none, which is said."""
    opened = open_job(file, params, masker, complete=False)
    name = opened.plan.connection
    if name is None:
        ui.note(f"{file}: the job has no database, so no runs are recorded.")
        return []
    with (
        OpenConnections(opened.resolved.connections, str(opened.plan.file.folder), SYSTEM_CLOCK) as connections,
        connections.connector(name).begin() as transaction,
    ):
        if not exists(transaction):
            hint = f"From now on: portl outbox init {file}"
            ui.note(f"{file}: no runs are recorded: '{name}' has no table {LEDGER}. {hint}")
            return []
        return latest(transaction, None if everything else opened.plan.file.job.name, limit)


def table(runs: Sequence[PastRun], columns: int | None = None) -> Iterator[str]:
    """The runs as lines of a table, with the reason under one that failed; what does not fit is left out."""
    if not runs:
        return
    rows = [dict(zip(HEADS, HEADS, strict=True)), *(dict(zip(HEADS, _cells(run), strict=True)) for run in runs)]
    widths = {head: max(len(row[head]) for row in rows) for head in HEADS}
    for head in LESS:
        if columns and sum(widths.values()) + 2 * len(widths) - 2 > columns:
            del widths[head]
    for row, error in zip(rows, [None, *(run.error for run in runs)], strict=True):
        cells = (row[head].rjust(size) if head in RIGHT else row[head].ljust(size) for head, size in widths.items())
        yield "  ".join(cells).rstrip()
        if error:
            yield ui.fold(f"    {error.splitlines()[0]}", columns)


def _cells(run: PastRun) -> tuple[str, ...]:
    finished = run.finished_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    outcome = run.outcome if run.limited is None else f"{run.outcome} (limit {run.limited:,})"
    took = "" if run.seconds is None else f"{run.seconds:.2f}s"
    rows = "" if run.rows_written is None else f"{run.rows_written:,}"
    return finished, run.job, outcome, took, rows, run.run_key or ""


def _as_json(run: PastRun) -> str:
    values: dict[str, Any] = dict(vars(run))
    for name in ("started_at", "finished_at"):
        values[name] = values[name].astimezone(UTC).isoformat()
    return json.dumps(values, ensure_ascii=False)
