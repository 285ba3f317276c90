"""The images that tests share: the runtime, and one as people would write it without lokki, to compare with."""

from __future__ import annotations

import shutil
from pathlib import Path

from lokki_builder.image.base import RUNTIME_VERSION

from .docker import Docker
from .places import PYTHON, ROOT
from .wheels import download

RUNTIME_IMAGE = f"lokki-runtime:{RUNTIME_VERSION}-py{PYTHON}"
"""The base of a flow's image, as the builder names it."""

NAIVE_IMAGE = "lokki-e2e-naive"

_NAIVE = """\
FROM {base}
COPY site/ /opt/site/
RUN python3 -m compileall -q /opt/site || true
COPY flow/ /var/task/
ENV PYTHONPATH=/opt/site
WORKDIR /var/task
ENTRYPOINT ["python3", "-m", "awslambdaric"]
CMD ["flow.handler"]
"""


def build_runtime(docker: Docker, base: str, wheels: Path, folder: Path) -> str:
    """Build the image flows start from, out of docker/runtime and the folder `wheels` only; its name."""
    context = folder / "runtime"
    shutil.copytree(ROOT / "docker" / "runtime", context, ignore=shutil.ignore_patterns("*.whl", "__pycache__"))
    shutil.copytree(wheels, context / "wheels", dirs_exist_ok=True)
    docker.build(context, RUNTIME_IMAGE, "--build-arg", f"BASE_IMAGE={base}")
    return RUNTIME_IMAGE


def build_naive(docker: Docker, base: str, flow: Path, folder: Path) -> str:
    """Build an image of a flow as it is done by hand: the base, boto3, AWS's runtime client, the flow.

    Byte code is there because pip would have made it. Returns the image's name.
    """
    context = folder / "naive"
    wheels = context / "wheels"
    wheels.mkdir(parents=True)
    download(wheels, "boto3", "awslambdaric")
    for wheel in wheels.glob("*.whl"):
        shutil.unpack_archive(wheel, context / "site", "zip")
    (context / "flow").mkdir()
    shutil.copy(flow, context / "flow")
    (context / "Dockerfile").write_text(_NAIVE.format(base=base), encoding="utf-8")
    docker.build(context, NAIVE_IMAGE)
    return NAIVE_IMAGE
