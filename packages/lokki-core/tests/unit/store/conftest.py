"""The three stores, so that one suite runs against each; S3 is a moto server, spoken to over HTTP."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import boto3
import pytest
from lokki.store import LocalStore, MemoryStore
from lokki.store.base import BaseStore
from lokki.store.s3 import S3Store
from moto.server import ThreadedMotoServer

StoreMaker: TypeAlias = Callable[..., BaseStore]

_BUCKET = "artifacts"
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The URL of an S3 with the bucket `artifacts`."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _CREDENTIALS.items():
            patch.setenv(name, value)
        boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket=_BUCKET)
    yield endpoint
    server.stop()


@pytest.fixture
def s3_store(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., S3Store]:
    for name, value in _CREDENTIALS.items():
        monkeypatch.setenv(name, value)

    def make(**options: object) -> S3Store:
        return S3Store(**{"endpoint": s3_endpoint, "bucket": _BUCKET, **options})  # type: ignore[arg-type]  # mixed options

    return make


@pytest.fixture(params=["local", "memory", "s3"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> StoreMaker:
    """Opens a store; every call of it in one test opens the same place, but for the memory store."""
    if request.param == "local":
        return lambda **options: LocalStore(tmp_path / "root", **options)
    if request.param == "memory":
        return MemoryStore
    maker: StoreMaker = request.getfixturevalue("s3_store")
    return maker


@pytest.fixture
def store(make_store: StoreMaker) -> BaseStore:
    return make_store()


@pytest.fixture(params=["local", "memory"])
def journal_store(request: pytest.FixtureRequest, tmp_path: Path) -> LocalStore | MemoryStore:
    return LocalStore(tmp_path / "root") if request.param == "local" else MemoryStore()


_runs = itertools.count()


@pytest.fixture
def run_id() -> str:
    """A run that no other test writes to."""
    return f"run-{next(_runs)}"
