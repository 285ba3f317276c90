"""lokki-builder: what a lokki flow becomes on AWS."""

from .__about__ import __version__

__all__ = ["__version__"]
