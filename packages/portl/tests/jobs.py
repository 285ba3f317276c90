"""Jobs for tests: a folder, a SQLite database and a text that is run as a job."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portl.clock import SYSTEM_CLOCK, Clock
from portl.engine.base import RunOptions, RunReport
from portl.engine.local import run_job
from portl.engine.preview import Preview, preview
from portl.logging import Event
from portl.model.load import parse_job
from portl.model.resolve import resolve
from portl.plan import JobPlan, plan_job

HEAD = "connections:\n  db: { type: sqlite, path: test.db }\n"


@dataclass
class Place:
    """Where a test's jobs run."""

    folder: Path
    events: list[Event] = field(default_factory=list)
    """Of all runs, in order."""
    clock: Clock = SYSTEM_CLOCK

    def sql(self, *statements: str) -> None:
        """Run statements on the database."""
        with sqlite3.connect(self.folder / "test.db") as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query gives."""
        connection = sqlite3.connect(self.folder / "test.db")
        found = connection.execute(query).fetchall()
        connection.close()
        return found

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        (self.folder / name).write_text(text, encoding="utf-8")

    def read(self, name: str) -> list[list[str]]:
        """The lines of a CSV file."""
        with (self.folder / name).open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file))

    def plan(self, text: str) -> JobPlan:
        """The plan of a job; connections are put before a text that has none."""
        whole = text if "connections:" in text else HEAD + text
        return plan_job(parse_job(whole, "job.yaml", self.folder))

    def run(
        self, text: str, *, rollback: bool = False, env: Mapping[str, str] | None = None, **params: str
    ) -> RunReport:
        """Run a job."""
        plan = self.plan(text)
        resolved = resolve(plan.file, env or {}, params, plan.implicit_params)
        options = RunOptions(rollback=rollback, drain_wait_s=0.0)
        return run_job(plan, resolved, options=options, observer=self.events.append, clock=self.clock)

    def preview(self, text: str, *, check: bool = False, sample: int = 3, **params: str) -> Preview:
        """A dry run of a job."""
        plan = self.plan(text)
        return preview(plan, resolve(plan.file, {}, params, plan.implicit_params), check=check, sample=sample)

    def told(self, event: str) -> list[Event]:
        """The events of one kind."""
        return [item for item in self.events if item.event == event]
