"""Where a flow's data live: one protocol, three stores (`lokki.store.s3.S3Store` is imported by its own name)."""

from .local import LocalStore
from .memory import MemoryStore
from .protocol import TransientStore

__all__ = ["LocalStore", "MemoryStore", "TransientStore"]
