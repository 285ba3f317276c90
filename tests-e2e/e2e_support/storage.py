"""An S3 that containers and tests reach over HTTP: moto's server, in this process, on the engine's bridge.

The same data are seen by moto's interpreter of state machines, which reads them without a server.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from lokki.store.s3 import S3Store
from moto import mock_aws
from moto.server import ThreadedMotoServer

from .template import REGION

BUCKET = "artifacts"
CREDENTIALS = {"region_name": REGION, "aws_access_key_id": "test", "aws_secret_access_key": "test"}


@dataclass
class Storage:
    """One bucket."""

    endpoint: str
    s3: Any = field(repr=False)

    def store(self, flow: str) -> S3Store:
        """The bucket as lokki sees it, for what the flow deployed as `flow` keeps there."""
        provided = {"access_key_id": "test", "secret_access_key": "test", "token": None, "expires_at": None}
        return S3Store(
            self.endpoint, flow_name=flow, bucket=BUCKET, region=REGION, credential_provider=lambda: provided
        )

    def keys(self, prefix: str) -> list[str]:
        """Every key that begins with `prefix`, sorted."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))

    def variables(self) -> dict[str, str]:
        """What a container needs to reach it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }


@contextmanager
def serving(address: str) -> Iterator[Storage]:
    """A bucket at a free port of `address`, for as long as the block lasts."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        boto3.setup_default_session()
        server = ThreadedMotoServer(address, 0, verbose=False)
        server.start()
        try:
            host, port = server.get_host_and_port()
            s3 = boto3.client("s3", **CREDENTIALS)
            s3.create_bucket(Bucket=BUCKET)
            yield Storage(f"http://{host}:{port}", s3)
        finally:
            server.stop()
