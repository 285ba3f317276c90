"""Where a step's file lies. A path that leads out of the job's folder is told: data can make one.

Stage: a step's `path` → a path. Follows links to see where it leads; opens nothing.
"""

from __future__ import annotations

from pathlib import Path

from ..context import RunContext
from ..errors import SourceError
from ..logging import Event
from ..plan import PlannedStep
from ..template.access import text


def file_of(planned: PlannedStep, context: RunContext) -> tuple[Path, str]:
    """The step's file, and its path as the job says it. Raises RowFailure, SourceError for what is no path."""
    name = text(context.single(planned, planned.templates["path"]))
    if not name or "\0" in name:
        error = SourceError(f"{name!r} is no path.")
        error.step_id = planned.id
        raise error
    path = context.place(name)
    if leads_out(path, context.folder):
        context.observer(Event("path_outside", planned.id, level="warning", details={"path": name}))
    return path, name


def leads_out(path: Path, folder: Path) -> bool:
    """Whether a path, with its links followed, is not below the folder."""
    try:
        return not path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links in a circle: opening it will fail
        return False
