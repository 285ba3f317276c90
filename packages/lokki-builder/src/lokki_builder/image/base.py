"""Which image a flow's image starts from, and where things lie in it. Pure.

The search path of its Python is the task root, then lokki, then the flow's packages: a flow's own `obstore` cannot
replace the one lokki was tested with. What fetches secrets comes last, for the same reason the other way round.
"""

from __future__ import annotations

from lokki.config import LokkiConfig

RUNTIME_VERSION = "0.1.0"
"""The release of lokki-runtime this builder writes for."""

TASK_ROOT = "/var/task"
PACKAGES = "/opt/python"
SECRETS = "/opt/secrets"

PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
"""{lambda.architecture: what Docker calls it}."""


def base_image(config: LokkiConfig, runtime_version: str = RUNTIME_VERSION) -> str:
    """The name of the base image: the configured one, or lokki's runtime for the configured Python."""
    return config.lambda_.base_image or f"lokki-runtime:{runtime_version}-py{config.lambda_.python}"


def pinned(image: str, digest: str) -> str:
    """`image` by its digest, without the tag that could come to mean another; unchanged without a digest."""
    if not digest or "@" in image:
        return image
    folder, slash, name = image.rpartition("/")
    return f"{folder}{slash}{name.partition(':')[0]}@{digest}"


def wheel_platform(python: str, architecture: str, *, managed: bool) -> str:
    """The newest platform of wheels that run there, as `manylinux_2_28_x86_64`.

    `managed` is Lambda's own runtime, which for Python 3.11 is Amazon Linux 2 with an older C library.
    """
    machine = {"x86_64": "x86_64", "arm64": "aarch64"}[architecture]
    return f"manylinux_2_{17 if managed and python == '3.11' else 28}_{machine}"
