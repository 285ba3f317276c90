"""portl's image: built of docker/portl without a network, and run as its compose file says."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .docker import Docker, Finished
from .places import ROOT
from .wheels import build_wheels, download

IMAGE = "portl-e2e"
PACKAGE = ROOT / "packages" / "portl"
COMPOSE = ROOT / "docker" / "portl" / "compose.yaml"
_LEFT_OUT = shutil.ignore_patterns("*.whl", "__pycache__", "tests", ".*cache")


def build_portl(docker: Docker, base: str, folder: Path) -> str:
    """Build the image out of the repository and wheels that are fetched here; its name."""
    for place in ("docker/runtime", "docker/portl", "packages/portl"):
        shutil.copytree(ROOT / place, folder / place, ignore=_LEFT_OUT)
    wheels = folder / "docker" / "portl" / "wheels"
    build_wheels(wheels, "portl")
    download(wheels, *requirements())
    docker.build(folder, IMAGE, "--file", str(folder / "docker/portl/Dockerfile"), "--build-arg", f"BASE_IMAGE={base}")
    return IMAGE


def requirements() -> list[str]:
    """What portl needs of others, with all its extras."""
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project.get("optional-dependencies", {}).values()
    return [*project["dependencies"], *(name for names in extras for name in names)]


@dataclass(frozen=True)
class Portl:
    """The image, run as tightly as the compose file says."""

    docker: Docker
    image: str

    def run(self, folder: Path, *words: str, env: Mapping[str, str] | None = None, volume: str = "") -> Finished:
        """`portl WORDS` on the job in `folder`, to its end."""
        return self.docker.try_run("run", "--rm", *self.options(folder, env or {}, volume), self.image, *words)

    def options(self, folder: Path, env: Mapping[str, str], volume: str = "") -> list[str]:
        """Those of `docker run`."""
        service = compose_service()
        options = [f"--volume={folder}:/job", "--network=none"]
        options += ["--read-only"] if service["read_only"] else []
        options += [f"--tmpfs={place}" for place in service["tmpfs"]]
        options += [f"--cap-drop={name}" for name in service["cap_drop"]]
        options += [f"--security-opt={option}" for option in service["security_opt"]]
        options += [f"--volume={volume}"] if volume else []
        return [*options, *(f"--env={name}={value}" for name, value in env.items())]


def compose_service() -> Any:
    """portl's part of the compose file."""
    return yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]["portl"]
