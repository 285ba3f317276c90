"""What flows are deployed into: made once, made again, written down."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from lokki_builder.cfn.read import read_template
from lokki_cli.aws import stacks
from lokki_cli.aws.artifacts import Bucket
from lokki_cli.aws.clients import AwsSettings, Clients
from lokki_cli.aws.lifecycle import expire_runs
from lokki_cli.errors import OperationError
from lokki_cli.ops import bootstrap
from lokki_cli.ops.bootstrap import STACK, Wanted

from .lokki import Lokki
from .scripted import stack
from .servers import ACCOUNT, REGION, Answer, Gate, clients
from .terminal import Terminal

NAME = f"lokki-{ACCOUNT}-{REGION}"


def test_it_is_made_once_and_written_down(lokki: Lokki, aws: Clients, aws_url: str) -> None:
    lokki.configure(endpoint=aws_url)
    done = lokki("bootstrap", "--confirm", "--write")
    assert done.code == 0, done.err
    assert done.out.endswith(f'bootstrapped\n[aws]\nartifact_bucket = "{NAME}"\n')
    assert f'artifact_bucket = "{NAME}"' in (lokki.folder.path / "lokki.toml").read_text()
    assert Bucket(aws, NAME).exists()
    again = lokki("bootstrap")
    assert (again.code, again.out.splitlines()[0]) == (0, "it is all there: nothing was changed")


def test_the_options_become_parameters(lokki: Lokki, aws: Clients) -> None:
    words = ["--bucket", "ours", "--keep-runs", "30", "--repository", "images", "--kms-key", "alias/k"]
    assert lokki("bootstrap", *words, "--confirm").code == 0
    assert stacks.required(aws, STACK).parameters == {
        "BucketName": "ours",
        "KmsKey": "alias/k",
        "RepositoryName": "images",
        "RequireTls": "false",
        "RunsRetentionDays": "30",
    }
    assert Bucket(aws, "ours").exists()
    assert aws.ecr.describe_repositories(repositoryNames=["images"])["repositories"]


def test_the_template_keeps_things_private_and_encrypted() -> None:
    """moto ignores most of these properties, so they are read where they stand."""
    resources = read_template(bootstrap.template())["Resources"]
    bucket, repository = resources["ArtifactBucket"], resources["ImageRepository"]
    assert all(bucket["Properties"]["PublicAccessBlockConfiguration"].values())
    assert bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert bucket["DeletionPolicy"] == repository["DeletionPolicy"] == "Retain"
    assert repository["Properties"]["ImageScanningConfiguration"] == {"ScanOnPush": True}
    (rule,) = json.loads(repository["Properties"]["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    assert rule["selection"]["tagStatus"] == "untagged"


@pytest.mark.parametrize("words", [["--dry-run"], []])
def test_nothing_is_left_of_what_was_not_wanted(
    lokki: Lokki, aws: Clients, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    done = lokki("bootstrap", *words)
    assert done.code == (0 if words else 1)
    assert "  + ArtifactBucket (S3::Bucket)" in done.out
    assert done.err.endswith("nothing was changed\n")
    assert stacks.find(aws, STACK) is None
    assert not Bucket(aws, NAME).exists()


def test_a_change_set_that_stays_behind_is_told(lokki: Lokki, faults: Gate) -> None:
    faults.refuse("DeleteChangeSet", "AccessDenied", "not authorized to perform: cloudformation:DeleteChangeSet")
    done = lokki("bootstrap", "--endpoint", faults.url, "--dry-run")
    assert done.code == 0, done.err
    assert "is left behind: stack 'lokki-bootstrap': these credentials may not do" in done.err


def test_json(lokki: Lokki, aws: Clients) -> None:
    refused = lokki("bootstrap", "--json")
    assert refused.code == 2
    assert stacks.find(aws, STACK) is None
    done = lokki("bootstrap", "--json", "--confirm")
    assert done.records[-1] == {"event": "result", "status": "made", "artifact_bucket": NAME}
    assert any(record["event"] == "changes" for record in done.records)


def test_a_lokki_yml_is_left_alone(lokki: Lokki, aws_url: str) -> None:
    (lokki.folder.path / "lokki.toml").unlink()
    lokki.folder.write("artifact_bucket: ours\n", "lokki.yml")
    done = lokki("bootstrap", "--endpoint", aws_url, "--confirm", "--write")
    assert done.code == 0, done.err
    assert "warning: the settings are for lokki.toml, but there is a lokki.yml: artifact_bucket" in done.err


def test_a_stack_that_could_not_be_made(lokki: Lokki, faults: Gate) -> None:
    faults.answers["DescribeStacks"] = lambda: stack("ROLLBACK_COMPLETE")
    done = lokki("bootstrap", "--endpoint", faults.url, "--confirm")
    assert done.code == 1
    assert done.err.splitlines()[-1] == (
        "error: stack 'lokki-bootstrap': it could not be made (ROLLBACK_COMPLETE)."
        " Delete it, then try again: aws cloudformation delete-stack --stack-name lokki-bootstrap"
    )


def test_what_is_there_already_is_used(lokki: Lokki, aws: Clients, aws_url: str, docker: object) -> None:
    assert lokki("bootstrap", "--confirm").code == 0
    lokki.configure(endpoint=aws_url)
    done = lokki("deploy", "birds_flow.py", "--confirm")
    assert done.code == 0, done.err
    assert "making the stack lokki-bootstrap" not in done.err
    assert f'artifact_bucket = "{NAME}"' in (lokki.folder.path / "lokki.toml").read_text()


def test_a_bucket_that_nobody_wants_made(
    lokki: Lokki, aws_url: str, docker: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    lokki.configure(endpoint=aws_url)
    done = lokki("deploy", "birds_flow.py")
    assert done.code == 1
    assert done.err.splitlines()[-1] == (
        "error: There is no bucket for data and builds: aws.artifact_bucket is not set."
        " Make it with: lokki-cli bootstrap"
    )


def test_aws_itself_gets_a_repository_and_wants_tls(monkeypatch: pytest.MonkeyPatch, aws_url: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws_url)
    parameters = Wanted().parameters(Clients(AwsSettings("eu-west-1")), None)
    assert parameters == {
        "BucketName": f"lokki-{ACCOUNT}-eu-west-1",
        "RepositoryName": "lokki",
        "RunsRetentionDays": "90",
        "KmsKey": "",
        "RequireTls": "true",
    }


def test_doing_it_again_keeps_what_is_not_said(lokki: Lokki, aws: Clients) -> None:
    lokki("bootstrap", "--bucket", "ours", "--keep-runs", "30", "--confirm")
    current = stacks.required(aws, STACK)
    assert Wanted(kms_key="k").parameters(aws, current) == {**current.parameters, "KmsKey": "k"}


def test_runs_expire_where_the_bucket_says_so(aws: Clients, bucket: Bucket) -> None:
    assert expire_runs(bucket, "birds/runs/") is None  # no tags
    aws.s3.put_bucket_tagging(Bucket=bucket.name, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert expire_runs(bucket, "birds/runs/") is None
    aws.s3.put_bucket_tagging(Bucket=bucket.name, Tagging=RETENTION)
    assert expire_runs(bucket, "birds/runs/") == 30
    assert expire_runs(bucket, "birds/runs/") is None  # it is there
    assert expire_runs(bucket, "bees/runs/") == 30
    rules = aws.s3.get_bucket_lifecycle_configuration(Bucket=bucket.name)["Rules"]
    assert [(rule["Filter"]["Prefix"], rule["Expiration"]["Days"]) for rule in rules] == [
        ("birds/runs/", 30),
        ("bees/runs/", 30),
    ]


RETENTION = {"TagSet": [{"Key": "lokki:runs-retention-days", "Value": "30"}]}


def test_a_deployment_does_not_fail_of_rules_that_may_not_be_set(
    lokki: Lokki, aws: Clients, faults: Gate, bucket: Bucket, docker: object
) -> None:
    aws.s3.put_bucket_tagging(Bucket=bucket.name, Tagging=RETENTION)
    faults.refuse("PUT /artifacts", "AccessDenied", status=403)
    lokki.configure(endpoint=faults.url, artifact_bucket="artifacts")
    done = lokki("deploy", "birds_flow.py", "--confirm")
    assert done.code == 0, done.err
    assert "warning: runs in the bucket will not expire: bucket 'artifacts': these credentials may not do" in done.err


def test_a_bucket_whose_tags_may_not_be_read_is_left_alone(bucket: Bucket, faults: Gate) -> None:
    faults.refuse("GET /artifacts", "AccessDenied", status=403)
    assert expire_runs(Bucket(clients(faults.url), "artifacts"), "birds/runs/") is None
    assert faults.seen == ["GET /artifacts"]


def test_other_answers_about_rules_are_errors(aws: Clients, bucket: Bucket, faults: Gate) -> None:
    aws.s3.put_bucket_tagging(Bucket=bucket.name, Tagging=RETENTION)
    asked = Bucket(clients(faults.url), "artifacts")
    faults.refuse("GET /artifacts", "Odd", status=400)
    with pytest.raises(OperationError, match="AWS refused GetBucketTagging, Odd"):
        expire_runs(asked, "birds/runs/")
    passed = iter([None])
    faults.answers["GET /artifacts"] = lambda: next(passed, Answer("Odd"))
    with pytest.raises(OperationError, match="AWS refused GetBucketLifecycleConfiguration, Odd"):
        expire_runs(asked, "birds/runs/")


def test_the_template_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "bootstrap.yaml"
    file.write_text(bootstrap.template(), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "cfnlint", "--format", "json", str(file)], capture_output=True, text=True, check=False
    )
    assert json.loads(done.stdout or "[]") == [], done.stdout


def test_the_packaged_image_is_that_of_the_repository() -> None:
    """The build context that ships is docker/runtime, file by file."""
    repository = Path(__file__).parents[5] / "docker" / "runtime"
    packaged = Path(str(files("lokki_cli") / "runtime_image"))

    def tree(folder: Path) -> dict[str, bytes]:
        found = (path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".whl", ".pyc"))
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}

    assert tree(packaged) == tree(repository)
    assert "Dockerfile" in tree(packaged)
