"""`portl validate`."""

from __future__ import annotations

from pathlib import Path

import click

from . import ui
from .options import JOB, debug, open_plan


@click.command()
@JOB
@debug
def validate(job: Path) -> None:
    """Check a job file without running anything: its structure, every expression and every reference.

    All mistakes are reported at once, each as file:line:column. Ends with 2 where there are some.
    """
    plan = open_plan(job)
    for note in plan.notes:
        ui.note(note)
    steps = sum(1 for _ in plan.walk())
    ui.out(f"{job}: the job '{plan.file.job.name}' is right ({steps} steps).")
