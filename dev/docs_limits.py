"""The page about limits, out of the table that builds are checked with.

Input: `lokki_builder.limits`. Output: Markdown. Pure.
"""

from __future__ import annotations

from lokki_builder.limits import LIMITS

HEAD = """\
# Limits

What a build checks. It reports everything that is over a limit at once, and makes nothing. Most are AWS's and cannot be
raised; those of `lokki` leave room for what an event needs beside the parameters.

| what | at least | at most | unit | whose |
|---|---:|---:|---|---|
"""


def page() -> str:
    """The whole page."""
    rows = [
        f"| {limit.name.rstrip(',')} | {_number(limit.least) if limit.least else ''} | {_number(limit.value)} "
        f"| {limit.unit} | {limit.source} |"
        for limit in LIMITS.values()
    ]
    return HEAD + "\n".join(rows) + "\n"


def _number(value: float) -> str:
    return f"{value:,g}" if value != int(value) else f"{int(value):,}"
