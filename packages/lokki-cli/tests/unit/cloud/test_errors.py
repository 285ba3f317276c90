"""Every error of AWS's that a user can cause, as it comes over HTTP: one message, with a hint."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lokki_cli.aws import stacks
from lokki_cli.aws.artifacts import Bucket
from lokki_cli.aws.clients import AwsSettings, Clients
from lokki_cli.aws.errors import code_of, explained, translated
from lokki_cli.aws.registry import EcrRepository, image_digest, repository_exists
from lokki_cli.errors import (
    AccessDeniedError,
    CredentialsError,
    MissingResourceError,
    NameTakenError,
    NotDeployedError,
    OperationError,
    StackError,
    ThrottledError,
    UnreachableError,
)

from .servers import REGION, Gate, clients

Ask = Callable[[Clients], object]
ECR = EcrRepository("123456789012.dkr.ecr.us-east-1.amazonaws.com", "123456789012", REGION, "lokki")


def who(asked: Clients) -> object:
    return asked.identity


def look(asked: Clients) -> object:
    return stacks.find(asked, "birds-flow")


def execution(asked: Clients) -> object:
    with asked.about("run 'r1'"):
        return asked.stepfunctions.describe_execution(executionArn=f"arn:aws:states:{REGION}:1:execution:birds-flow:r1")


def check_bucket(asked: Clients) -> object:
    return Bucket(asked, "artifacts").exists()


def fetch(asked: Clients) -> object:
    return Bucket(asked, "artifacts").get("a/b")


def delete(asked: Clients) -> None:
    return stacks.delete(asked, "birds-flow")


def told(ask: Ask, asked: Clients, kind: type[OperationError]) -> str:
    with pytest.raises(OperationError) as caught:
        ask(asked)
    assert type(caught.value) is kind
    assert caught.value.exit_code == 1
    assert caught.value.__cause__ is not None
    return str(caught.value)


SIGN_IN = "Run: aws configure, aws sso login, or set AWS_PROFILE; --profile NAME chooses a profile."
DENIED = (
    "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: cloudformation:DescribeStacks on resource:"
    " arn:aws:cloudformation:us-east-1:123456789012:stack/birds-flow/* because no identity-based policy allows it"
)


@pytest.mark.parametrize(
    ("operation", "ask", "code", "message", "kind", "text"),
    [
        (
            "GetCallerIdentity",
            who,
            "ExpiredToken",
            "The security token included in the request is expired",
            CredentialsError,
            f"the AWS credentials have expired. {SIGN_IN}",
        ),
        (
            "GetCallerIdentity",
            who,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
            CredentialsError,
            f"AWS does not accept these credentials: The security token included in the request is invalid. {SIGN_IN}",
        ),
        (
            "DescribeExecution",
            execution,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
            CredentialsError,
            f"AWS does not accept these credentials: The security token included in the request is invalid. {SIGN_IN}",
        ),
        (
            "DescribeStacks",
            look,
            "AccessDenied",
            DENIED,
            AccessDeniedError,
            (
                "stack 'birds-flow': these credentials may not do cloudformation:DescribeStacks on"
                " arn:aws:cloudformation:us-east-1:123456789012:stack/birds-flow/*."
                " Ask whoever runs the account for it, or use another profile: --profile NAME."
            ),
        ),
        (
            "DescribeExecution",
            execution,
            "AccessDeniedException",
            "User: x is not authorized to perform: states:DescribeExecution",
            AccessDeniedError,
            (
                "run 'r1': these credentials may not do states:DescribeExecution."
                " Ask whoever runs the account for it, or use another profile: --profile NAME."
            ),
        ),
        (
            "GET /artifacts/a/b",
            fetch,
            "AccessDenied",
            "Access Denied",
            AccessDeniedError,
            (
                "s3://artifacts/a/b: these credentials may not do GetObject."
                " Ask whoever runs the account for it, or use another profile: --profile NAME."
            ),
        ),
        (
            "GET /artifacts/a/b",
            fetch,
            "NoSuchBucket",
            "The specified bucket does not exist",
            MissingResourceError,
            (
                "s3://artifacts/a/b: there is none in us-east-1 at URL."
                " Create it with: lokki-cli bootstrap; or correct aws.artifact_bucket."
            ),
        ),
        (
            "DescribeExecution",
            execution,
            "ExecutionDoesNotExist",
            "Execution Does Not Exist",
            MissingResourceError,
            "run 'r1': there is none in us-east-1 at URL. See which runs there are: lokki-cli show FLOW.",
        ),
        (
            "DescribeExecution",
            execution,
            "StateMachineDoesNotExist",
            "State Machine Does Not Exist",
            NotDeployedError,
            (
                "run 'r1': there is none in us-east-1 at URL."
                " Deploy the flow first, or correct --stack-name, --region or --profile."
            ),
        ),
        (
            "DeleteStack",
            delete,
            "ValidationError",
            "Stack [birds-flow] does not exist",
            NotDeployedError,
            (
                "stack 'birds-flow': there is none in us-east-1 at URL."
                " Deploy the flow first, or correct --stack-name, --region or --profile."
            ),
        ),
        (
            "DeleteStack",
            delete,
            "ValidationError",
            "Stack:arn:x is in UPDATE_IN_PROGRESS state and can not be updated.",
            StackError,
            "stack 'birds-flow': it is busy (UPDATE_IN_PROGRESS). Wait until that is done, then try again.",
        ),
        (
            "DeleteStack",
            delete,
            "OperationInProgressException",
            "Another operation is going on",
            StackError,
            "stack 'birds-flow': it is busy. Wait until that is done, then try again.",
        ),
        (
            "DescribeExecution",
            execution,
            "ExecutionAlreadyExists",
            "Execution Already Exists: 'r1'",
            NameTakenError,
            "run 'r1': the name is taken: Execution Already Exists: 'r1'. Choose another name.",
        ),
        (
            "DescribeImages",
            lambda asked: asked.ecr.describe_images(repositoryName="lokki"),
            "SomethingElse",
            "Really?",
            OperationError,
            "it: AWS refused DescribeImages, SomethingElse: Really?",
        ),
    ],
)
def test_what_aws_refuses(
    faults: Gate, operation: str, ask: Ask, code: str, message: str, kind: type[OperationError], text: str
) -> None:
    faults.refuse(operation, code, message)
    asked = clients(faults.url)

    def about(asked: Clients) -> object:
        with asked.about("it"):
            return ask(asked)

    assert told(about, asked, kind).replace(faults.url, "URL") == text


def test_a_stack_that_is_not_there_is_none(aws: Clients) -> None:
    assert stacks.find(aws, "birds-flow") is None
    with pytest.raises(NotDeployedError, match=r"stack 'birds-flow': there is none in us-east-1 at http.* Deploy the"):
        stacks.required(aws, "birds-flow")


def test_a_bucket_of_another_region(faults: Gate) -> None:
    faults.answers["HEAD /artifacts"] = _moved
    text = told(check_bucket, clients(faults.url), MissingResourceError)
    assert text == (
        "bucket 'artifacts': it is in eu-west-1, not in us-east-1."
        " Correct aws.region or --region, or use a bucket of that region."
    )


def _moved() -> Any:
    from .servers import Answer

    return Answer("PermanentRedirect", status=301, headers={"x-amz-bucket-region": "eu-west-1"})


def test_buckets_that_are_there_or_not(aws: Clients, bucket: Bucket, faults: Gate) -> None:
    assert bucket.exists()
    assert not Bucket(aws, "others").exists()
    faults.refuse("HEAD /artifacts", "403", status=403)
    with pytest.raises(AccessDeniedError, match=r"bucket 'artifacts': these credentials may not do s3:ListBucket\."):
        Bucket(clients(faults.url), "artifacts").exists()


def test_repositories_and_images_that_are_there_or_not(aws: Clients) -> None:
    assert not repository_exists(aws, ECR)
    assert image_digest(aws, ECR, "1") == ""
    aws.ecr.create_repository(repositoryName="lokki")
    assert repository_exists(aws, ECR)
    assert image_digest(aws, ECR, "1") == ""


def test_throttling_is_waited_out(faults: Gate) -> None:
    faults.refuse_times(3, "DescribeStacks", "Throttling", message="Rate exceeded")
    assert stacks.find(clients(faults.url), "birds-flow") is None
    assert faults.seen.count("DescribeStacks") == 4


def test_throttling_without_an_end() -> None:
    from botocore.exceptions import ClientError

    error = ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "DescribeStacks")
    found = translated(error, "stack 'x'", AwsSettings(REGION))
    assert type(found) is ThrottledError
    assert str(found) == (
        "stack 'x': AWS has answered nothing but 'ThrottlingException' for minutes."
        " Others use up the account's request rate; try again later."
    )


def test_trouble_of_awss_own() -> None:
    from botocore.exceptions import ClientError

    answer = {"Error": {"Code": "InternalFailure"}, "ResponseMetadata": {"HTTPStatusCode": 500}}
    found = translated(ClientError(answer, "DescribeStacks"), "stack 'x'", AwsSettings(REGION))
    assert str(found).startswith("stack 'x': AWS refused DescribeStacks, InternalFailure:")
    assert str(found).endswith("AWS has trouble of its own; try again later.")


def silent_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.mark.usefixtures("aws_url")
def test_an_endpoint_nobody_answers_at() -> None:
    url = f"http://127.0.0.1:{silent_port()}"
    assert told(who, clients(url), UnreachableError) == (
        f"nobody answers at {url} (EndpointConnectionError)."
        " Start the emulator, or correct aws.endpoint, LOKKI_AWS_ENDPOINT or AWS_ENDPOINT_URL."
    )


@pytest.mark.usefixtures("aws_url")
def test_aws_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{silent_port()}")
    text = told(who, Clients(AwsSettings("eu-west-9")), UnreachableError)
    assert text.startswith("AWS cannot be reached in eu-west-9: ")
    assert text.endswith("Check the network and proxy, and that aws.region names a region.")


@pytest.mark.usefixtures("aws_url")
def test_a_region_that_can_be_none() -> None:
    text = told(who, Clients(AwsSettings("no region")), UnreachableError)
    assert text == "there is no region 'no region'. Correct aws.region or --region."


def without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)


def test_no_credentials(aws_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    without_credentials(monkeypatch)
    assert told(who, Clients(AwsSettings(REGION)), CredentialsError) == f"there are no AWS credentials. {SIGN_IN}"
    with pytest.raises(CredentialsError, match="there are no AWS credentials"):
        Clients(AwsSettings(REGION)).credential_provider()
    emulated = clients(aws_url)  # an emulator believes everybody
    assert emulated.identity.account == "123456789012"
    assert emulated.credential_provider()["access_key_id"] == "test"


@pytest.mark.usefixtures("aws_url")
def test_incomplete_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    text = told(who, Clients(AwsSettings(REGION)), CredentialsError)
    assert text.startswith("the AWS credentials cannot be used: Partial credentials found")
    assert text.endswith(SIGN_IN)


@pytest.mark.usefixtures("aws_url")
def test_profiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    listed = "List them with: aws configure list-profiles"
    assert told(who, Clients(AwsSettings(REGION, "work")), CredentialsError) == (
        f"there is no AWS profile 'work'. {listed}"
    )
    monkeypatch.setenv("AWS_PROFILE", "home")
    assert told(who, Clients(AwsSettings(REGION)), CredentialsError) == (
        f"there is no AWS profile that AWS_PROFILE names. {listed}"
    )
    config = tmp_path / "config"
    config.write_text(
        "[profile work]\nsso_start_url = https://x.awsapps.com/start\nsso_region = us-east-1\n"
        "sso_account_id = 123456789012\nsso_role_name = dev\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("HOME", str(tmp_path))
    text = told(who, Clients(AwsSettings(REGION, "work")), CredentialsError)
    assert text == "the AWS sign-in has expired. Run: aws sso login --profile work"


def test_temporary_credentials_are_handed_on(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    assert aws.credential_provider() == {
        "access_key_id": "test",
        "secret_access_key": "test",
        "token": "session",
        "expires_at": None,
    }


def test_mistakes_of_ours_stay_what_they_are(aws: Clients) -> None:
    from botocore.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError), aws.about("it"):
        aws.s3.get_object(Bucket="artifacts")
    with pytest.raises(ZeroDivisionError), explained("it", AwsSettings(REGION)):
        raise ZeroDivisionError
    assert code_of(ZeroDivisionError()) == ""
