"""A text, number, boolean or null as YAML that every reader takes for the same.

Stage: for what writes jobs. Touches nothing.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from .yaml import resolve

_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./-]*")
_OLD_WORDS = frozenset({"y", "n", "yes", "no", "on", "off"})
"""Texts that older readers of YAML take for true and false."""


def scalar(value: Any) -> str:
    """A text, number, boolean or null as YAML."""
    words: dict[Any, str] = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return words[value]
    if not isinstance(value, str):
        return str(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _OLD_WORDS and resolve(value) == value and value != "---":
        return value
    quoted: str = yaml.dump(value, default_style='"', allow_unicode=True, width=10**9)
    return quoted.rstrip("\n").removesuffix("\n...")
