"""A spreadsheet, and jobs that talk to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from jobs import HEAD, Place
from portl.clock import Clock
from portl.engine.base import RunReport
from portl.engine.preview import Preview
from pytest_httpserver import HTTPServer
from sheets_server import Grid, SheetsServer


class Waits(Clock):
    """Does not wait, but remembers for how long it should have; its time passes with it."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)

    def monotonic(self) -> float:
        return super().monotonic() + sum(self.waited)


@dataclass
class Sheets:
    """A folder in which jobs run, and the spreadsheet that they see."""

    jobs: Place
    server: SheetsServer
    clock: Waits = field(default_factory=Waits)
    more: str = ""
    """More fields of the connection."""

    def __post_init__(self) -> None:
        self.server.write_key(self.jobs.folder)
        self.jobs.clock = self.clock

    @property
    def grid(self) -> Grid:
        """The first sheet."""
        return next(iter(self.server.grids.values()))

    def text(self, steps: str) -> str:
        """A job with a SQLite database and the spreadsheet."""
        return HEAD + self.server.connection(self.more) + "steps:\n" + steps

    def run(self, steps: str, **options: Any) -> RunReport:
        """Run steps."""
        return self.jobs.run(self.text(steps), **options)

    def preview(self, steps: str, *, check: bool = False) -> Preview:
        """A dry run of steps."""
        return self.jobs.preview(self.text(steps), check=check)

    def read(self, fields: str = "") -> list[list[str]]:
        """What a `sheets.read` gives, by way of a CSV file."""
        self.run(
            f"  - {{id: read, type: sheets.read, connection: book{', ' + fields if fields else ''}}}\n"
            '  - {id: write, type: csv.write, path: out.csv, null_value: "-", '
            'batch: {from: "{{ steps.read.rows }}", as: row}}\n'
        )
        return self.jobs.read("out.csv")


@pytest.fixture
def sheets(jobs: Place, httpserver: HTTPServer) -> Sheets:
    """An empty spreadsheet and an empty folder."""
    return Sheets(jobs, SheetsServer(httpserver))
