"""Flows as they are deployed: written into a folder of their own, with what the builder puts beside them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import boto3
import pytest
from lokki.store.memory import MemoryStore
from lokki_runtime.testing import StateMachine, write_deployment
from moto.server import ThreadedMotoServer

BUCKET = "artifacts"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}

HEAD = """
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
import lokki
from lokki import flow, step, RetryConfig

calls = []
HOOK = None

"""


@pytest.fixture
def deploy(tmp_path: Path) -> Iterator[Callable[..., StateMachine]]:
    """A function that deploys the flow `main_flow` of a source text. `calls` of the module is for its steps to fill."""
    made: list[str] = []
    path_before = list(sys.path)

    def make(source: str, *, params: dict[str, Any] | None = None, **options: Any) -> StateMachine:
        name = f"deployed_{abs(hash(str(tmp_path)))}_{len(made)}"
        made.append(name)
        root = tmp_path / name
        root.mkdir()
        (root / f"{name}.py").write_text(HEAD + dedent(source), encoding="utf-8")
        write_deployment(root, name, "main_flow", params=params)
        options.setdefault("store", MemoryStore(flow_name=options.get("flow_name", "main-flow")))
        return StateMachine(root, **options)

    yield make
    sys.path[:] = path_before
    for name in made:
        sys.modules.pop(name, None)


@pytest.fixture
def module() -> Callable[[StateMachine], Any]:
    """A function that gives the module of a deployed flow."""
    return lambda machine: sys.modules[machine.root.name]


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The URL of an S3 with the bucket `artifacts`."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket=BUCKET)
    yield endpoint
    server.stop()


@pytest.fixture
def s3_variables(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a function whose data are in that S3; its credentials are set in this process, too."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return {**CREDENTIALS, "LOKKI_AWS_ENDPOINT": s3_endpoint, "LOKKI_ARTIFACT_BUCKET": BUCKET}
