"""SQLite 3.35 and later, through the standard library."""

from .connector import SqliteConnector

__all__ = ["SqliteConnector"]
