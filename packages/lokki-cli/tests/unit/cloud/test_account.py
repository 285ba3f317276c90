"""AWS itself, not an emulator: registries Docker signs in to, base images by digest, repositories that are missing.

Each service's own endpoint variable leads to moto, so that `aws.endpoint` stays empty as it is with AWS.
"""

from __future__ import annotations

import pytest
from lokki.config import LokkiConfig
from lokki_cli.aws.artifacts import Bucket
from lokki_cli.aws.clients import AwsSettings, Clients
from lokki_cli.aws.registry import SignIn
from lokki_cli.ops import images

from .dockers import StandIn
from .lokki import Lokki
from .servers import ACCOUNT, REGION

REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
MANIFEST = '{"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "config": {}}'


@pytest.fixture
def account(aws_url: str, monkeypatch: pytest.MonkeyPatch) -> Clients:
    """Clients that know no endpoint of their own."""
    for service in ("STS", "S3", "CLOUDFORMATION", "ECR", "SFN"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", aws_url)
    found = Clients(AwsSettings(REGION))
    found.s3.create_bucket(Bucket="artifacts")
    return found


def push(account: Clients, repository: str, tag: str) -> str:
    """Put an image into a registry; its digest."""
    image = account.ecr.put_image(repositoryName=repository, imageManifest=MANIFEST, imageTag=tag)
    return str(image["image"]["imageId"]["imageDigest"])


def test_an_image_is_pushed_after_signing_in(lokki: Lokki, account: Clients, docker: StandIn) -> None:
    account.ecr.create_repository(repositoryName="lokki")
    lokki.configure(artifact_bucket="artifacts", image_repository=f"{REGISTRY}/lokki")
    done = lokki("deploy", "birds_flow.py", "--confirm", "--json")
    assert done.code == 0, done.err
    tag = done.records[-1]["parameters"]["ImageTag"]
    calls = [call.split()[0] for call in docker.calls]
    assert calls[-2:] == ["login", "push"]
    assert docker.called("login") == [f"login --username AWS --password-stdin {REGISTRY}"]
    assert docker.called("push") == [f"push {REGISTRY}/lokki:{tag}"]

    push(account, "lokki", tag)
    docker.forget()
    other = lokki("deploy", "birds_flow.py", "--env", "dev", "--confirm")
    assert other.code == 0, other.err
    assert docker.calls == []  # what the registry has needs no Docker


def test_what_the_registry_has_not_cannot_be_gone_back_to(lokki: Lokki, account: Clients, docker: StandIn) -> None:
    account.ecr.create_repository(repositoryName="lokki")
    lokki.configure(artifact_bucket="artifacts", image_repository=f"{REGISTRY}/lokki")
    first = lokki("deploy", "birds_flow.py", "--confirm", "--json").records[-1]["parameters"]["ImageTag"]
    lokki.write_flow("flying")
    assert lokki("deploy", "birds_flow.py", "--confirm").code == 0
    refused = lokki("rollback", "birds_flow.py", "--confirm")
    assert refused.code == 1
    assert refused.err.splitlines()[-1] == f"error: image 'lokki:{first}': it is not in the registry any more."
    push(account, "lokki", first)
    assert lokki("rollback", "birds_flow.py", "--confirm").code == 0


@pytest.mark.usefixtures("account", "docker")
@pytest.mark.parametrize(
    ("configured", "text"),
    [
        ({}, "There is no repository for images: aws.image_repository is not set."),
        ({"image_repository": f"{REGISTRY}/lokki"}, "There is no repository 'lokki' in us-east-1."),
    ],
)
def test_a_repository_that_is_missing(lokki: Lokki, configured: dict[str, str], text: str) -> None:
    lokki.configure(artifact_bucket="artifacts", **configured)
    done = lokki("deploy", "birds_flow.py", "--dry-run")
    assert done.code == 1
    assert done.err.splitlines()[-1] == f"error: {text} Make it with: lokki-cli bootstrap"


@pytest.mark.usefixtures("docker")
def test_other_registries_are_believed(lokki: Lokki, account: Clients) -> None:
    lokki.configure(artifact_bucket="artifacts", image_repository="registry.example/lokki")
    assert lokki("deploy", "birds_flow.py", "--dry-run").code == 0


def test_base_images_count_by_digest(account: Clients) -> None:
    account.ecr.create_repository(repositoryName="base")
    digest = push(account, "base", "1")

    def found(base: str, **more: str) -> str:
        return images.base_digest(LokkiConfig({"lambda.base_image": base, **more}), account)

    assert found(f"{REGISTRY}/base:1") == digest
    assert found(f"{REGISTRY}/base") == ""  # there is no `latest`
    assert found("") == found("python:3.12") == found(f"{REGISTRY}/base@sha256:1") == ""
    assert found(f"{REGISTRY}/base:1", **{"lambda.package_type": "zip"}) == ""


def test_a_base_image_of_a_registry_is_pulled_after_signing_in(lokki: Lokki, account: Clients, docker: StandIn) -> None:
    for name in ("base", "lokki"):
        account.ecr.create_repository(repositoryName=name)
    digest = push(account, "base", "1")
    lokki.configure(artifact_bucket="artifacts", image_repository=f"{REGISTRY}/lokki")
    before = (lokki.folder.path / "lokki.toml").read_text()
    lokki.folder.write(f'{before}[lambda]\nbase_image = "{REGISTRY}/base:1"\n', "lokki.toml")
    assert lokki("deploy", "birds_flow.py", "--confirm").code == 0
    assert [call.split()[0] for call in docker.calls][-4:] == ["login", "build", "login", "push"]
    dockerfile = (lokki.folder.path / "lokki-build" / "lambdas" / "Dockerfile").read_text()
    assert f"ARG BASE_IMAGE={REGISTRY}/base@{digest}" in dockerfile


def test_a_bucket_elsewhere_is_no_reason_to_make_another(lokki: Lokki, account: Clients) -> None:
    account.s3.create_bucket(Bucket="far", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    lokki.configure(artifact_bucket="far", image_repository="x/y")
    done = lokki("deploy", "birds_flow.py", "--dry-run")
    assert done.code == 1
    assert done.err.splitlines()[-1] == (
        "error: bucket 'far': it is in eu-west-1, not in us-east-1."
        " Correct aws.region or --region, or use a bucket of that region."
    )


def test_a_password_is_never_shown() -> None:
    assert "secret" not in repr(SignIn("reg", "AWS", "secret"))


def test_where_cloudformation_reads_a_template(account: Clients, aws_url: str) -> None:
    assert Bucket(account, "artifacts").http_url("a/b.yaml") == f"{aws_url}/artifacts/a/b.yaml"


@pytest.mark.usefixtures("account", "docker")
def test_a_repository_of_another_region(lokki: Lokki) -> None:
    lokki.configure(artifact_bucket="artifacts", image_repository=f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/lokki")
    done = lokki("deploy", "birds_flow.py", "--dry-run")
    assert done.code == 1
    assert done.err.splitlines()[-1] == (
        "error: repository 'lokki': it is in eu-west-1, and Lambda in us-east-1 takes no images from there."
        " Correct aws.image_repository, aws.region or --region."
    )


def test_a_base_image_may_be_in_another_region(account: Clients) -> None:
    far = Clients(AwsSettings("eu-west-1"))
    far.ecr.create_repository(repositoryName="base")
    digest = push(far, "base", "1")
    base = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/base:1"
    assert images.base_digest(LokkiConfig({"lambda.base_image": base}), account) == digest
