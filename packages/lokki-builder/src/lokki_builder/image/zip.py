"""A zip that is the same on every machine: sorted, without times of its own. Pure."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from ..errors import PackagingError

_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


def make_zip(files: Mapping[str, bytes], executable: frozenset[str] = frozenset()) -> bytes:
    """A zip of {path: content}. Readable by all, executable where said."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(files):
            archive.writestr(_entry(path, path in executable), files[path], zipfile.ZIP_DEFLATED, 6)
    return buffer.getvalue()


def merge(*trees: tuple[str, Mapping[str, bytes]]) -> dict[str, bytes]:
    """One tree of several (what it is, {path: content}). Raises PackagingError where two want the same path."""
    merged: dict[str, bytes] = {}
    owners: dict[str, str] = {}
    for what, tree in trees:
        for path, content in tree.items():
            if merged.get(path, content) != content:
                raise PackagingError(
                    f"{path}: {what} and {owners[path]} both have this file.", hint="Rename or leave out one of them."
                )
            merged[path] = content
            owners.setdefault(path, what)
    return merged


def _entry(path: str, executable: bool) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path, _EPOCH)
    entry.create_system = _UNIX
    entry.external_attr = (0o100755 if executable else 0o100644) << 16
    return entry
