"""Runs one attempt of a job: a container of the engine, to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import requests

from .plan import Ending, Job

docker: Any = import_module("docker")  # for a type checker that is the folder docker/ of this repository

LABEL = "lokki-e2e.aws"
NO_END_S = 3600


@dataclass(frozen=True)
class Ran:
    """What is left of a container."""

    ending: Ending
    lines: tuple[str, ...]
    """What it wrote."""


def run(job: Job, variables: Mapping[str, str], endpoint: str) -> Ran:
    """Run `job` with `variables` above its own. Its container bears the emulator's `endpoint` as a label."""
    try:
        container = _start(job, variables, endpoint)
    except docker.errors.DockerException as error:
        return Ran(Ending(None, f"CannotPullContainerError: {error}"), ())
    try:
        ending = _ending(container, job)
        return Ran(ending, tuple(container.logs().decode(errors="replace").splitlines()))
    finally:
        container.remove(force=True)


def _start(job: Job, variables: Mapping[str, str], endpoint: str) -> Any:
    return docker.from_env().containers.run(
        job.image,
        command=list(job.command) or None,
        environment={**job.environment, **variables},
        detach=True,
        mem_limit=f"{job.memory_mb}m",
        memswap_limit=f"{job.memory_mb}m",
        nano_cpus=int(job.vcpu * 1e9),
        labels={LABEL: endpoint},
    )


def _ending(container: Any, job: Job) -> Ending:
    try:
        code = container.wait(timeout=job.timeout_s or NO_END_S)["StatusCode"]
    except requests.RequestException:
        container.kill()
        return Ending(None, "Job attempt duration exceeded timeout")
    container.reload()
    if container.attrs["State"]["OOMKilled"]:
        return Ending(code, "OutOfMemoryError: Container killed due to memory usage")
    return Ending(code)
