"""An AWS in which flows are deployed and run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..cloud.servers import REGION, moto, reset
from .deployed import BUCKET, Cloud, cloud


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
