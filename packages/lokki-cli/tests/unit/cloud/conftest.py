"""Servers that speak as AWS does, once per test run, and forget everything between tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lokki_cli.aws.artifacts import Bucket
from lokki_cli.aws.clients import Clients

from ..conftest import Folder
from .dockers import StandIn, install
from .lokki import Lokki
from .servers import Gate, clients, gate, moto, reset


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """A moto server."""
    with moto() as url:
        yield url


@pytest.fixture
def aws_url(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same with nothing in it; this process has credentials for it, and no other AWS settings."""
    reset(moto_url)
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": "/nowhere/config",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere/credentials",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    return moto_url


@pytest.fixture
def aws(aws_url: str) -> Clients:
    """Clients of it."""
    return clients(aws_url)


@pytest.fixture
def faults(aws_url: str) -> Iterator[Gate]:
    """A gate before it."""
    with gate(aws_url) as made:
        yield made


@pytest.fixture
def bucket(aws: Clients) -> Bucket:
    """A bucket."""
    aws.s3.create_bucket(Bucket="artifacts")
    return Bucket(aws, "artifacts")


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """A program on the search path that is called as Docker is."""
    return install(tmp_path, monkeypatch)


@pytest.fixture
def no_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search path without Docker."""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))


@pytest.fixture
def lokki(here: Folder, aws_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lokki:
    """The command line in a folder with a flow, configured for the server, with a bucket."""
    monkeypatch.setenv("HOME", str(here.path))
    for name in ("LOKKI_ARTIFACT_BUCKET", "LOKKI_AWS_ENDPOINT", "LOKKI_AWS_REGION", "LOKKI_IMAGE_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)
    made = Lokki(here, capsys)
    made.configure(endpoint=aws_url, artifact_bucket="artifacts")
    made.write_flow()
    return made
