"""The AWS that flows are deployed to: the emulator of this machine, another one, or AWS itself.

`LOKKI_E2E_ENDPOINT` decides: without it the tests start MiniStack; a URL is an emulator that runs already; the word
`aws` is AWS, with the credentials of the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import uuid4

import boto3
from botocore.config import Config
from lokki import environment
from lokki.store.s3 import S3Store

from .template import REGION

VARIABLE = "LOKKI_E2E_ENDPOINT"
AWS_ITSELF = "aws"
TEST = "test"
"""Key and secret of an emulator, which lets their holder do everything."""


def chosen_endpoint() -> str | None:
    """What `LOKKI_E2E_ENDPOINT` says."""
    return environment.get(VARIABLE)


@dataclass(frozen=True)
class Aws:
    """Where requests go, and with whose credentials."""

    endpoint: str | None
    """None: AWS itself."""
    registry: str = ""
    """A registry that takes images without asking who pushes; empty where there is none."""

    @property
    def region(self) -> str:
        """Where everything is."""
        return REGION if self.endpoint else environment.get("AWS_REGION", REGION) or REGION

    @cached_property
    def session(self) -> boto3.Session:
        """boto3's; an emulator's credentials are made up."""
        own = {"aws_access_key_id": TEST, "aws_secret_access_key": TEST} if self.endpoint else {}
        return boto3.Session(region_name=self.region, **own)

    def client(self, service: str) -> Any:
        """A client of `service`."""
        return self.session.client(
            service,
            endpoint_url=self.endpoint,
            config=Config(
                inject_host_prefix=False,
                read_timeout=600,
                retries={"max_attempts": 0} if self.endpoint else None,
                s3={"addressing_style": "path"} if self.endpoint else None,
            ),
        )

    @cached_property
    def s3(self) -> Any:
        """S3's."""
        return self.client("s3")

    def variables(self) -> dict[str, str]:
        """What a command is told by its environment."""
        if not self.endpoint:
            return {"AWS_REGION": self.region, "LOKKI_AWS_REGION": self.region}
        return {
            "LOKKI_AWS_ENDPOINT": self.endpoint,
            "AWS_ACCESS_KEY_ID": TEST,
            "AWS_SECRET_ACCESS_KEY": TEST,
            "AWS_REGION": self.region,
        }

    def store(self, bucket: str, flow: str) -> S3Store:
        """A bucket as lokki sees it, for what the flow deployed as `flow` keeps there."""
        return S3Store(
            self.endpoint, flow_name=flow, bucket=bucket, region=self.region, credential_provider=self._credentials
        )

    def make_bucket(self) -> str:
        """A new bucket's name."""
        name = f"lokki-e2e-{uuid4().hex[:16]}"
        elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        self.s3.create_bucket(Bucket=name, **({} if self.region == "us-east-1" else elsewhere))
        return name

    def remove_bucket(self, name: str) -> None:
        """Delete a bucket and everything in it."""
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=name):
            found = [{"Key": entry["Key"]} for entry in page.get("Contents", [])]
            if found:
                self.s3.delete_objects(Bucket=name, Delete={"Objects": found})
        self.s3.delete_bucket(Bucket=name)

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """Every key that begins with `prefix`, sorted."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))

    def _credentials(self) -> Mapping[str, Any]:
        found = self.session.get_credentials()
        assert found is not None, "there are no credentials"
        frozen = found.get_frozen_credentials()
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": None,
        }
