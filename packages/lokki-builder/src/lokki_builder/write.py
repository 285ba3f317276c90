"""Writes a build to disk: the only module that does.

Input: a BuildPlan and a folder. Effect: the folder holds this build and nothing of an earlier one. A build appears
whole or not at all: it is written beside the folder and then takes its place. Modes and times say nothing, so two
builds of the same tree are equal also for tools that look at these. Raises PackagingError.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .errors import PackagingError
from .manifest import MANIFEST, files_of
from .plan import BuildPlan

TIME_S = 946_684_800
"""When every file was last changed: 2000-01-01, in seconds since 1970."""

_FILE, _EXECUTABLE, _FOLDER = 0o644, 0o755, 0o755


def write_build(plan: BuildPlan, directory: str | os.PathLike[str]) -> Path:
    """Write `plan` to `directory` and return its absolute path.

    Files of an earlier build are gone afterwards; other files stay, unless this build has one of the same name.
    Raises PackagingError, with everything as it was, for a folder that holds files but no build, and where the disk
    fails.
    """
    target = Path(os.path.abspath(directory))
    foreign = _foreign_files(target)
    try:
        _replace(target, plan, foreign)
    except OSError as error:
        raise PackagingError(f"{target}: the build could not be written ({error}).") from error
    return target


def _replace(target: Path, plan: BuildPlan, foreign: list[str]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        _write_tree(fresh, plan)
        _copy_foreign(target, fresh, [path for path in foreign if path not in plan.files])
        _normalize(fresh, plan)
        _swap(fresh, target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _foreign_files(target: Path) -> list[str]:
    """What lies in `target` and is not of an earlier build, as paths below it."""
    if not target.exists():
        return []
    if not target.is_dir():
        raise PackagingError(f"{target}: this is a file, not a folder.", hint="Choose another build_dir.")
    found = list(_paths(target))
    manifest = target / MANIFEST
    known = files_of(manifest.read_bytes()) if MANIFEST in found else None
    if found and known is None:
        raise PackagingError(
            f"{target}: the folder holds files, but no build of lokki's.",
            hint="Choose another build_dir, or empty the folder.",
        )
    return sorted(set(found) - set(known or ()))


def _paths(folder: Path) -> Iterator[str]:
    for place, _, names in os.walk(folder):
        for name in names:
            yield Path(place, name).relative_to(folder).as_posix()


def _write_tree(folder: Path, plan: BuildPlan) -> None:
    """All files, the manifest last: a folder without it is no build."""
    for path in sorted(plan.files, key=lambda path: (path == MANIFEST, path)):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(plan.files[path])


def _copy_foreign(source: Path, folder: Path, paths: list[str]) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / path, folder / path, follow_symlinks=False)


def _normalize(folder: Path, plan: BuildPlan) -> None:
    """Deepest first, since writing into a folder changes its time."""
    for place, _, names in os.walk(folder, topdown=False):
        for name in names:
            file = Path(place, name)
            path = file.relative_to(folder).as_posix()
            if path in plan.files:
                _set(file, _EXECUTABLE if path in plan.executable else _FILE)
        _set(Path(place), _FOLDER)


def _set(path: Path, mode: int) -> None:
    path.chmod(mode)
    os.utime(path, (TIME_S, TIME_S))


def _swap(fresh: Path, target: Path) -> None:
    """Put `fresh` in the place of `target`; what was there comes back if that fails."""
    if not target.exists():
        fresh.rename(target)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        old = target.rename(aside / target.name)
        try:
            fresh.rename(target)
        except OSError:
            old.rename(target)
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
