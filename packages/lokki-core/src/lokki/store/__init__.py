"""Where a flow's data live: one protocol, three stores (`lokki.store.s3.S3Store` is imported by its own name)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .local import LocalStore
    from .memory import MemoryStore
    from .protocol import TransientStore

__all__ = ["LocalStore", "MemoryStore", "TransientStore"]


def __getattr__(name: str) -> Any:
    """A run needs one store and no protocol, so each is imported when it is first used."""
    if name == "LocalStore":
        from .local import LocalStore  # noqa: PLC0415  # see above

        return LocalStore
    if name == "MemoryStore":
        from .memory import MemoryStore  # noqa: PLC0415  # see above

        return MemoryStore
    if name == "TransientStore":
        from .protocol import TransientStore  # noqa: PLC0415  # see above

        return TransientStore
    raise AttributeError(f"module 'lokki.store' has no attribute '{name}'")
