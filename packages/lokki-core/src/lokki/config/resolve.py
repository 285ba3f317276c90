"""Laying everything that was set over each other, and judging the result.

Input: paths of files, and the values that variables and options set.
Output: a LokkiConfig, or one ConfigError with every mistake.
"""

from __future__ import annotations

from collections.abc import Sequence

from lokki.errors import ConfigError

from .check import check, from_text
from .files import read_document
from .merge import nest
from .origin import Layers, source_of
from .schema import LokkiConfig


def resolve(files: Sequence[str], settings: Sequence[tuple[str, object, str]]) -> LokkiConfig:
    """The configuration that `files` make with `settings` (dotted key, value, origin) above, later over earlier."""
    layers = Layers()
    documents = [read_document(path) for path in files]
    for document in documents:
        layers.lay(document.tree, f"file {document.path}")
    for path, value, origin in settings:
        layers.lay(nest(path, from_text(path, value)), origin)
    values, mistakes = check(layers.tree, lambda path: source_of(layers.origins, path))
    _raise_all([problem for document in documents for problem in document.problems] + mistakes)
    return LokkiConfig(values, layers.origins, tuple(text for document in documents for text in document.warnings))


def _raise_all(problems: Sequence[ConfigError]) -> None:
    if len(problems) == 1:
        raise problems[0]
    if problems:
        lines = "\n  ".join(str(problem) for problem in problems)
        raise ConfigError(f"{len(problems)} mistakes:\n  {lines}", key="configuration")
