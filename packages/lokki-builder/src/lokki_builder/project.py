"""Finds what a flow depends on: the project it belongs to, its lock file or its pyproject.toml.

Input: the flow's folder. Output: `Dependencies`. Reads the project's files, and runs uv. Raises PackagingError.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import PackagingError
from .request import Dependencies
from .tools import Tools

LOCK = "uv.lock"
PROJECT = "pyproject.toml"


def read_dependencies(folder: Path, tools: Tools) -> Dependencies:
    """What the flow in `folder` depends on, by the nearest project around it; nothing where there is none.

    The search ends at the root of a repository.
    """
    for place in _upwards(folder):
        project = _project(place / PROJECT)
        if project is None:
            continue
        if any((outer / LOCK).is_file() for outer in _upwards(place)):
            return Dependencies("lock", tools.export(place))
        return _unlocked(place / PROJECT, project)
    return Dependencies()


def _upwards(folder: Path) -> Iterator[Path]:
    for place in (folder, *folder.parents):
        yield place
        if (place / ".git").exists():
            return


def _project(file: Path) -> dict[str, Any] | None:
    """The table `[project]`; None where there is no file, or none of a project: many hold settings of tools."""
    if not file.is_file():
        return None
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("project")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PackagingError(f"{file}: it is no TOML ({error}).") from error
    return table if isinstance(table, dict) else None


def _unlocked(file: Path, project: dict[str, Any]) -> Dependencies:
    lines = project.get("dependencies", [])
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise PackagingError(f"{file}: project.dependencies is a list of texts.")
    return Dependencies("project", "".join(f"{line}\n" for line in lines)) if lines else Dependencies()
