"""The only place that reads the process's environment."""

from __future__ import annotations

import os
from collections.abc import Mapping


def set_default(name: str, value: str) -> None:
    """Set a variable for this process, if it is not set."""
    os.environ.setdefault(name, value)


def variables() -> Mapping[str, str]:
    """The environment of this process, live."""
    return os.environ
