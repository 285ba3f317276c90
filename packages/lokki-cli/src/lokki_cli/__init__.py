"""lokki-cli: the command line that runs, builds and deploys lokki flows."""

from .__about__ import __version__

__all__ = ["__version__"]
