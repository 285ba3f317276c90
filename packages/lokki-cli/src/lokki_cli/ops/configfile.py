"""Puts settings into a `lokki.toml`, leaving everything else in it as it is.

Input: a folder, settings of the table `[aws]`. Effect: a file is written. Raises OperationError where it cannot be.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from ..errors import OperationError

NAME, OLDER = "lokki.toml", "lokki.yml"

_HEADER = re.compile(r"^[ \t]*\[[ \t]*aws[ \t]*\][ \t]*(#.*)?$", re.MULTILINE)


def lines(settings: Mapping[str, str]) -> list[str]:
    """The table as TOML, line by line."""
    return ["[aws]", *_assignments(settings)]


def place(folder: Path) -> Path | None:
    """The file that the configuration of `folder` is read from, or would be; None where that is an older one."""
    for candidate in (folder, *folder.parents, Path.cwd()):
        if (candidate / NAME).is_file():
            return candidate / NAME
        if (candidate / OLDER).is_file():
            return None
    return folder / NAME


def write(file: Path, settings: Mapping[str, str]) -> None:
    """Set what is not set yet. Raises OperationError where a key has another value, or the file cannot be written."""
    text = _read(file)
    present = _aws(file, text)
    for key, value in settings.items():
        if present.get(key, value) != value:
            raise OperationError(f"{file}: aws.{key} is '{present[key]}' already, not '{value}'.", hint="Edit it.")
    fresh = {key: value for key, value in settings.items() if key not in present}
    if fresh:
        _write(file, _with(text, fresh), {**present, **fresh})


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8") if file.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise OperationError(f"{file}: it cannot be read ({error}).") from error


def _aws(file: Path, text: str) -> dict[str, object]:
    try:
        found = tomllib.loads(text).get("aws", {})
    except tomllib.TOMLDecodeError as error:
        raise OperationError(f"{file}: it is no TOML ({error}).") from error
    return dict(found) if isinstance(found, Mapping) else {}


def _with(text: str, settings: Mapping[str, str]) -> str:
    """`text` with these settings at the head of its table, or with a new table at its end."""
    added = "\n".join(_assignments(settings))
    header = _HEADER.search(text)
    if header:
        return f"{text[: header.end()]}\n{added}{text[header.end() :]}"
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    return f"{text}{gap}[aws]\n{added}\n"


def _write(file: Path, text: str, expected: Mapping[str, object]) -> None:
    """Write what reads back as expected: a file that is written in an unusual way is left to its author."""
    try:
        found = tomllib.loads(text).get("aws")
    except tomllib.TOMLDecodeError:
        found = None
    if found != dict(expected):
        raise OperationError(f"{file}: the settings could not be added.", hint="Add them by hand.")
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OperationError(f"{file}: it cannot be written ({error.strerror}).") from error


def _assignments(settings: Mapping[str, str]) -> list[str]:
    return [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
