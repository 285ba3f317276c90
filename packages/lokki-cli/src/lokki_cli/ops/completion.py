"""What a shell offers about flow files: their names, their flows, parameters and runs. Nothing is imported for it.

Input: a path. Output: names. A file that cannot be read or parsed offers nothing.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator

SHELLS = ("bash", "zsh", "fish")

NEVER = frozenset({"__pycache__", "node_modules"})
"""Folders that hold no flow files."""


def flow_words(begun: str) -> list[str]:
    """How a word may go on that names a flow: folders, Python files and, after `file.py:`, its flows."""
    file, colon, name = begun.rpartition(":")
    if colon and file.endswith(".py"):
        return [f"{file}:{flow.name}" for flow in _flows(file) if flow.name.startswith(name)]
    folder, beginning = os.path.split(begun)
    return sorted(os.path.join(folder, name) for name in _names(folder) if name.startswith(beginning))


def parameter_options(target: str) -> list[str]:
    """`--begin-date`, …: the options of a flow's parameters; of all flows where `target` does not say which."""
    file, name = _split(target)
    found: dict[str, None] = {}
    for flow in _flows(file):
        if name in ("", flow.name, flow.name.replace("_", "-")):
            arguments = flow.args
            for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
                found[f"--{argument.arg.replace('_', '-')}"] = None
    return list(found)


def local_runs(target: str, begun: str) -> list[str]:
    """Runs that are kept beside a flow file, the newest first."""
    file, _ = _split(target)
    root = os.path.join(os.path.dirname(os.path.abspath(file)), ".lokki")
    found: list[str] = []
    for flow in _subfolders(root):
        found += [run for run in _subfolders(os.path.join(root, flow, "runs")) if run.startswith(begun)]
    return sorted(found, reverse=True)


def _split(target: str) -> tuple[str, str]:
    """`flow.py:name` as (`flow.py`, `name`), the name empty without one."""
    file, colon, name = target.rpartition(":")
    return (file, name) if colon else (target, "")


def _subfolders(folder: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if os.path.isdir(os.path.join(folder, name)))
    except OSError:
        return []


def _flows(file: str) -> Iterator[ast.FunctionDef]:
    """The functions marked with `@flow`, in order."""
    try:
        with open(file, encoding="utf-8") as source:
            tree = ast.parse(source.read())
    except (OSError, ValueError, SyntaxError, RecursionError):
        return
    for one in tree.body:
        if isinstance(one, ast.FunctionDef) and any(map(_is_flow, one.decorator_list)):
            yield one


def _is_flow(decorator: ast.expr) -> bool:
    """Whether it is `flow`, `lokki.flow`, or one of both with arguments."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) == "flow"


def _names(folder: str) -> Iterator[str]:
    try:
        with os.scandir(folder or ".") as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name in NEVER:
                    continue
                if entry.is_dir():
                    yield f"{entry.name}/"
                elif entry.name.endswith(".py"):
                    yield entry.name
    except OSError:
        return
