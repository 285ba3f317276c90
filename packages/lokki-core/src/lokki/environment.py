"""The only module of this package that reads or writes the process's environment."""

from __future__ import annotations

import os
from collections.abc import Mapping


def variables() -> Mapping[str, str]:
    """The environment as it is now."""
    return os.environ


def get(name: str, default: str | None = None) -> str | None:
    """The value of the variable `name`; an empty value counts as none."""
    return os.environ.get(name) or default


def set_variable(name: str, value: str) -> None:
    """Set `name` for this process and the processes it starts."""
    os.environ[name] = value
