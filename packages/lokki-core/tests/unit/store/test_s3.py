"""What only the S3 store promises: uploads in parts, errors of the network and of permissions, settings."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from lokki import environment
from lokki.errors import ConfigError, MissingPackageError, ObjectMissingError, StoreError
from lokki.store import s3
from lokki.store.pack import Row
from lokki.store.s3 import S3Store
from lokki.store.s3errors import explained

StoreMaker = Callable[..., S3Store]


@pytest.fixture
def client(s3_endpoint: str, s3_store: StoreMaker) -> Any:
    client = boto3.client("s3", endpoint_url=s3_endpoint)
    yield client
    client.close()


def uploads(client: Any) -> list[Any]:
    found: list[Any] = client.list_multipart_uploads(Bucket="artifacts").get("Uploads", [])
    return found


def noise(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield number.to_bytes(4, "big") + os.urandom(1024 * 1024)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "_PART_BYTES", 5 * 1024 * 1024)


@pytest.mark.usefixtures("small_parts")
def test_a_long_pack_is_uploaded_in_parts(s3_store: StoreMaker, client: Any, run_id: str) -> None:
    store = s3_store()
    items = list(noise(17))
    with store.open_pack("flow", run_id, "source") as pack:
        pack.extend(items)
        assert not store.exists(store.output_url("flow", run_id, "source"))
        ref = pack.seal()
    assert list(store.iter_pack(ref.url, store.read_manifest(ref.manifest_url))) == items
    assert store.read_batch(ref.url, ref.rows[9]) == [items[9]]
    etag = client.head_object(Bucket="artifacts", Key=ref.url.removeprefix("s3://artifacts/"))["ETag"]
    assert "-" in etag, "the tag of a multipart upload"
    assert uploads(client) == []


@pytest.mark.usefixtures("small_parts")
def test_a_long_pack_that_is_abandoned_leaves_no_parts(s3_store: StoreMaker, client: Any, run_id: str) -> None:
    store = s3_store()
    with store.open_pack("flow", run_id, "source") as pack:
        pack.extend(noise(12))
    assert not store.exists(store.output_url("flow", run_id, "source"))
    assert uploads(client) == []


@pytest.mark.usefixtures("small_parts")
def test_a_long_pack_into_a_missing_bucket(s3_store: StoreMaker, run_id: str) -> None:
    store = s3_store(bucket="no-such-bucket")
    with store.open_pack("flow", run_id, "source") as pack:
        with pytest.raises(StoreError, match="bucket does not exist"):
            pack.extend(noise(60))
        with pytest.raises(StoreError, match="bucket does not exist"):
            pack.seal()


@pytest.mark.usefixtures("small_parts")
def test_a_long_pack_that_fails_at_the_end(s3_store: StoreMaker, run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = s3_store()

    def upload(key: str, parts: Iterator[bytes]) -> None:
        for _ in parts:
            pass
        raise OSError("lost")

    monkeypatch.setattr(store._blobs, "upload", upload)
    with store.open_pack("flow", run_id, "source") as pack:
        pack.extend(noise(6))
        with pytest.raises(StoreError, match="lost"):
            pack.seal()
    assert not store.exists(store.manifest_url("flow", run_id, "source"))


def test_a_missing_bucket(s3_store: StoreMaker) -> None:
    store = s3_store(bucket="no-such-bucket")
    url = store.output_url("flow", "run", "step")
    attempts: list[Callable[[], object]] = [
        lambda: store.write("flow", "run", "step", 1),
        lambda: store.create_bindings("flow", "run", 1),
        lambda: store.read(url),
    ]
    for attempt in attempts:
        with pytest.raises(StoreError, match=r"the bucket does not exist\. Check its name and the region") as caught:
            attempt()
        assert not isinstance(caught.value, ObjectMissingError)
        assert caught.value.url.startswith("s3://no-such-bucket/flow/")
        assert caught.value.__cause__ is not None


def test_nobody_listens(s3_store: StoreMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    _no_retries(monkeypatch)
    store = s3_store(endpoint="http://127.0.0.1:9")
    with pytest.raises(StoreError, match=r"S3 cannot be reached\. Check the network, the endpoint"):
        store.write("flow", "run", "step", 1)
    with pytest.raises(StoreError, match="cannot be reached"):
        store.exists(store.output_url("flow", "run", "step"))


def _no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting is what the client does between tries; it has no clock to be given."""
    import obstore.store

    real = obstore.store.S3Store

    def impatient(*args: Any, **options: Any) -> Any:
        assert 3 <= options["retry_config"]["max_retries"] <= 10
        return real(*args, **{**options, "retry_config": {"max_retries": 0}})

    monkeypatch.setattr(obstore.store, "S3Store", impatient)


Answer = tuple[int, str]


@pytest.fixture
def answering() -> Iterator[Callable[[Answer], str]]:
    """Starts a server that gives every request the same answer; returns its URL."""
    servers: list[http.server.HTTPServer] = []

    def start(answer: Answer) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                requests.append(dict(self.headers.items()))
                body = b"" if self.command == "HEAD" else f"<Error><Code>{answer[1]}</Code></Error>".encode()
                self.send_response(answer[0])
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = do_HEAD = do_POST = answer  # noqa: N815  # the base class wants these names

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
    requests.clear()


requests: list[dict[str, str]] = []


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((403, "AccessDenied"), "access is denied. The role or user needs s3:GetObject"),
        ((403, "ExpiredToken"), "the AWS credentials have expired. Log in again"),
        ((403, "InvalidAccessKeyId"), "AWS does not accept the credentials"),
        ((403, "SignatureDoesNotMatch"), "AWS does not accept the credentials"),
        ((301, "PermanentRedirect"), "the bucket is in another region. Set aws.region"),
        ((400, "KMS.NotFoundException"), "the KMS key cannot be used"),
        ((503, "SlowDown"), "S3 is busy"),
        ((418, "Teapot"), "418"),
    ],
)
def test_what_s3_answers_is_said_in_a_sentence(
    s3_store: StoreMaker,
    answering: Callable[[Answer], str],
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer,
    message: str,
) -> None:
    _no_retries(monkeypatch)
    store = s3_store(endpoint=answering(answer))
    for attempt in (
        lambda: store.write("flow", "run", "step", 1),
        lambda: store.read(store.output_url("flow", "run", "step")),
        lambda: store.read_batch(store.output_url("flow", "run", "step"), Row(0, 1, 0, 9)),
    ):
        with pytest.raises(StoreError) as caught:
            attempt()
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
        assert caught.value.url == "s3://artifacts/flow/runs/run/step/output.pkl.gz"


def test_a_look_that_is_denied_is_an_error(s3_store: StoreMaker, answering: Callable[[Answer], str]) -> None:
    store = s3_store(endpoint=answering((403, "")))
    with pytest.raises(StoreError, match="access is denied"):
        store.exists(store.output_url("flow", "run", "step"))


def test_no_credentials(
    s3_store: StoreMaker, answering: Callable[[Answer], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = s3_store()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", answering((404, "")))
    store = s3_store()
    with pytest.raises(StoreError, match=r"no AWS credentials were found\. Set AWS_ACCESS_KEY_ID"):
        store.write("flow", "run", "step", 1)


def test_credentials_from_a_provider(s3_store: StoreMaker, monkeypatch: pytest.MonkeyPatch, run_id: str) -> None:
    calls: list[int] = []

    def provide() -> dict[str, Any]:
        calls.append(1)
        return {"access_key_id": "a", "secret_access_key": "b", "token": None, "expires_at": None}

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    store = s3_store(credential_provider=provide)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert store.read(store.write("flow", run_id, "step", 1)) == 1
    assert calls


def test_a_provider_that_fails(s3_store: StoreMaker) -> None:
    def provide() -> dict[str, Any]:
        raise RuntimeError("the session is over")

    with pytest.raises(StoreError):
        s3_store(credential_provider=provide).write("flow", "run", "step", 1)


def test_encryption_is_asked_for(s3_store: StoreMaker, answering: Callable[[Answer], str]) -> None:
    endpoint = answering((403, "AccessDenied"))
    with pytest.raises(StoreError):
        s3_store(endpoint=endpoint).write("flow", "run", "step", 1)
    assert "x-amz-server-side-encryption" not in requests[-1]
    with pytest.raises(StoreError):
        s3_store(endpoint=endpoint, kms_key="alias/lokki").write("flow", "run", "step", 1)
    assert requests[-1]["x-amz-server-side-encryption"] == "aws:kms"
    assert requests[-1]["x-amz-server-side-encryption-aws-kms-key-id"] == "alias/lokki"


def test_the_region_is_signed_for(
    s3_store: StoreMaker, answering: Callable[[Answer], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = answering((403, "AccessDenied"))
    for options, region in (({"region": "eu-north-1"}, "eu-north-1"), ({}, "us-east-1")):
        with pytest.raises(StoreError):
            s3_store(endpoint=endpoint, **options).write("flow", "run", "step", 1)
        assert f"/{region}/s3/" in requests[-1]["authorization"]


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_the_endpoint_of_the_environment(
    s3_store: StoreMaker, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch, run_id: str, variable: str
) -> None:
    monkeypatch.setenv(variable, s3_endpoint)
    store = s3_store(endpoint=None)
    assert store.read(store.write("flow", run_id, "step", 1)) == 1
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    store = s3_store(endpoint=s3_endpoint)
    assert store.read(store.write("flow", run_id, "step", 2)) == 2


def test_the_bucket_of_the_environment(s3_store: StoreMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOKKI_ARTIFACT_BUCKET", raising=False)
    with pytest.raises(ConfigError, match=r"aws\.artifact_bucket: no bucket is set\. Set it in lokki\.toml"):
        s3_store(bucket=None)
    monkeypatch.setenv("LOKKI_ARTIFACT_BUCKET", "from-environment")
    store = s3_store(bucket=None)
    assert store.bucket == "from-environment"
    assert store.output_url("flow", "run", "step") == "s3://from-environment/flow/runs/run/step/output.pkl.gz"


def test_without_the_client(s3_store: StoreMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("obstore", "obstore.store"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingPackageError, match=r"pip install 'lokki-core\[s3\]'"):
        s3_store()


def test_the_client_is_imported_with_the_first_store() -> None:
    code = "import sys, lokki.store, lokki.store.s3; print('obstore' in sys.modules)"
    variables = {**environment.variables(), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=variables)
    assert done.stdout.strip() == "False"


def test_an_error_without_words() -> None:
    error = explained(ValueError(""), "s3://bucket/key", "read")
    assert str(error) == "s3://bucket/key: ValueError."
