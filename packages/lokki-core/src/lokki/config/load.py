"""From files, environment and options to one frozen configuration.

Stage: the first thing a command does. It touches the environment and, for reading, the configuration files.
With none of these set it does nothing but look, because every run on a laptop pays for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from lokki import environment

from .schema import KEYS, LokkiConfig

FILE_NAMES = ("lokki.toml", "lokki.yml")
"""What a configuration file is called; where both lie in one folder the first counts."""


Setting = tuple[str, object, str]
"""A single value: dotted key, value (a text is still to be converted), origin."""


class Option:
    """An override that knows the command-line option it was given with: `Option("eu-west-1", "--region")`."""

    __slots__ = ("flag", "value")

    def __init__(self, value: object, flag: str) -> None:
        self.value = value
        self.flag = flag
        """As the user typed it, `--region`."""


def load_config(
    directory: str | None = None,
    *,
    overrides: Mapping[str, object] | None = None,
    env: Mapping[str, str] | None = None,
    home: str | None = None,
) -> LokkiConfig:
    """The configuration for a flow file in `directory`, None for the working directory.

    From the lowest to the highest: defaults; `.lokki/lokki.toml` in the user's `home`; the nearest `lokki.toml` in
    `directory` and its parents, else the working directory's own; the environment, in which an empty
    variable counts as not set; `overrides` {dotted key: value}, the command line's options, of which a value None
    counts as not given, a text is converted, and an `Option` also knows its flag. Tables are merged, lists and
    scalars replace.

    `env` and `home` stand for the process's environment and the user's home folder; None means the real ones.

    Raises ConfigError, which lists every unknown key and every mistake in the values that count, and
    MissingPackageError when a version-1 `lokki.yml` is to be read without PyYAML.
    """
    env = environment.variables() if env is None else env
    home = home or env.get("HOME") or os.path.expanduser("~")
    files = _find_files(directory, home)
    settings = [*_from_environment(env), *_from_options(overrides or {})]
    if not (files or settings):
        return LokkiConfig()
    from .resolve import resolve  # noqa: PLC0415  # only when there is something to read

    return resolve(files, settings)


def _from_environment(env: Mapping[str, str]) -> Iterator[Setting]:
    for path, key in KEYS.items():
        for name in key.env:
            if env.get(name):
                yield path, env[name], f"env {name}"
                break


def _from_options(overrides: Mapping[str, object]) -> Iterator[Setting]:
    for path, given in overrides.items():
        value, origin = (given.value, f"option {given.flag}") if isinstance(given, Option) else (given, "option")
        if value is not None:
            yield path, value, origin


def _find_files(directory: str | None, home: str) -> list[str]:
    """The files to read, the global one first."""
    of_user = _file_in(os.path.join(home, ".lokki"))
    folders = [*_with_parents(directory), *_with_parents(None)[:1]]
    for found in filter(None, map(_file_in, folders)):
        if not (of_user and os.path.realpath(found) == os.path.realpath(of_user)):
            return [*filter(None, [of_user]), found]
    return [*filter(None, [of_user])]


def _file_in(folder: str) -> str:
    """The configuration file in `folder`; empty where there is none."""
    for name in FILE_NAMES:
        path = os.path.join(folder, name)
        if os.path.lexists(path):
            return path
    return ""


def _with_parents(directory: str | None) -> list[str]:
    """`directory` and all folders above it; none when it is relative and the working directory was deleted."""
    try:
        folder = os.path.abspath(directory or os.curdir)
    except FileNotFoundError:
        return []
    folders = [folder]
    while (parent := os.path.dirname(folder)) != folder:
        folders.append(folder := parent)
    return folders
