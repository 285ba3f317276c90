"""Hashes of contents: equal contents, equal hash, wherever and whenever it is taken. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

LENGTH = 32
"""Hex digits of a hash in names: an image's tag, a zip's key."""


def digest(data: bytes) -> str:
    """SHA-256 of `data`, as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def tree_digest(files: Mapping[str, bytes], *facts: str, executable: frozenset[str] = frozenset()) -> str:
    """A hash over paths, contents and modes, and over `facts` that the result depends on besides."""
    lines = [f"{path}\0{'x' if path in executable else '-'}\0{digest(files[path])}" for path in sorted(files)]
    return digest("\n".join([*facts, "", *lines]).encode())[:LENGTH]
