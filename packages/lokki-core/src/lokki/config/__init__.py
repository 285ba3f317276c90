"""Configuration: `lokki.toml`, environment variables and options as one typed, frozen value.

`check`, `show` and the readers of files are imported when they are needed, never for a plain run.
"""

from __future__ import annotations

from .load import Option, load_config
from .schema import LokkiConfig

__all__ = ["LokkiConfig", "Option", "load_config"]
