"""An author's exception in words: one line, a traceback without lokki's frames, what is kept of an item.

Input: exceptions. Output: text, `ItemFailure`. Touches nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import StepFailedError
from .failure import ItemFailure
from .retry import exception_name
from .where import PACKAGE_DIR

if TYPE_CHECKING:
    from traceback import TracebackException

    from .errors import LokkiError


def describe(error: BaseException) -> str:
    """An exception as `ValueError: invalid input`."""
    text = text_of(error)
    name = type(error).__qualname__
    return f"{name}: {text}" if text else name


def text_of(error: BaseException) -> str:
    """`str(error)`, whatever the author's own `__str__` does."""
    try:
        return str(error)
    except Exception:  # the author's own __str__
        return "(its __str__ failed)"


def item_failure(error: LokkiError, index: int) -> ItemFailure:
    """What is kept of an item that `error` ended: the author's own exception where there is one."""
    if not isinstance(error, StepFailedError):
        inner = getattr(error, "failures", ())
        shown = inner[0].traceback if inner else ""
        return ItemFailure(index, type(error).__name__, str(error), shown, getattr(error, "step", ""))
    cause = error.__cause__
    kind, text = ("StepFailedError", error.message) if cause is None else (exception_name(type(cause)), text_of(cause))
    return ItemFailure(index, kind, text, error.traceback, error.step, error.attempts)


def author_traceback(error: BaseException) -> str:
    """The traceback as Python prints it, without the frames of lokki that led to the author's code."""
    import traceback  # noqa: PLC0415  # only a failure needs it

    shown = traceback.TracebackException.from_exception(error)
    _drop_own_frames(shown)
    return "".join(shown.format())


def _drop_own_frames(shown: TracebackException | None) -> None:
    """Of an exception, of what led to it, and of the members of a group."""
    while shown is not None:
        shown.stack[:] = [frame for frame in shown.stack if not frame.filename.startswith(PACKAGE_DIR)]
        for member in shown.exceptions or ():
            _drop_own_frames(member)
        shown = shown.__cause__ or shown.__context__
