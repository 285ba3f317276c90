"""Measures whole processes: wall time and peak memory, contenders in turn within each round."""

from __future__ import annotations

import os
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

LAUNCH = Path(__file__).with_name("launch.py")
MARK = "LOKKI_BENCH_MARK"


@dataclass(frozen=True)
class Sample:
    """One process, from start to end."""

    seconds: float
    """Wall time."""
    cpu_s: float
    """Processor time of the process and its children, user and system; steadier than wall time on a busy machine."""
    peak_mb: float
    """Of the largest of the process and its children; they are not added up."""


@dataclass(frozen=True)
class Job:
    """A command to measure."""

    name: str
    size: int
    command: Sequence[str]
    folder: Path
    env: Mapping[str, str]
    expected: str
    """A word that has to be in the output; "" for any output."""


class JobError(Exception):
    """A job did not end well, or printed something else than the expected result."""


class TooSlowError(JobError):
    """A job was ended because it took longer than allowed."""


def run(job: Job, timeout_s: float) -> Sample:
    """Run one job once. Raises TooSlowError and JobError; ends whatever the job left running."""
    mark = secrets.token_hex(8)
    with tempfile.TemporaryDirectory(prefix="lokki-bench-") as name:
        folder = Path(name)
        launcher = [sys.executable, "-I", "-S", str(LAUNCH), str(folder / "report"), str(timeout_s)]
        with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
            env = {**job.env, MARK: mark}
            subprocess.run([*launcher, *job.command], cwd=job.folder, env=env, stdout=out, stderr=err, check=True)
        _end_leftovers(mark)
        seconds, code, cpu_s, peak_kb = (folder / "report").read_text().split()
        output = (folder / "out").read_text(errors="replace")
        errors = (folder / "err").read_text(errors="replace")
    if float(seconds) >= timeout_s and code == str(-signal.SIGKILL):
        raise TooSlowError(f"{job.name} ({job.size:,}): ended after {timeout_s:g} s")
    if code != "0" or (job.expected and job.expected not in output.split()):
        raise JobError(f"{job.name} ({job.size:,}): exit code {code}\n{output[-2000:]}\n{errors[-4000:]}")
    return Sample(float(seconds), float(cpu_s), int(peak_kb) / 1024)


def _end_leftovers(mark: str) -> None:
    """End the processes a job started and did not end (servers, daemons): they carry the job's mark."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)
        except OSError:  # it ended meanwhile, or belongs to somebody else
            continue


Key = tuple[str, int]


@dataclass(frozen=True)
class Result:
    """What the rounds gave for one contender at one size."""

    samples: tuple[Sample, ...]
    problem: Literal["", "too slow", "failed"] = ""
    """Why there are not as many samples as rounds."""

    @property
    def seconds(self) -> float:
        return statistics.median(sample.seconds for sample in self.samples)

    @property
    def cpu_s(self) -> float:
        return statistics.median(sample.cpu_s for sample in self.samples)

    @property
    def peak_mb(self) -> float:
        return statistics.median(sample.peak_mb for sample in self.samples)


def rounds(jobs: Sequence[Job], *, repeat: int, timeout_s: float) -> dict[Key, Result]:
    """Run each job `repeat` times, all jobs once per round, so that a drift of the machine meets all alike.

    A job that failed or took too long is not tried again. Results are by name and size.
    """
    samples: dict[Key, list[Sample]] = {(job.name, job.size): [] for job in jobs}
    problems: dict[Key, Literal["too slow", "failed"]] = {}
    for number in range(1, repeat + 1):
        for job in jobs:
            key = (job.name, job.size)
            if key in problems:
                continue
            _say(f"round {number} of {repeat}: {job.name} {job.size:,}")
            try:
                samples[key].append(run(job, timeout_s))
            except JobError as error:
                problems[key] = "too slow" if isinstance(error, TooSlowError) else "failed"
                print(error, file=sys.stderr)
    _say("")
    return {key: Result(tuple(found), problems.get(key, "")) for key, found in samples.items()}


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
