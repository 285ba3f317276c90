"""An AWS in which flows are deployed and run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from lokki_cli import app

from ..cloud.servers import REGION, moto, reset
from ..conftest import Folder
from .deployed import BUCKET, Cloud, cloud
from .flows import BIRDS


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """A moto server."""
    with moto() as url:
        yield url


@pytest.fixture
def aws(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """An empty AWS with the bucket `artifacts`, and credentials for it."""
    reset(moto_url)
    for name, value in (("ACCESS_KEY_ID", "test"), ("SECRET_ACCESS_KEY", "test"), ("DEFAULT_REGION", REGION)):
        monkeypatch.setenv(f"AWS_{name}", value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    with cloud(moto_url) as made:
        yield made


@pytest.fixture
def in_aws(aws: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands of this process find that AWS, and its bucket."""
    monkeypatch.setenv("LOKKI_AWS_ENDPOINT", aws.url)
    monkeypatch.setenv("LOKKI_ARTIFACT_BUCKET", BUCKET)


@dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its output as JSON."""
        return json.loads(self.out)


Type = Callable[..., Done]


@pytest.fixture
def typed(here: Folder, aws: Cloud, in_aws: None, capsys: pytest.CaptureFixture[str]) -> Type:
    """Types a command of lokki-cli in this process, the flow file after the command."""

    def run(command: str, *words: str, file: str = "birds_flow.py") -> Done:
        capsys.readouterr()
        code = app.invoke([command, file, *words], "lokki-cli", None)
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def birds(here: Folder, aws: Cloud) -> Folder:
    """The birds, deployed."""
    here.write(BIRDS)
    aws.deploy(here.path, "birds_flow.py", "birds_flow")
    return here


@pytest.fixture
def broken(here: Folder, aws: Cloud) -> Folder:
    """The birds, deployed, one of which does not flap."""
    here.write(BIRDS.replace('"duck"', '"BAD"'))
    aws.deploy(here.path, "birds_flow.py", "birds_flow")
    return here
