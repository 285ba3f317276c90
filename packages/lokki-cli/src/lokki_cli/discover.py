"""Finds the flow that `FILE[:NAME]` means.

Input: a word of the command line. Output: a Flow. Imports the flow file, under the name it has everywhere
(`lokki.canonical`), and leaves `sys.argv` as the script would see it. Raises FlowNotFoundError, and
FlowDefinitionError for a file that cannot be imported.
"""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches
from types import ModuleType, TracebackType
from typing import Any

from lokki.canonical import load_module, name_of_file
from lokki.decorators import Flow
from lokki.errors import FlowDefinitionError, LokkiError
from lokki.where import Where

from . import ui
from .errors import FlowNotFoundError

_OWN = (os.path.dirname(os.path.abspath(__file__)) + os.sep, "<frozen importlib")


def load_flow(target: str) -> tuple[Flow[Any], str]:
    """The flow that `target` means, and its file as the user wrote it."""
    file, name = split(target)
    _check(file)
    return choose(_import(file), file, name), file


def split(target: str) -> tuple[str, str]:
    """`flow.py:name` as (`flow.py`, `name`), the name empty without one."""
    file, colon, name = target.rpartition(":")
    return (file, name) if colon and not os.path.exists(target) else (target, "")


def choose(module: ModuleType, file: str, name: str) -> Flow[Any]:
    """The flow `name` of a module, or its only one. A flow has two names: `birds_flow` and `birds-flow`."""
    flows = _flows(module)
    if name:
        named = [flow for flow in flows if name in (flow.fn.__name__, flow.name)]
        if named:
            return named[0]
        raise FlowNotFoundError(f"{file}: there is no flow '{name}'.", hint=_known(flows))
    own = [flow for flow in flows if flow.fn.__module__ == module.__name__] or flows
    if not own:
        raise FlowNotFoundError(f"{file}: there is no flow in it.", hint="Mark a function with @flow.")
    if len(own) > 1:
        raise FlowNotFoundError(f"{file}: there are {len(own)} flows in it.", hint=f"Say which: {_targets(file, own)}.")
    return own[0]


def _flows(module: ModuleType) -> list[Flow[Any]]:
    """All flows at the top level of a module, each once."""
    found = [value for value in vars(module).values() if issubclass(type(value), Flow)]
    return list({id(flow): flow for flow in found}.values())


def _known(flows: list[Flow[Any]]) -> str:
    names = ", ".join(flow.fn.__name__ for flow in flows)
    return f"There is: {names}." if names else "There is no flow in it at all; mark a function with @flow."


def _targets(file: str, flows: list[Flow[Any]]) -> str:
    return ", ".join(f"{file}:{flow.fn.__name__}" for flow in flows)


def _check(file: str) -> None:
    """Whether `file` can be a flow file."""
    if os.path.isdir(file):
        raise FlowNotFoundError(f"{file}: this is a folder.", hint="Name the flow file in it.")
    if not os.path.exists(file):
        raise FlowNotFoundError(f"{file}: there is no such file.", hint=_similar(file))
    if not file.endswith(".py"):
        raise FlowNotFoundError(f"{file}: this is no Python file.", hint="A flow file ends with .py.")


def _similar(file: str) -> str | None:
    """Files beside the one that is not there that may be meant."""
    folder = os.path.dirname(file)
    try:
        beside = [name for name in os.listdir(folder or ".") if name.endswith(".py")]
    except OSError:
        return None
    close = get_close_matches(os.path.basename(file).removesuffix(".py") + ".py", beside, n=1)
    return f"Did you mean '{os.path.join(folder, close[0])}'?" if close else None


def _import(file: str) -> ModuleType:
    """The module of a flow file, with the command line of a script that was given no words."""
    path = os.path.abspath(file)
    name = name_of_file(path)
    loaded = sys.modules.get(name)
    if loaded is not None and os.path.realpath(getattr(loaded, "__file__", None) or "") != os.path.realpath(path):
        raise FlowDefinitionError(
            f"the flow file '{file}' has the name of the module '{name}', which is loaded already.",
            hint="Rename the file.",
        )
    sys.argv = [file]
    try:
        with ui.results_only():
            return load_module(name, path)
    except LokkiError:
        raise
    except SystemExit as error:
        raise FlowDefinitionError(
            f"the flow file '{file}' ended the process while it was imported (exit code {error.code}).",
            hint="Write: if __name__ == '__main__': main(...).",
        ) from None
    except Exception as error:
        error.with_traceback(_authors_part(error.__traceback__))
        what = f"the flow file cannot be imported, {type(error).__name__}: {error}."
        raise FlowDefinitionError(what, where=_place(error, path)) from error


def _place(error: Exception, path: str) -> Where:
    """The line of the flow file at which its import failed; its first where Python names none."""
    lines = [error.lineno] if isinstance(error, SyntaxError) and error.filename == path else []
    trace = error.__traceback__
    while trace is not None:
        lines += [trace.tb_lineno] if trace.tb_frame.f_code.co_filename == path else []
        trace = trace.tb_next
    return Where(path, next(iter(lines), None) or 1)


def _authors_part(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames that led to the author's file."""
    frames: list[TracebackType] = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    kept: TracebackType | None = None
    for one in reversed(frames):
        if not one.tb_frame.f_code.co_filename.startswith(_OWN):
            kept = TracebackType(kept, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return kept
