"""What lies in the bucket: zips, large templates, versions; and what is said where it is not there any more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lokki.config import LokkiConfig
from lokki.decorators import flow, step
from lokki.resolve import resolve
from lokki.testing import FakeClock
from lokki_builder import BuildPlan, BuildRequest, plan_build
from lokki_builder.limits import LIMITS
from lokki_builder.request import FlowFiles, Installed
from lokki_cli.aws import stacks
from lokki_cli.aws.artifacts import Bucket
from lokki_cli.aws.clients import Clients
from lokki_cli.aws.names import Names
from lokki_cli.errors import AccessDeniedError, MissingResourceError
from lokki_cli.ops import history
from lokki_cli.ops.deploy import Release, compared, deployed, upload
from lokki_cli.ops.events import Done
from lokki_cli.ops.images import FlowImage
from lokki_cli.ops.rollback import prepared
from lokki_cli.ops.stack import Template

from .servers import Answer, Gate, clients
from .test_stack import carried

NAMES = Names("line-flow", "line-flow")
CONFIG = LokkiConfig({"lambda.package_type": "zip", "aws.artifact_bucket": "artifacts"})


@step
def one() -> int:
    return 1


@flow
def line_flow() -> object:
    return one()


def built(source: bytes) -> BuildPlan:
    """The build of a zip of this source."""
    files = FlowFiles("line_flow", "line_flow.py", {"line_flow.py": source})
    return plan_build(BuildRequest(resolve(line_flow, {}), CONFIG, files, installed=Installed({"lokki.py": b""})))


def release(plan: BuildPlan, bucket: Bucket) -> Release:
    return Release.of_build(plan, CONFIG, NAMES, bucket)


def deploy(aws: Clients, plan: BuildPlan, bucket: Bucket, clock: FakeClock) -> list[str]:
    """Deploy a zip; what was done to it."""
    wanted = release(plan, bucket)
    ready = carried(compared(aws, wanted, clock))[1]
    told = carried(upload(plan, FlowImage.of(plan, CONFIG), Path("nowhere"), wanted, CONFIG, aws))[0]
    carried(deployed(aws, ready, clock))
    clock.advance(1)
    return [event.text for event in told if isinstance(event, Done)]


def test_a_zip_is_uploaded_once_and_gone_back_to(aws: Clients, bucket: Bucket) -> None:
    first, second, clock = built(b"1"), built(b"2"), FakeClock()
    url = f"s3://artifacts/{first.zip_key}"
    assert deploy(aws, first, bucket, clock) == [f"uploaded {url}"]
    assert bucket.get(first.zip_key) == first.files["lambdas/function.zip"]
    told = carried(upload(first, None, Path("nowhere"), release(first, bucket), CONFIG, aws))[0]
    assert told == [Done(f"the zip {url} is there already")]
    deploy(aws, second, bucket, clock)

    back = carried(prepared(aws, NAMES, CONFIG, bucket, None, clock))[1]
    assert back.proposal is not None
    assert back.release.restores == history.read(bucket, NAMES)[0].id
    aws.s3.delete_object(Bucket="artifacts", Key=first.zip_key)
    with pytest.raises(MissingResourceError, match=rf"{url}: it is not there any more\."):
        carried(prepared(aws, NAMES, CONFIG, bucket, None, clock))


def test_a_chosen_name_moves_the_zip(bucket: Bucket, aws: Clients) -> None:
    plan = built(b"1")
    chosen = Release.of_build(plan, CONFIG, Names("line-flow", "mine"), bucket)
    carried(upload(plan, None, Path("nowhere"), chosen, CONFIG, aws))
    assert bucket.keys("mine/artifacts/lambdas/") == [plan.zip_key.replace("line-flow/", "mine/")]


def test_a_large_template_goes_through_the_bucket(aws_url: str, bucket: Bucket) -> None:
    aws = clients(aws_url.replace("127.0.0.1", "localhost"))  # moto knows a bucket in a path by this name
    bucket = Bucket(aws, bucket.name)
    topic = {"Type": "AWS::SNS::Topic", "Metadata": {"Words": "x" * int(LIMITS["template_inline"].value)}}
    text = json.dumps({"Metadata": {"Lokki": {"Flow": "line-flow"}}, "Resources": {"Topic": topic}})
    assert Template(json.dumps({"Resources": {}}), "k").source(bucket) == {"TemplateBody": '{"Resources": {}}'}
    assert bucket.keys("") == []
    large = Template(text, NAMES.template_key("1f"))
    wanted = Release(NAMES, bucket, large, {}, {})
    ready = carried(compared(aws, wanted, FakeClock()))[1]
    assert bucket.get(large.key).decode() == text
    assert ready.proposal is not None
    carried(deployed(aws, ready, FakeClock()))
    assert [one.kind for one in stacks.resources(aws, "line-flow")] == ["AWS::SNS::Topic"]
    assert carried(compared(aws, wanted, FakeClock()))[1].up_to_date


def test_objects_are_encrypted_by_the_key_of_the_configuration(bucket: Bucket, aws: Clients) -> None:
    Bucket(aws, "artifacts", "alias/ours").put("a", b"x")
    found = aws.s3.head_object(Bucket="artifacts", Key="a")
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", "alias/ours")


def test_every_version_is_deleted(bucket: Bucket, aws: Clients) -> None:
    aws.s3.put_bucket_versioning(Bucket="artifacts", VersioningConfiguration={"Status": "Enabled"})
    for content in (b"1", b"2"):
        bucket.put("a/runs/x", content)
    aws.s3.delete_object(Bucket="artifacts", Key="a/runs/x")
    bucket.put("b", b"1")
    assert list(bucket.delete_all("a/")) == [3]
    left = aws.s3.list_object_versions(Bucket="artifacts")
    assert ([one["Key"] for one in left["Versions"]], left.get("DeleteMarkers")) == (["b"], None)
    assert list(bucket.delete_all("a/")) == []


def test_objects_that_may_not_be_deleted(bucket: Bucket, faults: Gate) -> None:
    bucket.put("a/x", b"1")
    error = "<Error><Key>a/x</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
    body = f"<DeleteResult>{error}</DeleteResult>".encode()
    faults.answers["POST /artifacts"] = lambda: Answer("", status=200, body=body)
    with pytest.raises(AccessDeniedError, match=r"s3://artifacts/a/x: it cannot be deleted \(Access Denied\)\. These"):
        list(Bucket(clients(faults.url), "artifacts").delete_all("a/"))
