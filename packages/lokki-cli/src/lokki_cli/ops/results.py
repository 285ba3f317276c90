"""What a run made: the value of the run, of a step, or of one item, and how it is saved.

Input: a run, and which part of it. Output: a value, or a file. Unpickles what the flow's own runs stored.
"""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from typing import Any

from lokki import Run
from lokki.errors import ObjectMissingError
from lokki.runs import first_found
from lokki.store import codec

from ..errors import CommandLineError, OperationError

ENDINGS = ".json, .pkl, .pkl.gz, .txt"


def value_of(run: Run, step: str | None, item: str | None) -> Any:
    """The result of the run, of a step, or of the step for one item, as `3` or `3/0`.

    Raises CommandLineError for a step or an item there is none of, OperationError for what has no result.
    """
    if step is None:
        if run.status != "succeeded":
            raise _no_result(run, f"run '{run.run_id}'")
        return run.result
    try:
        view = run[step]
        for index in _indices(item):
            view = view[index]
    except ObjectMissingError:
        raise _no_result(run, f"step '{step}'") from None
    except (KeyError, IndexError, TypeError) as error:
        raise CommandLineError(f"{error.args[0]}.") from None
    try:
        return view.output
    except ObjectMissingError:
        raise _no_result(run, f"step '{step}'" + (f", item {item}" if item else "")) from None


def _no_result(run: Run, what: str) -> OperationError:
    said = {"running": "is still running", "succeeded": "has succeeded without it", "failed": "failed"}
    return OperationError(
        f"{what} has no result: run '{run.run_id}' {said.get(run.status, 'was ' + run.status)}.",
        hint=f"See what it did with: lokki-cli show FLOW --run {run.run_id}",
    )


def _indices(item: str | None) -> list[int]:
    parts = item.split("/") if item else []
    if not all(part.isdecimal() for part in parts):
        raise CommandLineError(f"ITEM '{item}': an item is a number, from 0.", hint="In a map inside a map: 3/0.")
    return [int(part) for part in parts]


def as_json(value: Any) -> str:
    """The value as JSON text; dataclasses, Enums, dates, tuples and sets become plain. Raises OperationError."""
    try:
        return json.dumps(value, indent=2, default=_plain, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise OperationError(f"the result is nothing JSON can carry: {error}.", hint="Use --save FILE.pkl.") from error


def plain_or_text(value: Any) -> Any:
    """The value as JSON carries it, else as `run` prints it."""
    try:
        return json.loads(as_json(value))
    except OperationError:
        return str(value)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: getattr(value, one.name) for one in fields(value)}
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    raise TypeError(f"a {type(value).__name__} is among it")


def save(value: Any, file: str) -> None:
    """Write a value to a file in the format of its ending; text and bytes go as they are into any file.

    Raises CommandLineError for an ending that says nothing, OperationError where it cannot be written.
    """
    content = _content(value, file)
    beside = f"{file}.part"
    try:
        with open(beside, "wb") as out:
            out.write(content)
        os.replace(beside, file)
    except OSError as error:
        raise OperationError(f"{file}: the result cannot be saved: {error.strerror}.") from error


def _content(value: Any, file: str) -> bytes:
    for ending, made in _FORMATS.items():
        if file.endswith(ending):
            return made(value)
    if isinstance(value, str | bytes):
        return _text(value)
    raise CommandLineError(f"--save {file}: its ending tells no format.", hint=f"Use one of {ENDINGS}.")


def _text(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return value.encode() if isinstance(value, str) else f"{value}\n".encode()


_FORMATS: dict[str, Callable[[Any], bytes]] = {
    ".json": lambda value: f"{as_json(value)}\n".encode(),
    ".pkl.gz": lambda value: bytes(codec.encode(value)),
    ".pkl": lambda value: pickle.dumps(value, 5),
    ".txt": _text,
}
"""{ending: how a value is written}; the longer ending stands first."""


def find(flow: str, run_id: str, *, root: str, deployed: Callable[[], Run], where: str | None) -> Run:
    """The run, on this machine or, where it is not there, deployed; `where` is `local` or `deployed` for only one.

    Raises ObjectMissingError, or what `deployed` raises, where there is no such run.
    """

    def here() -> Run:
        return Run(flow, run_id, root=root, deployed=False)

    if where == "deployed":
        return deployed()
    return here() if where == "local" else first_found(here, deployed)
