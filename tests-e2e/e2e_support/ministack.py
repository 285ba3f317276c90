"""MiniStack with our additions, as a program: a Python of its own, made once and kept."""

from __future__ import annotations

import sys
import venv
from pathlib import Path

from .docker import Docker
from .places import ROOT, TESTS, cache
from .services import Service
from .wheels import emulator, pip

VERSION = "1.5.33"
"""Pinned: what is added reaches into its internals."""

CHILDREN = 2
"""Children of a map at once: the test machine is small, and each is a container."""

REQUIREMENTS = (f"ministack=={VERSION}", "docker>=7", "cryptography>=41")


def ministack(docker: Docker, folder: Path, port: int) -> Service:
    """The program, to be started. Installs it where it is missing."""
    address = docker.bridge_address()
    endpoint = f"http://{address}:{port}"
    return Service(
        "ministack",
        [str(_python()), "-m", "emulator"],
        f"{endpoint}/_ministack/health",
        folder,
        variables={
            "PYTHONPATH": f"{TESTS}:{ROOT / 'packages' / 'lokki-core' / 'src'}",
            "DOCKER_HOST": docker.host,
            "LOKKI_E2E_RIE": str(emulator()),
            "LOKKI_E2E_CHILDREN": str(CHILDREN),
            "BIND_HOST": address,
            "GATEWAY_PORT": str(port),
            "MINISTACK_HOST": address,
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AUTH": "true",
            "LAMBDA_EXECUTOR": "docker",
            "LAMBDA_STRICT": "1",
            # Retries wait a fiftieth of what they wait on AWS.
            "SFN_WAIT_SCALE": "0.02",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        },
        without=["AWS_CA_BUNDLE", "AWS_SESSION_TOKEN", "AWS_PROFILE"],
    )


def _python() -> Path:
    """The Python that has MiniStack. A marker says that it has all it needs."""
    folder = cache() / f"ministack-{VERSION}-{sys.version_info.major}.{sys.version_info.minor}"
    python, marker = folder / "bin" / "python", folder / "installed"
    wanted = "\n".join(REQUIREMENTS)
    if not marker.exists() or marker.read_text(encoding="utf-8") != wanted:
        venv.create(folder, clear=True, with_pip=True)
        pip(str(python), "install", *REQUIREMENTS)
        marker.write_text(wanted, encoding="utf-8")
    return python
