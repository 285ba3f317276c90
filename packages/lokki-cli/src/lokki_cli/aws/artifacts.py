"""What lies in the artifact bucket beside runs: zips, templates, the record of deployments.

Input: `Clients`, a bucket, keys. Effect: objects are read, written and deleted. Raises OperationError;
MissingResourceError where a bucket or object is not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import AccessDeniedError, MissingResourceError
from .clients import Clients
from .errors import code_of

MOST_DELETED = 1000
"""Objects that one request deletes."""


@dataclass(frozen=True)
class Bucket:
    """The artifact bucket."""

    clients: Clients
    name: str
    kms_key: str = ""
    """What encrypts objects; empty: the bucket's own encryption."""

    def url(self, key: str) -> str:
        """`s3://bucket/key`, for people."""
        return f"s3://{self.name}/{key}"

    def http_url(self, key: str) -> str:
        """The address CloudFormation reads an object at."""
        return f"{self.clients.s3.meta.endpoint_url}/{self.name}/{key}"

    def check(self) -> None:
        """Raise where the bucket is not there, is another account's, or is in another region."""
        with self._about():
            answer = self.clients.s3.head_bucket(Bucket=self.name)
        region = answer.get("BucketRegion") or self._headers(answer).get("x-amz-bucket-region")
        if region and region != self.clients.settings.region and not self.clients.settings.endpoint:
            raise MissingResourceError(
                f"bucket '{self.name}': it is in {region}, not in {self.clients.settings.region}.",
                hint="Correct aws.region or --region, or use a bucket of that region.",
            )

    def exists(self) -> bool:
        """Whether there is such a bucket here. Raises as `check` does for every other reason."""
        try:
            self.check()
        except MissingResourceError as error:
            if code_of(error.__cause__ or error) in ("404", "NoSuchBucket", "NotFound"):
                return False
            raise
        return True

    def has(self, key: str) -> bool:
        """Whether there is such an object."""
        try:
            with self._about(key):
                self.clients.s3.head_object(Bucket=self.name, Key=key)
        except MissingResourceError:
            return False
        return True

    def put(self, key: str, content: bytes, kind: str = "binary/octet-stream") -> None:
        """Write an object."""
        with self._about(key):
            self.clients.s3.put_object(Bucket=self.name, Key=key, Body=content, ContentType=kind, **self._encryption())

    def get(self, key: str) -> bytes:
        """An object's content. Raises MissingResourceError."""
        with self._about(key):
            return bytes(self.clients.s3.get_object(Bucket=self.name, Key=key)["Body"].read())

    def keys(self, prefix: str) -> list[str]:
        """The keys that begin with `prefix`, sorted."""
        with self._about(prefix):
            pages = self.clients.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
            return sorted(one["Key"] for page in pages for one in page.get("Contents", ()))

    def delete_all(self, prefix: str) -> Iterator[int]:
        """Delete every object whose key begins with `prefix`, and every version of it; yields how many are gone."""
        gone = 0
        with self._about(prefix):
            pages = self.clients.s3.get_paginator("list_object_versions").paginate(Bucket=self.name, Prefix=prefix)
            for page in pages:
                found = [_version(one) for kind in ("Versions", "DeleteMarkers") for one in page.get(kind, ())]
                for start in range(0, len(found), MOST_DELETED):
                    self._delete(found[start : start + MOST_DELETED])
                    gone += len(found[start : start + MOST_DELETED])
                    yield gone

    def _delete(self, objects: list[dict[str, str]]) -> None:
        answer = self.clients.s3.delete_objects(Bucket=self.name, Delete={"Objects": objects, "Quiet": True})
        failed = answer.get("Errors", ())
        if failed:
            raise AccessDeniedError(
                f"{self.url(failed[0].get('Key', ''))}: it cannot be deleted ({failed[0].get('Message', '')}).",
                hint="These credentials need s3:DeleteObject and s3:DeleteObjectVersion.",
            )

    def _encryption(self) -> dict[str, str]:
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key} if self.kms_key else {}

    def _about(self, key: str = "") -> Any:
        return self.clients.about(self.url(key) if key else f"bucket '{self.name}'")

    @staticmethod
    def _headers(answer: Mapping[str, Any]) -> Mapping[str, str]:
        headers: Mapping[str, str] = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        return headers


def _version(given: Mapping[str, str]) -> dict[str, str]:
    version = given.get("VersionId")
    return {"Key": given["Key"]} | ({"VersionId": version} if version and version != "null" else {})
