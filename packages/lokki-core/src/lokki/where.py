"""Where in the author's files something was written."""

from __future__ import annotations

import os
import sys
from types import FunctionType

from .record import Record

PACKAGE_DIR = os.path.dirname(os.path.abspath(__file__)) + os.sep


class Where(Record):
    """A line of a file."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{_short(self.file)}:{self.line}"


def caller() -> Where:
    """The nearest calling line outside lokki itself."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE_DIR):
        frame = frame.f_back
    return Where(frame.f_code.co_filename, frame.f_lineno)


def of_function(fn: object) -> Where | None:
    """Where a function begins; None for callables without code of their own."""
    code = getattr(unwrapped(fn), "__code__", None)
    return Where(code.co_filename, code.co_firstlineno) if code is not None else None


def unwrapped(fn: object) -> object:
    """The author's function inside decorators that use functools.wraps."""
    seen: list[object] = []
    while isinstance(fn, FunctionType) and "__wrapped__" in vars(fn) and fn not in seen:
        seen.append(fn)
        fn = vars(fn)["__wrapped__"]
    return fn


def _short(file: str) -> str:
    """The path relative to the current folder where that is shorter and goes downwards."""
    try:
        relative = os.path.relpath(file)
    except (OSError, ValueError):  # the current folder is gone, or another drive
        return file
    return file if relative.startswith("..") else relative
