"""Finds the faults of a definition that no outside judge sees."""

from .definition import lint_definition

__all__ = ["lint_definition"]
