"""The only place that reads the process's environment."""

from __future__ import annotations

import os
from collections.abc import Mapping


def variables() -> Mapping[str, str]:
    """The environment of this process, live."""
    return os.environ
