"""Runs the steps of deployed lokki flows: `lokki_runtime.handler` in Lambda, `python -m lokki_runtime` in images."""

from .__about__ import __version__

__all__ = ["__version__"]
