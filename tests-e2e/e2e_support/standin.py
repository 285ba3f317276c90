"""Everything that stands in for AWS on this machine, started and ended together."""

from __future__ import annotations

from pathlib import Path

from .aws import Aws
from .docker import Docker
from .ministack import ministack
from .registry import registry

USUAL_PORT = 4566
"""Where emulators of AWS are expected."""

LABELS = ("ministack=lambda", "lokki-e2e=job")
"""What containers of functions and of jobs are known by."""


class StandIn:
    """MiniStack with our additions and an image registry, beside a Docker engine that runs.

    MiniStack is at `first_port` of the engine's bridge, which containers reach too; the registry at the port after
    it, of 127.0.0.1, which Docker trusts without TLS. `folder` has their logs.
    """

    def __init__(self, docker: Docker, folder: Path, first_port: int = USUAL_PORT) -> None:
        self._docker = docker
        self._port = first_port
        self.registry = registry(folder, first_port + 1)
        self.emulator = ministack(docker, folder, first_port)

    def up(self) -> Aws:
        """Start what does not run. Raises ServiceError, EngineMissingError."""
        self.registry.up()
        self.emulator.up()
        endpoint = f"http://{self._docker.bridge_address()}:{self._port}"
        return Aws(endpoint, registry=f"127.0.0.1:{self._port + 1}")

    def down(self) -> None:
        """End what `up` started, and the containers of functions and jobs."""
        self.emulator.down()
        self.registry.down()
        for label in LABELS:
            containers = self._docker.run("ps", "--all", "--quiet", f"--filter=label={label}").split()
            if containers:
                self._docker.run("rm", "--force", *containers)
