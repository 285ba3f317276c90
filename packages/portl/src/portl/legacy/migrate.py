"""Writes the steps job that a legacy job stands for.

Stage: `Translation` → text with comments. Touches nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..model.yaml import Path as Place
from .emit import emit
from .translation import Translation

_ONE_TRANSACTION = (
    "All of it is one transaction now: it is done, or it has changed nothing. The older portl committed after each "
    "batch; batch.size changes memory and speed only."
)


def written(translation: Translation) -> str:
    """The steps job as text; comments say what changed."""
    job = translation.job
    head = f"Made by portl migrate from {os.path.basename(job.document.source.file)}.\n"
    head += _ONE_TRANSACTION if job.destination.is_database else ""
    comments: dict[Place, str] = {}
    for note in translation.notes:
        comments[note.path] = f"{comments[note.path]}\n{note.text}" if note.path in comments else note.text
    return emit(translation.data, comments, head.strip())


def mover(old: Path, new: Path) -> str:
    """What a job in the folder `new` writes before paths that were relative to the folder `old`; "" for the same."""
    relative = os.path.relpath(old.resolve(), new.resolve())
    return "" if relative == "." else relative


def moved(path: str, prefix: str) -> str:
    """`path` behind `prefix`; a path from the root, or from a variable, stays what it is."""
    if not prefix or os.path.isabs(path) or path.startswith("${"):
        return path
    return os.path.join(prefix, path.removeprefix("./"))
