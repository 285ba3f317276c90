"""Everything that stands in for AWS on this machine, started and ended together."""

from __future__ import annotations

from pathlib import Path
from socket import create_server, gethostname

from .aws import Aws
from .docker import Docker
from .ministack import ministack
from .registry import registry

USUAL_PORT, USUAL_REGISTRY_PORT = 4566, 5001
"""Where emulators of AWS are expected, and where ours has its registry."""


class StandIn:
    """MiniStack with our additions and an image registry, beside a Docker engine that runs.

    MiniStack is at `port` of the engine's bridge, which containers reach too; the registry at `registry_port` of
    127.0.0.1, which Docker trusts without TLS. `folder` has their logs. Several may run beside each other.
    """

    def __init__(
        self, docker: Docker, folder: Path, port: int = USUAL_PORT, registry_port: int = USUAL_REGISTRY_PORT
    ) -> None:
        self._docker = docker
        self._aws = Aws(f"http://{docker.bridge_address()}:{port}", registry=f"127.0.0.1:{registry_port}")
        self.registry = registry(folder, registry_port)
        self.emulator = ministack(docker, folder, port)
        self._labels = (f"ministack.instance={gethostname()}:{port}", f"lokki-e2e.aws={self._aws.endpoint}")

    @classmethod
    def of_its_own(cls, docker: Docker, folder: Path) -> StandIn:
        """One that is in nobody's way, at ports that are free."""
        return cls(docker, folder, _free_port(docker.bridge_address()), _free_port("127.0.0.1"))

    def up(self) -> Aws:
        """Start what does not run. Raises ServiceError, EngineMissingError."""
        self.registry.up()
        self.emulator.up()
        return self._aws

    def down(self) -> None:
        """End what `up` started, and the containers of functions and jobs."""
        self.emulator.down()
        self.registry.down()
        for label in self._labels:
            containers = self._docker.run("ps", "--all", "--quiet", f"--filter=label={label}").split()
            if containers:
                self._docker.run("rm", "--force", *containers)


def _free_port(address: str) -> int:
    with create_server((address, 0)) as server:
        port: int = server.getsockname()[1]
        return port
