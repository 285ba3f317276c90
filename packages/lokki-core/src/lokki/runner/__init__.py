"""Runs flows on this machine."""

from .local import LocalRunner, RunResult

__all__ = ["LocalRunner", "RunResult"]
