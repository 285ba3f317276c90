"""An image registry on this machine: Debian's docker-registry. Docker trusts 127.0.0.1 without TLS."""

from __future__ import annotations

import shutil
from pathlib import Path

from .docker import install_packages
from .services import Service

_CONFIG = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}/images}}, delete: {{enabled: true}}}}
http: {{addr: "{host}"}}
log: {{level: warn}}
"""


def registry(folder: Path, port: int) -> Service:
    """The program, to be started. Installs it where it is missing. Raises EngineMissingError where that cannot be."""
    program = shutil.which("docker-registry") or _install()
    config, host = folder / "registry.yml", f"127.0.0.1:{port}"
    folder.mkdir(parents=True, exist_ok=True)
    config.write_text(_CONFIG.format(folder=folder, host=host), encoding="utf-8")
    return Service("registry", [program, "serve", str(config)], f"http://{host}/v2/", folder)


def _install() -> str:
    install_packages("docker-registry")
    program = shutil.which("docker-registry")
    assert program is not None
    return program
