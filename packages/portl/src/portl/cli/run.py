"""`portl run`."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ..clock import SYSTEM_CLOCK
from ..engine.base import RunOptions
from ..engine.local import run_job
from ..errors import InterruptedRunError, OutcomeUnknownError, PortlError
from ..logging import Event
from ..secrets import Masker
from . import ui
from .options import JOB, PARAM, Opened, debug, open_job
from .progress import observer
from .summary import Summary, Watch, as_json, summary

EXIT_CODES = """\b
Exit codes:
  0    done
  1    failed; the transaction was rolled back
  2    the job or the command line is wrong; nothing was done
  3    the connection was lost during COMMIT, and nobody can say whether
       it took effect
  4    committed, but deliveries or later steps are still to be done
  70   a bug of portl's
  130  interrupted; an open transaction was rolled back
"""


@click.command(epilog=EXIT_CODES)
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
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="ROWS",
    help="Read only so many rows of each source. With --dry-run=rollback, the way to try a job.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(1, 100_000),
    metavar="ITEMS",
    help="Items that batches work on at once, whatever the job says; changes memory and speed, never results.",
)
@click.option("--json", "with_json", is_flag=True, help="Print the result as JSON, also that of a run that fails.")
@click.option("--log-format", type=click.Choice(["human", "json"]), default="human", help="Of the log on stderr.")
@click.option("--quiet", "-q", is_flag=True, help="Log warnings and errors only, and show no progress.")
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
    limit: int | None,
    batch_size: int | None,
    with_json: bool,
    log_format: str,
    quiet: bool,
    sample: int,
    drain_wait: int,
) -> None:
    """Run the job in a file."""
    watch = Watch(str(job), limit=limit, began=SYSTEM_CLOCK.monotonic())
    with _ending(watch, masker, with_json):
        opened = open_job(job, params, masker, connect=dry_run != "offline")
    gc.enable()  # the door has stopped it for the imports
    if dry_run in ("offline", "check"):
        _preview(opened, masker, check=dry_run == "check", sample=min(sample, limit or sample), with_json=with_json)
        return
    options = RunOptions(
        rollback=dry_run == "rollback", drain_wait_s=float(drain_wait), limit=limit, batch_size=batch_size
    )
    with (
        _ending(watch, masker, with_json),
        observer(log_format, masker, quiet=quiet, as_json=with_json) as told,
    ):

        def watching(event: Event) -> None:
            watch(event)
            told(event)

        watch.started_at = SYSTEM_CLOCK.now()
        run_job(opened.plan, opened.resolved, options=options, observer=watching)
    done = summary(watch, SYSTEM_CLOCK.monotonic())
    ui.out(as_json(done, masker) if with_json else masker.text(sentence(done)))


@contextmanager
def _ending(watch: Watch, masker: Masker, with_json: bool) -> Iterator[None]:
    """Say what became of a run that is interrupted; print the summary of one that fails."""
    try:
        try:
            yield
        except KeyboardInterrupt:
            raise _interrupted(watch) from None
    except Exception as error:
        if with_json:
            ui.out(as_json(summary(watch, SYSTEM_CLOCK.monotonic(), error), masker))
        raise


def _interrupted(watch: Watch) -> PortlError:
    if watch.state == "committing":
        return OutcomeUnknownError(
            "Interrupted during COMMIT; whether it took effect is not known.",
            hint="Look whether the data are there before the job is run again.",
        )
    if watch.state == "committed":
        return InterruptedRunError(
            "interrupted after COMMIT: the rows are in the database; deliveries or later steps may be left to do.",
            hint=f"Make them: portl outbox drain {watch.file}.",
        )
    if watch.state == "inside":
        return InterruptedRunError("interrupted; the transaction was rolled back, the database is unchanged.")
    if watch.state == "partly":
        return InterruptedRunError("interrupted; database steps that were done stay done: the job has scope: none.")
    return InterruptedRunError("interrupted before anything was written to the database.")


def sentence(done: Summary) -> str:
    """One line about a run that ended as it should."""
    ends = {
        "committed": "committed",
        "rolled_back": "rolled back, nothing was changed",
        "done_before": "done before, nothing to do",
        "no_transaction": "done",
    }
    steps = sum(1 for step in done.steps if step.state == "done")
    delivered = f", {done.deliveries.delivered} deliveries" if done.deliveries is not None else ""
    rejected = f", {done.rejected:,} rows rejected" if done.rejected else ""
    limited = f", LIMITED to {done.limit:,} rows of each source" if done.limit is not None else ""
    facts = f"{steps} steps{delivered}{rejected}, {done.seconds:.2f}s"
    return f"{done.job}: {ends[done.outcome]}{limited} ({facts})."


def _preview(opened: Opened, masker: Masker, *, check: bool, sample: int, with_json: bool) -> None:
    from ..engine.preview import preview  # noqa: PLC0415  # only for dry runs
    from .plans import show  # noqa: PLC0415  # as above

    show(preview(opened.plan, opened.resolved, check=check, sample=sample), masker, as_json=with_json)
