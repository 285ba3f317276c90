"""A stand-in for the image that Lambda runs Python zips in: Debian's Python and Lambda's own runtime client.

It has the name that AWS gives its image, because that is what emulators ask an engine for.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from .docker import Docker
from .places import PYTHON
from .wheels import download

IMAGE = f"public.ecr.aws/lambda/python:{PYTHON}"

_DOCKERFILE = """\
FROM {base}
COPY client/ /var/runtime/
COPY bootstrap /lambda-entrypoint.sh
ENV LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime PYTHONPATH=/var/task:/opt/python:/var/runtime
WORKDIR /var/task
ENTRYPOINT ["/lambda-entrypoint.sh"]
"""

_BOOTSTRAP = """\
#!/bin/sh
if [ -n "${AWS_LAMBDA_RUNTIME_API:-}" ]; then exec python3 -m awslambdaric "$@"; fi
exec /usr/local/bin/aws-lambda-rie python3 -m awslambdaric "$@"
"""


def build_managed(docker: Docker, base: str, folder: Path) -> str:
    """Build it without a network; its name."""
    context = folder / "managed"
    wheels = context / "wheels"
    wheels.mkdir(parents=True)
    download(wheels, "awslambdaric")
    for wheel in wheels.glob("*.whl"):
        shutil.unpack_archive(wheel, context / "client", "zip")
    bootstrap = context / "bootstrap"
    bootstrap.write_text(_BOOTSTRAP, encoding="utf-8")
    bootstrap.chmod(0o755)
    (context / "Dockerfile").write_text(_DOCKERFILE.format(base=base), encoding="utf-8")
    docker.build(context, IMAGE)
    return IMAGE
