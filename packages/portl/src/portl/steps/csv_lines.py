"""The lines of a CSV file, and its records, some at once: never more in memory than a few megabytes and one record.

Stage: an open file → lists of records for `csv_rows`. Reads what is asked for, no further; and says where in a file
or a record something stands.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
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


def bad_byte(path: Path, encoding: str) -> tuple[int, int]:
    """Line and column of the first byte that is not of the encoding."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError as error:
                return number, len(line[: error.start].decode(encoding, "replace")) + 1
            except UnicodeError:  # UTF-16 without its mark
                break
    return 1, 1


def field_start(text: str, number: int, delimiter: str, quote: str) -> str:
    """The text of a record before its field of that number."""
    inside = False
    for place, char in enumerate(text):
        if number == 0:
            return text[:place]
        if char == quote:
            inside = not inside
        elif char == delimiter and not inside:
            number -= 1
    return text
