"""The lines of a CSV file, and its records, some at once: never more in memory than a few megabytes and one record.

Stage: an open file → lists of records for `csv_rows`. Reads what is asked for, no further.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from typing import Any, TextIO

LONGEST_FIELD = 16_000_000
LONGEST_RECORD = 64_000_000
"""Characters."""
HEAVY = 8_000_000
"""So many characters of records are enough at once."""


class Lines:
    """The lines of a file, for csv's reader. Iterating raises csv.Error for a record that does not end."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.read = 0
        """Characters since somebody set it to 0, which is done after each record."""

    def __iter__(self) -> Iterator[str]:
        readline = self._file.readline
        while line := readline(LONGEST_RECORD):
            self.read += len(line)
            if self.read >= LONGEST_RECORD:
                raise csv.Error(f"a record is longer than {LONGEST_RECORD:,} characters")
            yield line


def some(reader: Any, lines: Lines, count: int) -> tuple[list[list[str]], bool]:
    """The next records, `count` at most, and whether there are fewer because they are large."""
    taken: list[list[str]] = []
    weight = 0
    for record in islice(reader, count):
        taken.append(record)
        weight += lines.read
        lines.read = 0
        if weight > HEAVY:
            return taken, True
    return taken, False
