"""`portl migrate`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from .. import environment
from ..errors import CommandLineError, ConnectionFailedError, Finding, JobSpecError
from ..legacy.migrate import moved, mover, written
from ..legacy.opening import facts_of, translated
from ..legacy.parse import parse_legacy
from ..legacy.translation import Translation
from ..model.load import Document, parse_job, read_document
from ..plan import plan_job
from ..secrets import Masker
from . import ui
from .options import JOB, PARAM, debug, given


@click.command()
@JOB
@PARAM
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, allow_dash=True),
    help="The new file; '-' prints it. Without it NAME.steps.yaml, beside the old one.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@debug
@click.pass_obj
def migrate(masker: Masker, job: Path, params: tuple[str, ...], output: Path | None, force: bool) -> None:
    """Write an old job, of source and destination, as a job of steps.

    The old file stays as it is. portl looks at the source and the destination for what the old job does not say: the
    columns, and the key by which rows are found. It writes nothing there. Comments in the new file say what changed.
    """
    document = read_document(job)
    if not document.is_legacy:
        hint = "There is nothing to migrate." if isinstance(document.data, dict) and "steps" in document.data else ""
        raise JobSpecError([_at_the_top(document, "This is no job of source and destination.", hint)])
    target = output or job.with_name(f"{job.stem}.steps.yaml")
    _require_free(job, target, force=force)
    translation = _translation(document, params, masker, target)
    text = written(translation)
    plan_job(parse_job(text, str(target), target.parent))
    _write(text, target, force=force)
    for note in translation.notes:
        if note.is_warning:
            ui.note(f"warning: {note.text}")
    if str(target) != "-":
        ui.out(f"{target}: written. Look at it, then: portl run {target} --dry-run=check")


def _translation(document: Document, params: tuple[str, ...], masker: Masker, target: Path) -> Translation:
    legacy = parse_legacy(document)
    try:
        facts = facts_of(legacy, environment.variables(), given(params), masker, connect=True)
    except ConnectionFailedError as error:
        error.hint = "portl migrate asks the source and the destination for their columns and keys, so it needs both."
        raise
    prefix = "" if str(target) == "-" else mover(document.folder, target.parent)
    return translated(legacy, facts, moved=partial(moved, prefix=prefix), sealed=True)


def _require_free(job: Path, target: Path, *, force: bool) -> None:
    """Raises CommandLineError for a target that may not be written."""
    if str(target) == "-":
        return
    if target.exists() and target.samefile(job):
        raise CommandLineError(
            f"{target}: this is the old job itself; it is not overwritten.", hint="Name another file."
        )
    if target.exists() and not force:
        raise CommandLineError(f"{target}: the file is there already.", hint="Name another with -o, or say --force.")


def _write(text: str, target: Path, *, force: bool) -> None:
    if str(target) == "-":
        ui.out(text.rstrip("\n"))
        return
    try:
        with target.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise CommandLineError(f"{target}: the file cannot be written: {error.strerror}.") from error


def _at_the_top(document: Document, what: str, hint: str) -> Finding:
    return document.source.finding((), what, hint)
