"""`portl run`."""

from __future__ import annotations

import gc
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ..engine.base import RunOptions, RunReport
from ..engine.local import run_job
from ..logging import plain
from ..secrets import Masker
from . import ui
from .options import JOB, PARAM, Opened, debug, open_job
from .progress import observer


@click.command()
@JOB
@PARAM
@click.option(
    "--dry-run",
    type=click.Choice(["offline", "check", "rollback"]),
    is_flag=False,
    flag_value="offline",
    help="Show what would be done. offline (the default) connects to nothing; check lets the database look at every "
    "statement; rollback does everything and rolls back, without calls.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--log-format", type=click.Choice(["human", "json"]), default="human", help="Of the log on stderr.")
@click.option("--quiet", "-q", is_flag=True, help="Log warnings and errors only.")
@click.option("--sample", type=click.IntRange(1, 100), default=3, help="Items of each batch that a dry run shows.")
@click.option(
    "--drain-wait",
    type=click.IntRange(0, 86_400),
    default=30,
    metavar="SECONDS",
    help="How long deliveries may take, retries included, before they are left to 'portl outbox drain'.",
)
@debug
@click.pass_obj
def run(
    masker: Masker,
    job: Path,
    params: tuple[str, ...],
    dry_run: str | None,
    as_json: bool,
    log_format: str,
    quiet: bool,
    sample: int,
    drain_wait: int,
) -> None:
    """Run the job in a file.

    Ends with 0 when everything is done, 1 when it failed and the transaction was rolled back, 2 when the job or the
    command line is wrong, 3 when the outcome of COMMIT is unknown, 4 when it is committed but deliveries or later
    steps are still to be done.
    """
    opened = open_job(job, params, masker, connect=dry_run != "offline")
    gc.enable()  # the door has stopped it for the imports
    if dry_run in ("offline", "check"):
        _preview(opened, masker, check=dry_run == "check", sample=sample, as_json=as_json)
        return
    options = RunOptions(rollback=dry_run == "rollback", drain_wait_s=float(drain_wait))
    with observer(log_format, masker, quiet=quiet or as_json) as watching:
        report = run_job(opened.plan, opened.resolved, options=options, observer=watching)
    if as_json:
        ui.out(json.dumps(plain(masker.value(asdict(report))), indent=2, ensure_ascii=False))
    else:
        ui.out(masker.text(summary(report)))


def summary(report: RunReport) -> str:
    """One line about a run."""
    ends: dict[str, str] = {
        "committed": "committed",
        "rolled_back": "rolled back, nothing was changed",
        "done_before": "done before, nothing to do",
        "no_transaction": "done",
    }
    items: list[Any] = [step.details.get("items", 1) for step in report.steps]
    delivered = f", {report.deliveries.delivered} deliveries" if report.deliveries is not None else ""
    return f"{report.job}: {ends[report.outcome]} ({len(items)} steps{delivered}, {report.seconds:.2f}s)."


def _preview(opened: Opened, masker: Masker, *, check: bool, sample: int, as_json: bool) -> None:
    from ..engine.preview import preview  # noqa: PLC0415  # only for dry runs
    from .plans import show  # noqa: PLC0415  # as above

    show(preview(opened.plan, opened.resolved, check=check, sample=sample), masker, as_json=as_json)
