"""An image registry on this machine: Debian's docker-registry. Docker trusts 127.0.0.1 without TLS."""

from __future__ import annotations

import shutil
from pathlib import Path

from .docker import install_packages
from .places import cache
from .services import Service

_CONFIG = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {images}}}, delete: {{enabled: true}}}}
http: {{addr: "{host}"}}
log: {{level: warn}}
"""


def registry(folder: Path, port: int) -> Service:
    """The program, to be started; installed where it is missing. Raises EngineMissingError where that cannot be.

    Its images are kept between runs: the layers of the base image are pushed once.
    """
    program = shutil.which("docker-registry") or _install()
    config, host = folder / "registry.yml", f"127.0.0.1:{port}"
    folder.mkdir(parents=True, exist_ok=True)
    config.write_text(_CONFIG.format(images=cache() / "registry", host=host), encoding="utf-8")
    return Service("registry", [program, "serve", str(config)], f"http://{host}/v2/", folder)


def _install() -> str:
    install_packages("docker-registry")
    program = shutil.which("docker-registry")
    assert program is not None
    return program
