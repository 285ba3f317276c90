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
            try:
                subprocess.run([*launcher, *job.command], cwd=job.folder, env=env, stdout=out, stderr=err, check=True)
            finally:
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


def rounds(jobs: Sequence[Job], results: dict[Key, Result], *, repeat: int, timeout_s: float) -> None:
    """Run each job `repeat` times, all jobs once per round, so that a drift of the machine meets all alike.

    A job that failed, or took too long the first time, is not tried again; one that took too long later, on a machine
    that was busy then, is left out of that round. `results` are by name and size, and grow with each process, so that
    an interruption loses none.
    """
    for number in range(1, repeat + 1):
        for job in jobs:
            key = (job.name, job.size)
            result = results.setdefault(key, Result(()))
            if not result.problem:
                _say(f"round {number} of {repeat}: {job.name} {job.size:,}")
                results[key] = _again(result, job, timeout_s)
    _say("")


def _again(result: Result, job: Job, timeout_s: float) -> Result:
    """`result` with one more sample, or with why there is none."""
    try:
        return Result((*result.samples, run(job, timeout_s)))
    except JobError as error:
        print(error, file=sys.stderr)
        if not isinstance(error, TooSlowError):
            return Result(result.samples, "failed")
        return result if result.samples else Result((), "too slow")


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
