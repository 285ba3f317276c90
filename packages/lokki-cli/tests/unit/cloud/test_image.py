"""The base image, built from what this package brings."""

from __future__ import annotations

from pathlib import Path

import pytest

from .dockers import StandIn
from .lokki import Lokki


def test_the_base_image_is_built(lokki: Lokki, docker: StandIn) -> None:
    done = lokki("image", "--python", "3.13", "--architecture", "arm64")
    assert (done.code, done.out) == (0, "built lokki-runtime:0.1.0-py3.13\n")
    (build,) = docker.called("build")
    assert build.startswith("build --platform linux/arm64 --tag lokki-runtime:0.1.0-py3.13")
    assert "--build-arg BASE_IMAGE=python:3.13-slim --build-arg LOKKI_RUNTIME_VERSION=0.1.0" in build
    context = (docker.folder / "context").read_text().split()
    assert {"Dockerfile", "install.py", "lokki-entrypoint", "wheels"} <= set(context)


def test_with_wheels_and_another_start(lokki: Lokki, docker: StandIn, tmp_path: Path) -> None:
    wheels = tmp_path / "some"
    wheels.mkdir()
    refused = lokki("image", "--wheels", str(wheels))
    assert refused.code == 1
    assert refused.err.splitlines()[-1] == (
        f"error: {wheels}: there are no wheels in it. --wheels wants a folder of *.whl files."
    )
    (wheels / "a-1-py3-none-any.whl").touch()
    done = lokki("image", "--wheels", str(wheels), "--from", "ours:1", "--json")
    assert done.records[-1] == {"event": "result", "status": "built", "image": "lokki-runtime:0.1.0-py3.12"}
    assert "BASE_IMAGE=ours:1" in docker.called("build")[-1]


def test_it_is_pushed(lokki: Lokki, docker: StandIn) -> None:
    done = lokki("image", "--push", "127.0.0.1:5001/base:1")
    assert done.code == 0, done.err
    assert done.out.splitlines()[1:] == ["[lambda]", 'base_image = "127.0.0.1:5001/base:1"']
    assert docker.called("push") == ["push 127.0.0.1:5001/base:1"]


@pytest.mark.usefixtures("no_docker")
def test_without_docker(lokki: Lokki) -> None:
    done = lokki("image")
    assert done.code == 1
    assert "Docker is not installed" in done.err
