"""portl in its image: as nobody in particular, on a read-only file system, with a job's folder mounted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from databases import debian_programs, debian_server
from e2e_support.docker import Docker
from e2e_support.places import EXAMPLES, ROOT
from e2e_support.portl import Portl, build_portl, compose_service
from lokki.clock import SYSTEM_CLOCK
from portl.__about__ import __version__

SAMPLE = ROOT / "docker" / "portl" / "example"


@pytest.fixture(scope="module")
def portl(docker: Docker, base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Portl:
    return Portl(docker, build_portl(docker, base_image, tmp_path_factory.mktemp("portl")))


def _opened(folder: Path) -> Path:
    """`folder`, with everything in it writable for any user, as a user's own folder is for them."""
    for place in (folder, *folder.rglob("*")):
        place.chmod(0o777 if place.is_dir() else 0o666)
    return folder


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """The first example, with its database."""
    folder = tmp_path / "first"
    shutil.copytree(EXAMPLES / "portl" / "first", folder, ignore=shutil.ignore_patterns("shop.db", "saved.csv"))
    subprocess.run([sys.executable, "create_shop.py"], cwd=folder, check=True)
    return _opened(folder)


def test_the_first_example(portl: Portl, first: Path) -> None:
    for changed in ("true", "false"):
        done = portl.run(first, "run", "job.yaml", "--json")
        assert done.code == 0, done.err
        told = json.loads(done.out)
        assert (told["outcome"], told["steps"][1]["counts"]["items"]) == ("committed", 5)
        assert (first / "saved.csv").read_text(encoding="utf-8").splitlines()[1] == f"A-100,1,{changed},{changed}"
    assert (first / "saved.csv").stat().st_uid == 1000


def test_what_the_image_is(portl: Portl, first: Path) -> None:
    assert portl.run(first, "--version").out == f"portl {__version__}\n"
    assert portl.run(first).out.startswith("Usage: portl")
    config = portl.docker.inspect("image", portl.image)["Config"]
    assert (config["Entrypoint"], config["User"], config["WorkingDir"]) == (["portl"], "1000:1000", "/job")
    options = portl.options(first, {})
    leftovers = "import pip"
    done = portl.docker.try_run("run", "--rm", *options, "--entrypoint=python3", portl.image, "-c", leftovers)
    assert "ModuleNotFoundError" in done.err


def test_another_user_and_a_module_in_the_folder_of_a_job(portl: Portl, first: Path) -> None:
    (first / "yaml.py").write_text("raise SystemExit('taken from the job')\n", encoding="utf-8")
    options = portl.options(first, {})
    done = portl.docker.try_run("run", "--rm", *options, "--user=4711:4711", portl.image, "run", "job.yaml")
    assert (done.code, done.out.startswith("first: committed")) == (0, True), done.err


def test_it_ends_when_the_container_is_stopped(portl: Portl, first: Path) -> None:
    """portl is the first process of its container, which ends by no signal that it does not handle."""
    os.mkfifo(first / "pipe.csv")
    (first / "pipe.csv").chmod(0o666)
    text = (first / "job.yaml").read_text(encoding="utf-8")
    (first / "job.yaml").write_text(text.replace("products.csv", "pipe.csv"), encoding="utf-8")
    run = [*portl.options(first, {}), portl.image, "run", "job.yaml", "--log-format", "json"]
    container = portl.docker.run("run", "--detach", *run)
    try:
        while "step_started" not in portl.docker.try_run("logs", container).err:
            SYSTEM_CLOCK.sleep(0.05)
        portl.docker.run("kill", "--signal=TERM", container)
        assert portl.docker.run("wait", container) == "130"
        assert "interrupted before anything was written" in portl.docker.try_run("logs", container).err
    finally:
        portl.docker.try_run("rm", "--force", container)


@pytest.fixture
def server() -> Iterator[Path]:
    """The folder of the Unix socket of a PostgreSQL."""
    programs = debian_programs()
    assert programs is not None, ".ci/postgres installs it"
    folder = Path(tempfile.mkdtemp(prefix="portl-"))
    folder.chmod(0o755)
    try:
        with debian_server(programs, folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_the_job_of_the_compose_file(portl: Portl, server: Path, tmp_path: Path) -> None:
    """With the schema, the command and the variable of the compose file, beside a server of this machine."""
    dsn = f"postgresql://postgres@/postgres?host={server}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute((SAMPLE / "schema.sql").read_bytes())
    folder = _opened(shutil.copytree(SAMPLE, tmp_path / "job"))
    service = compose_service()
    (variable,) = service["environment"]
    volume = f"{server}:{server}"
    for inserted in (4, 0):
        done = portl.run(folder, *service["command"], "--json", env={variable: dsn}, volume=volume)
        assert done.code == 0, done.err
        assert json.loads(done.out)["steps"][1]["counts"]["inserted"] == inserted
    with psycopg.connect(dsn) as connection:
        assert connection.execute(b"SELECT name FROM products ORDER BY sku").fetchall()[1] == ("Walnut shelf",)
