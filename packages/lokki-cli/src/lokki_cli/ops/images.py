"""A flow's image: whether it has to be built, how it is built, where it goes.

Input: a BuildPlan that was written, `Clients`. Effect: an image in Docker, and in the registry where there is one.
Output: events. Raises DockerError, MissingResourceError. Docker is asked only when an image is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lokki.config import LokkiConfig
from lokki_builder import BuildPlan
from lokki_builder.image.base import base_image

from ..aws import registry
from ..aws.clients import Clients
from ..aws.registry import EcrRepository
from ..docker import Docker
from ..errors import DockerError
from . import base_images
from .events import Begun, Done, Noted, Progress, Said


@dataclass(frozen=True)
class FlowImage:
    """A flow's image and where it belongs."""

    name: str
    """`repository:tag`."""
    platform: str
    """`linux/amd64`."""
    pushed: bool
    """Whether it goes to a registry; else Docker on this machine keeps it."""
    hashed: bool
    """Whether its tag is the hash of its contents, so that equal names mean equal images."""

    @classmethod
    def of(cls, plan: BuildPlan, config: LokkiConfig) -> FlowImage | None:
        """The image of a build; None where nothing runs from one."""
        if "ImageTag" not in plan.parameters:
            return None
        settings = config.lambda_
        return cls(plan.image, plan.platform, bool(config.aws.image_repository), not settings.image_tag)

    @property
    def ecr(self) -> EcrRepository | None:
        """Its repository, where that is one of Amazon's."""
        return EcrRepository.parse(self.name) if self.pushed else None

    @property
    def tag(self) -> str:
        """What follows the repository."""
        return self.name.rpartition(":")[2]


def is_there(image: FlowImage, clients: Clients) -> bool:
    """Whether the image is where it belongs already, which nobody can tell of one whose tag was chosen.

    Asks Docker only where nobody else knows.
    """
    if not image.hashed:
        return False
    if image.ecr is not None and not clients.settings.endpoint:
        return bool(registry.image_digest(clients, image.ecr, image.tag))
    docker = Docker.found()
    docker.engine()
    return docker.in_registry(image.name) if image.pushed else docker.image(image.name) is not None


def ready_to_build(image: FlowImage, config: LokkiConfig) -> Iterator[Noted]:
    """See that the image can be built here, before anybody is asked anything. Raises DockerError."""
    docker = Docker.found()
    engine = docker.engine()
    wanted = image.platform.rpartition("/")[2]
    base = base_image(config)
    found = docker.architecture(base)
    if found and found != wanted:
        raise DockerError(
            f"the base image '{base}' is for {found}, but lambda.architecture wants {wanted}.",
            hint=f"Build it anew: lokki-cli image --architecture {config.lambda_.architecture}",
        )
    if engine.architecture and engine.architecture != wanted:
        yield Noted(
            f"this machine's Docker runs {engine.architecture}, the image is for {wanted}:"
            " it is built by emulation, which is slow and has to be installed"
        )


def built(image: FlowImage, context: Path, config: LokkiConfig, clients: Clients) -> Progress[None]:
    """Build the image from its context and push it. Raises DockerError."""
    docker = Docker.found()
    base = base_image(config)
    if not config.lambda_.base_image and docker.image(base) is None:
        yield from base_images.built(docker, base_images.BaseImage.of(config))
    elif not clients.settings.endpoint:
        _sign_in(docker, base, clients)
    yield Begun(f"building the image {image.name}")
    for line in docker.build(context, image.name, image.platform, {}):
        yield Said("docker", line)
    yield Done(f"built the image {image.name}")
    if image.pushed:
        yield from pushed(docker, image.name, clients)


def pushed(docker: Docker, name: str, clients: Clients) -> Progress[None]:
    """Push an image. Docker signs in to a registry of Amazon's before, unless there is only an emulator."""
    yield Begun(f"pushing the image {name}")
    if not clients.settings.endpoint:
        _sign_in(docker, name, clients)
    for line in docker.push(name):
        yield Said("docker", line)
    yield Done(f"pushed the image {name}")


def _sign_in(docker: Docker, image: str, clients: Clients) -> None:
    ecr = EcrRepository.parse(image)
    if ecr is not None:
        access = registry.sign_in(clients, ecr)
        docker.sign_in(access.registry, access.user, access.password)


def base_digest(config: LokkiConfig, clients: Clients) -> str:
    """`sha256:…` of a base image that lies in a registry of Amazon's; empty for any other, or one named by digest."""
    base = config.lambda_.base_image
    ecr = EcrRepository.parse(base)
    if ecr is None or "@" in base or clients.settings.endpoint or config.lambda_.package_type == "zip":
        return ""
    name, colon, tag = base.rpartition(":")
    return registry.image_digest(clients, ecr, tag if colon and "/" in name else "latest")
