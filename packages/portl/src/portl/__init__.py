"""portl: data jobs of several steps, written in YAML, with one database transaction."""

from .__about__ import __version__

__all__ = ["__version__"]
