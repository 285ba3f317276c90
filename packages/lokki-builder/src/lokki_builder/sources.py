"""Reads a flow's own files: its module, what that imports from beside it, and the `include` globs.

Input: the flow and its configuration. Output: `FlowFiles`. Reads the flow's folder. Raises PackagingError.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from lokki.canonical import canonical_module
from lokki.resolve import Resolved

from .errors import PackagingError
from .imports import imported_names
from .request import FlowFiles

SKIPPED_FOLDERS = frozenset(["__pycache__", ".git", ".lokki", ".venv", "node_modules"])
"""Folders no glob looks into."""


def flow_path(resolved: Resolved) -> Path:
    """The flow file. Raises PackagingError for a flow that was not written in a file."""
    path = Path(resolved.flow.fn.__code__.co_filename)
    if not path.is_file():
        raise PackagingError(f"flow '{resolved.flow.name}': it is not in a file ({path}).", hint="Save it as one.")
    return Path(os.path.abspath(path))


def read_sources(resolved: Resolved, include: Iterable[str], build_dir: Path) -> tuple[FlowFiles, list[str]]:
    """The files of a flow, and what its user should know of them; `build_dir` is never part of them."""
    flow = flow_path(resolved)
    module = canonical_module(str(resolved.flow.fn.__module__))
    root = _root(flow, module)
    warnings: list[str] = []
    found = {flow, *_imports(root, flow, module)}
    for pattern in include:
        matches = [path for path in _matches(flow.parent, root, pattern) if not path.is_relative_to(build_dir)]
        found |= set(matches)
        warnings += [] if matches else [f"include.paths: '{pattern}' matches no file beside {flow.name}"]
    files = {path.relative_to(root).as_posix(): _read(path) for path in sorted(found)}
    executable = frozenset(path.relative_to(root).as_posix() for path in found if path.stat().st_mode & 0o100)
    name = flow.relative_to(root).as_posix()
    return FlowFiles(module, name, files, executable - {name}), warnings


def _root(flow: Path, module: str) -> Path:
    """The folder imports start from: the flow file's, or the one that holds its package."""
    parts = module.split(".")
    tail = flow.with_suffix("").parts[-len(parts) :]
    return flow.parents[len(parts) - 1] if tail == tuple(parts) else flow.parent


def _imports(root: Path, flow: Path, module: str) -> set[Path]:
    """Files below `root` that the flow imports, and that these import."""
    found: set[Path] = set()
    waiting = [(flow, module.rpartition(".")[0])]
    waiting += [(path, package) for path, package in _locate(root, module) if path != flow]
    while waiting:
        path, package = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for name in imported_names(_read(path), package):
            waiting += _locate(root, name)
    return found


def _locate(root: Path, name: str) -> Iterator[tuple[Path, str]]:
    """(file, its package) of the module `name` and of the packages it is in, as far as they lie below `root`."""
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        place = root.joinpath(*parts[:length])
        package = place / "__init__.py"
        if package.is_file():
            yield package, ".".join(parts[:length])
        elif place.with_suffix(".py").is_file():
            yield place.with_suffix(".py"), ".".join(parts[: length - 1])


def _matches(folder: Path, root: Path, pattern: str) -> Iterator[Path]:
    """Files a glob names; a folder stands for all that is in it."""
    if PurePosixPath(pattern).is_absolute() or ".." in PurePosixPath(pattern).parts:
        raise PackagingError(
            f"include.paths: '{pattern}' leads out of the flow's folder.", hint="Name files below the flow file."
        )
    for path in folder.glob(pattern):
        inner = path.rglob("*") if path.is_dir() else [path]
        yield from (file for file in inner if file.is_file() and not _is_skipped(file, root))


def _is_skipped(path: Path, root: Path) -> bool:
    return bool(SKIPPED_FOLDERS & set(path.relative_to(root).parts)) or path.suffix == ".pyc"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PackagingError(f"{path}: it cannot be read ({error.strerror}).") from error
