"""Runs kept in an S3 bucket, or in whatever speaks its protocol at another endpoint.

The only module that knows the S3 client. Its synchronous interface is used, from threads where that helps.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import TYPE_CHECKING, Any

from .. import environment
from ..errors import ConfigError, MissingPackageError, ObjectMissingError
from . import urls
from .base import BaseStore
from .s3errors import translated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .codec import Data

BUCKET_VARIABLE = "LOKKI_ARTIFACT_BUCKET"
_PART_BYTES = 8 * 1024 * 1024
_PARTS_AT_ONCE = 4


class S3Store(BaseStore):
    """A store in an S3 bucket; threads may share it. Opening it makes no request.

    `endpoint` is the URL of another S3 (None: Amazon's, or what `AWS_ENDPOINT_URL` says), `bucket` defaults to
    `LOKKI_ARTIFACT_BUCKET`, `region` to `AWS_REGION`. `credential_provider` is called for
    `{"access_key_id", "secret_access_key", "token", "expires_at"}`; None takes them from the environment, the container
    or the instance. With `kms_key` objects are encrypted by that KMS key, else as the bucket says.

    Raises `ConfigError` without a bucket and `MissingPackageError` without the S3 client.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        flow_name: str | None = None,
        bucket: str | None = None,
        region: str | None = None,
        credential_provider: Callable[[], Mapping[str, Any]] | None = None,
        kms_key: str | None = None,
    ) -> None:
        name = bucket or environment.get(BUCKET_VARIABLE)
        if not name:
            raise ConfigError(
                "no bucket is set.",
                key="aws.artifact_bucket",
                hint=f"Set it in lokki.toml, or the variable {BUCKET_VARIABLE}.",
            )
        client = _open_client(name, endpoint, region, credential_provider, kms_key)
        super().__init__(S3Blobs(client, name), flow_name=flow_name)
        self.bucket = name
        """The bucket's name."""


def _open_client(
    bucket: str, endpoint: str | None, region: str | None, credential_provider: object, kms_key: str | None
) -> Any:
    from datetime import timedelta  # noqa: PLC0415  # next to the client, which is as late

    try:
        obstore: Any = import_module("obstore.store")
    except ImportError as error:
        raise MissingPackageError("S3Store", "lokki-core[s3]") from error

    backoff = {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2}
    with translated(f"s3://{bucket}/", "open"):
        return obstore.S3Store(
            bucket,
            config=_client_config(endpoint, region, kms_key),
            client_options={"allow_http": _is_plain(endpoint), "connect_timeout": "5s", "timeout": "5m"},
            retry_config={"max_retries": 6, "retry_timeout": timedelta(minutes=1), "backoff": backoff},
            credential_provider=credential_provider,
        )


def _client_config(endpoint: str | None, region: str | None, kms_key: str | None) -> Any:
    """The client's settings; what is left out it takes from the environment."""
    config: dict[str, Any] = {}
    if endpoint:
        config["endpoint"] = endpoint
        if environment.get("AWS_ENDPOINT_URL_S3"):
            config["aws_endpoint_url_s3"] = endpoint
    if region:
        config["region"] = region
    if kms_key:
        config |= {"server_side_encryption": "aws:kms", "sse_kms_key_id": kms_key, "sse_bucket_key_enabled": True}
    return config


def _is_plain(endpoint: str | None) -> bool:
    """Whether requests go to an `http://` URL, as emulators have."""
    given = endpoint or environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL") or ""
    return given.startswith("http://")


class S3Blobs:
    """`Blobs` in one bucket."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._obstore: Any = import_module("obstore")
        self._client = client
        self._base = f"s3://{bucket}/"

    def url(self, key: str) -> str:
        """The `s3://` URL of `key`, spelt as it is."""
        return self._base + urls.quote_marks(key)

    def key(self, url: str) -> str:
        """The key of `url`. Raises `StoreUrlError` for another bucket."""
        return urls.key_of(url, self._base, urls.quote_marks)

    def put(self, key: str, data: Data) -> None:
        """Store `data` by one request, or a multipart upload where it is long."""
        with self._errors(key, "write"):
            self._obstore.put(self._client, key, data, chunk_size=_PART_BYTES, max_concurrency=_PARTS_AT_ONCE)

    def create(self, key: str, data: Data) -> bool:
        """Store `data` by a conditional request."""
        with self._errors(key, "write"):
            try:
                self._obstore.put(self._client, key, data, mode="create")
            except self._obstore.exceptions.AlreadyExistsError:
                return False
        return True

    def get(self, key: str) -> memoryview:
        """All of the object, without a copy."""
        with self._errors(key, "read"):
            return memoryview(self._obstore.get(self._client, key).bytes())

    def get_range(self, key: str, offset: int, length: int) -> memoryview:
        """`length` bytes from `offset`, fewer where the object ends before, without a copy."""
        with self._errors(key, "read"):
            try:
                return memoryview(self._obstore.get_range(self._client, key, start=offset, length=length))
            except self._obstore.exceptions.GenericError as error:
                if "416 Range Not Satisfiable" not in str(error):
                    raise
                return memoryview(b"")

    def size(self, key: str) -> int | None:
        """Bytes of the object; None when there is none."""
        try:
            with self._errors(key, "read"):
                return int(self._obstore.head(self._client, key)["size"])
        except ObjectMissingError:
            return None

    def open_sink(self, key: str) -> S3Sink:
        """Begin an object that is written bit by bit."""
        return S3Sink(self, key)

    def withdraw(self, key: str) -> None:
        """Leave it: a step in the cloud needs no permission to delete, and never runs again once it is sealed."""

    def upload(self, key: str, parts: Iterator[bytes]) -> None:
        """Store the concatenation of `parts`, some of them in memory at a time; if they raise, store nothing."""
        self._obstore.put(self._client, key, parts, chunk_size=_PART_BYTES, max_concurrency=_PARTS_AT_ONCE)

    def _errors(self, key: str, operation: str) -> Any:
        return translated(self.url(key), operation)


class _AbandonedError(Exception):
    """Makes the client give up a multipart upload."""


class S3Sink:
    """`Sink` that collects a part at a time; from the second part on, a thread uploads what is there.

    `write` waits while several parts are under way, so memory stays flat.
    """

    def __init__(self, blobs: S3Blobs, key: str) -> None:
        self._blobs = blobs
        self._key = key
        self._pieces: list[bytes] = []
        self._bytes = 0
        self._upload: _Upload | None = None

    def write(self, data: bytes) -> None:
        """Add `data` at the end. Raises `StoreError` if an earlier part could not be uploaded."""
        self._pieces.append(data)
        self._bytes += len(data)
        if self._bytes > _PART_BYTES:
            self._send()

    def commit(self) -> None:
        """Make the object visible, whole. Raises `StoreError`, and then nothing is visible."""
        if self._upload is None:
            self._blobs.put(self._key, self._take())
            return
        self._send()
        with self._errors():
            self._upload.finish()

    def abort(self) -> None:
        """Forget the object and the parts uploaded so far; raises nothing."""
        self._pieces.clear()
        if self._upload is not None:
            self._upload.abandon()

    def _send(self) -> None:
        if self._upload is None:
            self._upload = _Upload(self._blobs, self._key)
        with self._errors():
            self._upload.add(self._take())

    def _take(self) -> bytes:
        data = b"".join(self._pieces)
        self._pieces = []
        self._bytes = 0
        return data

    def _errors(self) -> Any:
        return translated(self._blobs.url(self._key), "write")


class _Upload:
    """A multipart upload in a thread, fed from another one."""

    def __init__(self, blobs: S3Blobs, key: str) -> None:
        self._parts: SimpleQueue[bytes | _AbandonedError | None] = SimpleQueue()
        self._room = Semaphore(2)
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, args=(blobs, key), name="lokki-upload", daemon=True)
        self._thread.start()

    def add(self, data: bytes) -> None:
        """Hand over a part, waiting for room. Raises what went wrong with an earlier one."""
        self._room.acquire()
        self._raise()
        self._parts.put(data)

    def finish(self) -> None:
        """Complete the upload. Raises what went wrong."""
        self._parts.put(None)
        self._thread.join()
        self._raise()

    def abandon(self) -> None:
        """Give the upload up, unless it has ended; waits until the parts are gone."""
        self._parts.put(_AbandonedError())
        self._thread.join()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self, blobs: S3Blobs, key: str) -> None:
        try:
            blobs.upload(key, self._stream())
        except BaseException as error:
            self._error = error
        for _ in range(2):
            self._room.release()

    def _stream(self) -> Iterator[bytes]:
        while (part := self._parts.get()) is not None:
            if isinstance(part, _AbandonedError):
                raise part
            self._room.release()
            yield part
