"""Counts."""


def longest(words: list[str]) -> str:
    """The longest word; of several the first."""
    return max(words, key=len, default="")
