"""Who takes part in the fan-out, and how each is started for N items."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from measure import Job
from venvs import HERE, python_of


@dataclass(frozen=True)
class Contender:
    name: str
    keeps: str
    """What it stores of its work."""
    venv: str
    arguments: Sequence[str]
    """For Python; {n} stands for the number of items, {bin} for the environment's folder of scripts."""
    largest: int | None = None
    """The largest number of items it is tried with; None for any."""
    orchestrator: bool = False
    """Whether it is one of those that lokki is compared with in the budget."""

    @property
    def is_peer(self) -> bool:
        return self.venv != "lokki"


LOKKI_LOCAL = "lokki"
LOKKI_MEMORY = "lokki, memory store"
FLOOR = "floor with persistence"
_FAN = ("flows/fan_flow.py", "run", "--n", "{n}")

CONTENDERS = (
    Contender(LOKKI_LOCAL, "source, results, output", "lokki", _FAN),
    Contender(LOKKI_MEMORY, "nothing", "lokki", (*_FAN, "--store", "memory")),
    Contender(FLOOR, "source, results, output", "lokki", ("floor.py", "{n}")),
    Contender("ThreadPoolExecutor", "nothing", "lokki", ("peers/pool.py", "{n}")),
    Contender("joblib, threads", "nothing", "joblib", ("peers/joblib_fan.py", "{n}", "threading")),
    Contender("joblib, loky", "nothing", "joblib", ("peers/joblib_fan.py", "{n}", "loky")),
    Contender("dask bag, threads", "nothing", "dask", ("peers/dask_fan.py", "{n}", "threads")),
    Contender("dask bag, processes", "nothing", "dask", ("peers/dask_fan.py", "{n}", "processes")),
    Contender(
        "redun",
        "values and calls in SQLite",
        "redun",
        ("{bin}/redun", "run", "peers/redun_fan.py", "fan", "--n", "{n}"),
        largest=1_000,
        orchestrator=True,
    ),
    Contender(
        "Dagster, in memory",
        "nothing",
        "dagster",
        ("peers/dagster_fan.py", "{n}", "memory"),
        largest=1_000,
        orchestrator=True,
    ),
    Contender(
        "Dagster, stored",
        "values in files, events in SQLite",
        "dagster",
        ("peers/dagster_fan.py", "{n}", "stored"),
        largest=1_000,
        orchestrator=True,
    ),
    Contender(
        "Prefect, in memory",
        "states in SQLite",
        "prefect",
        ("peers/prefect_fan.py", "{n}", "memory"),
        largest=1_000,
        orchestrator=True,
    ),
    Contender(
        "Prefect, stored",
        "values in files, states in SQLite",
        "prefect",
        ("peers/prefect_fan.py", "{n}", "stored"),
        largest=1_000,
        orchestrator=True,
    ),
    Contender(
        "Metaflow",
        "values and metadata in files",
        "metaflow",
        ("peers/metaflow_fan.py", "run", "--n", "{n}", "--max-workers", "2", "--max-num-splits", "{n}"),
        largest=1_000,
        orchestrator=True,
    ),
)


class Workplace:
    """A temporary folder with a copy of the scripts, and a home for each contender."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("flows", "peers"):
            shutil.copytree(HERE / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".lokki"))
        shutil.copy(HERE / "floor.py", folder)

    def fan_out(self, contender: Contender, n: int) -> Job:
        """The job of one contender with `n` items."""
        scripts = python_of(contender.venv).parent
        arguments = [argument.format(n=n, bin=scripts) for argument in contender.arguments]
        return self.job(contender.name, n, contender.venv, arguments, expected=str(n * (n - 1)))

    def job(self, name: str, size: int, venv: str, arguments: Sequence[str], *, expected: str = "") -> Job:
        """A run of the environment `venv`'s Python."""
        command = [str(python_of(venv)), *arguments]
        return Job(name, size, command, self.folder, self._environment(name), expected)

    def _environment(self, name: str) -> dict[str, str]:
        """No variable of the caller but the path; homes below the workplace; nobody reports usage."""
        home = self.folder / "homes" / name.replace(" ", "-").replace(",", "")
        if not home.exists():
            (home / "dagster").mkdir(parents=True)
            (home / "dagster" / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(home),
            "USER": "bench",
            "DO_NOT_TRACK": "1",
            "DAGSTER_HOME": str(home / "dagster"),
            "PREFECT_HOME": str(home / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
            "METAFLOW_USER": "bench",
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(home),
        }
