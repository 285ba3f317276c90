"""Docker by its command line, with a program in its place that keeps a list."""

from __future__ import annotations

from pathlib import Path

import pytest
from lokki_cli.docker import Docker
from lokki_cli.errors import DockerError

from .dockers import StandIn, install


def test_the_engine_behind_it(docker: StandIn) -> None:
    engine = Docker.found().engine()
    assert (engine.version, engine.architecture) == ("20.10.24", "amd64")


@pytest.mark.usefixtures("no_docker")
def test_no_docker_at_all() -> None:
    with pytest.raises(DockerError, match=r"Docker is not installed\. Install Docker, or ship zips instead: package"):
        Docker.found()


def test_a_program_that_cannot_be_started(tmp_path: Path) -> None:
    docker = Docker(str(tmp_path / "docker"))
    with pytest.raises(DockerError, match=r"Docker does not run: .*No such file.* Start it"):
        docker.engine()
    with pytest.raises(DockerError, match=r"the image 'x' could not be pushed: .*No such file"):
        list(docker.push("x"))


def test_no_engine(docker: StandIn) -> None:
    docker.fail("version", "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.\n")
    with pytest.raises(DockerError, match=r"Docker does not run: Cannot connect to the Docker daemon.* Start it"):
        Docker.found().engine()


def test_an_answer_that_is_none(tmp_path: Path) -> None:
    silent = tmp_path / "docker"
    silent.write_text("#!/bin/sh\n")
    silent.chmod(0o755)
    with pytest.raises(DockerError, match=r"Docker does not run\. Start it"):
        Docker(str(silent)).engine()


def test_images_are_built_looked_for_named_and_pushed(docker: StandIn, tmp_path: Path) -> None:
    program = Docker.found()
    (tmp_path / "context").mkdir()
    said = list(program.build(tmp_path / "context", "reg/birds:1", "linux/arm64", {"BASE_IMAGE": "python"}))
    assert said == ["#1 building"]
    assert docker.called("build") == [
        f"build --platform linux/arm64 --tag reg/birds:1 --build-arg BASE_IMAGE=python {tmp_path / 'context'}"
    ]
    assert program.architecture("reg/birds:1") == "arm64"
    assert program.architecture("reg/birds:2") == ""
    assert not program.in_registry("reg/birds:1")
    assert list(program.push("reg/birds:1")) == ["pushing reg/birds:1"]
    assert program.in_registry("reg/birds:1")
    program.tag("reg/birds:1", "other:1")
    assert program.image("other:1") is not None


def test_a_registry_of_this_machine_needs_no_tls(docker: StandIn) -> None:
    Docker.found().in_registry("127.0.0.1:5001/birds:1")
    assert docker.calls == ["manifest inspect --insecure 127.0.0.1:5001/birds:1"]


def test_without_buildx_the_classic_builder_does_it(docker: StandIn, tmp_path: Path) -> None:
    (docker.folder / "no-buildx").touch()
    said = list(Docker.found().build(tmp_path, "birds:1", "linux/amd64", {}))
    assert said == ["#1 building"]  # nothing that reads like a failure
    assert len(docker.called("build")) == 2


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("exec /bin/sh: exec format error", "The image is for another processor than this machine's"),
        ("write /x: no space left on device", "Make room: docker system prune"),
        ("ERROR: python -m lokki_runtime check", "what it imports has to be among its dependencies"),
        ("anything else", ""),
    ],
)
def test_a_build_that_fails_shows_its_last_lines(docker: StandIn, tmp_path: Path, said: str, hint: str) -> None:
    docker.fail("build", "".join(f"line {number}\n" for number in range(100)) + f"{said}\n")
    with pytest.raises(DockerError) as caught:
        list(Docker.found().build(tmp_path, "birds:1", "linux/amd64", {}))
    text = str(caught.value)
    assert text.startswith("the image 'birds:1' could not be built:\n")
    assert said in text
    assert hint in text
    assert "line 99" in text
    assert "line 1\n" not in text


def test_pushes_that_fail(docker: StandIn) -> None:
    docker.fail("push", "denied: requested access to the resource is denied\n")
    with pytest.raises(DockerError, match=r"could not be pushed:\n(.|\n)*\nSign in to the registry"):
        list(Docker.found().push("reg/birds:1"))


def test_a_name_that_cannot_be_given(docker: StandIn) -> None:
    docker.fail("tag", "No such image: a\n")
    with pytest.raises(DockerError, match="the image 'a' could not be named 'b': No such image: a"):
        Docker.found().tag("a", "b")


def test_signing_in(docker: StandIn) -> None:
    Docker.found().sign_in("reg", "AWS", "secret")
    assert docker.calls == ["login --username AWS --password-stdin reg"]
    assert (docker.folder / "password").read_text() == "secret"
    docker.fail("login", "unauthorized\n")
    with pytest.raises(DockerError, match="Docker could not sign in to reg: unauthorized"):
        Docker.found().sign_in("reg", "AWS", "secret")


def test_a_build_that_is_left_alone_ends(docker: StandIn, tmp_path: Path) -> None:
    building = Docker.found().build(tmp_path, "birds:1", "linux/amd64", {})
    assert next(building) == "#1 building"
    building.close()  # type: ignore[attr-defined]  # it is a generator


def test_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "aarch64")
    assert Docker.found().engine().architecture == "arm64"
