"""The base image of flows: lokki's runtime, built from the Dockerfile that comes with this package.

Input: versions, wheels or an index. Effect: an image in Docker. Output: events. Raises DockerError.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from lokki.config import LokkiConfig
from lokki_builder.image.base import PLATFORMS, RUNTIME_VERSION

from ..docker import Docker
from ..errors import DockerError
from .events import Begun, Done, Progress, Said

CONTEXT = "runtime_image"
"""The folder of this package that is the image's build context."""


@dataclass(frozen=True)
class BaseImage:
    """What a base image is built from."""

    name: str
    """`lokki-runtime:0.1.0-py3.12`."""
    platform: str
    """`linux/amd64`."""
    start: str
    """The image it starts from: `python:3.12-slim`."""
    wheels: tuple[Path, ...] = ()
    """Folders with wheels of lokki and all it needs; none: the build's pip fetches them."""

    @classmethod
    def of(
        cls,
        config: LokkiConfig,
        *,
        python: str | None = None,
        architecture: str | None = None,
        start: str | None = None,
        wheels: Sequence[str] = (),
    ) -> BaseImage:
        """As the configuration says, and options before it."""
        version = python or config.lambda_.python
        return cls(
            f"lokki-runtime:{RUNTIME_VERSION}-py{version}",
            PLATFORMS[architecture or config.lambda_.architecture],
            start or f"python:{version}-slim",
            tuple(Path(folder) for folder in wheels),
        )


def built(docker: Docker, image: BaseImage) -> Progress[None]:
    """Build the image. Raises DockerError."""
    yield Begun(f"building the base image {image.name}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lokki-image-")))
        context = folder / "context"
        source = stack.enter_context(as_file(files("lokki_cli") / CONTEXT))
        shutil.copytree(source, context, ignore=shutil.ignore_patterns("__pycache__", "*.whl"))
        _lay_wheels(image, context / "wheels")
        arguments = {"BASE_IMAGE": image.start, "LOKKI_RUNTIME_VERSION": RUNTIME_VERSION}
        for line in docker.build(context, image.name, image.platform, arguments):
            yield Said("docker", line)
    yield Done(f"built the base image {image.name}")


def _lay_wheels(image: BaseImage, target: Path) -> None:
    for folder in image.wheels:
        wheels = sorted(folder.glob("*.whl"))
        if not wheels:
            raise DockerError(f"{folder}: there are no wheels in it.", hint="--wheels wants a folder of *.whl files.")
        for wheel in wheels:
            shutil.copy(wheel, target)
