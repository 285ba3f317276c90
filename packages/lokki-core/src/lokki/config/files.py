"""Reading one configuration file into tables in today's words.

Input: the path of a `lokki.toml` or a version-1 `lokki.yml`. The parsers are imported when there is such a file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from lokki.errors import ConfigError, MissingPackageError

from .legacy import from_v1, rename_older

TOML = "lokki.toml"
YAML = "lokki.yml"


class Document:
    """What one file says."""

    __slots__ = ("path", "problems", "tree", "warnings")

    def __init__(self, path: str) -> None:
        self.path = path
        self.tree: dict[str, object] = {}
        self.warnings: list[str] = []
        self.problems: list[ConfigError] = []


def read_document(path: str) -> Document:
    """Read `path`. Mistakes are in the document; MissingPackageError when PyYAML is needed and missing."""
    document = Document(path)
    try:
        text = _read_text(path)
        if path.endswith(TOML):
            document.tree, document.warnings = rename_older(_parse_toml(text, path), path)
        else:
            document.tree, document.problems = from_v1(_parse_yaml(text, path), path)
    except ConfigError as error:
        document.problems.append(error)
    document.warnings += _shadowed(path)
    return document


def _shadowed(path: str) -> list[str]:
    folder, name = os.path.split(path)
    ignored = os.path.join(folder, YAML)
    if name != TOML or not os.path.lexists(ignored):
        return []
    return [f"{ignored} is ignored because {TOML} lies beside it; move what it says there and delete it."]


def _read_text(path: str) -> str:
    try:
        with open(path, "rb") as file:
            content = file.read()
    except IsADirectoryError as error:
        raise ConfigError("is a folder, not a file.", key=path, hint="Rename or remove it.") from error
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror or error}.", key=path) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError("is not UTF-8 text.", key=f"{path}:{line}", hint="Save the file as UTF-8.") from error


def _parse_toml(text: str, path: str) -> dict[str, object]:
    import tomllib  # noqa: PLC0415  # only where there is such a file

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, _, where = str(error).rpartition(" (at ")
        raise _syntax_error("TOML", what, f"{path}:{_toml_place(where, text)}") from error
    except RecursionError as error:
        raise _syntax_error("TOML", "nested too deeply", path) from error


def _toml_place(where: str, text: str) -> str:
    """`line:column` of `line 3, column 5)` or of `end of document)`, counted from 1."""
    if where.startswith("line "):
        return where.removeprefix("line ").removesuffix(")").replace(", column ", ":")
    return f"{text.count(chr(10)) + 1}:{len(text) - text.rfind(chr(10))}"


def _parse_yaml(text: str, path: str) -> Mapping[object, object]:
    try:
        import yaml  # noqa: PLC0415  # only where there is such a file
    except ImportError as error:
        raise MissingPackageError(YAML, "lokki-core[yaml]") from error
    try:
        loaded = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else path
        raise _syntax_error("YAML", error.problem or str(error), place) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _syntax_error("YAML", str(error).partition("\n")[0], path) from error
    if not isinstance(loaded, Mapping | None):
        raise ConfigError("must hold keys and values at its top.", key=path)
    return loaded or {}


def _syntax_error(language: str, what: str, place: str) -> ConfigError:
    return ConfigError(f"is not valid {language}: {what[:1].lower()}{what[1:]}.", key=place)
