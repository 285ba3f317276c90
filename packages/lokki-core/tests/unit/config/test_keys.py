"""Every key of the documentation: where it can be set, what it is when it is not, what it refuses."""

from __future__ import annotations

import json
import math

import pytest
from lokki.config import LokkiConfig, Option, load_config
from lokki.config.schema import KEYS
from lokki.config.table import thaw, values_in
from lokki.errors import ConfigError

from .conftest import Project

ARN = "arn:aws:iam::123456789012:role/lokki"

DEFAULTS: dict[str, object] = {
    "build_dir": "lokki-build",
    "aws.artifact_bucket": "",
    "aws.image_repository": "",
    "aws.region": "us-east-1",
    "aws.endpoint": "",
    "aws.environment": "",
    "aws.kms_key": "",
    "aws.failure_topic": "",
    "aws.tags": {},
    "aws.policies": [],
    "aws.roles.pipeline": "",
    "aws.roles.lambda": "",
    "aws.roles.batch": "",
    "lambda.package_type": "image",
    "lambda.base_image": "",
    "lambda.image_tag": "",
    "lambda.timeout": 900,
    "lambda.memory": 512,
    "lambda.ephemeral_storage": 512,
    "lambda.architecture": "x86_64",
    "lambda.python": "3.12",
    "lambda.log_retention_days": 30,
    "lambda.env": {},
    "lambda.vpc.subnets": [],
    "lambda.vpc.security_groups": [],
    "batch.job_queue": "",
    "batch.job_definition_name": "",
    "batch.vcpu": 2,
    "batch.memory_mb": 4096,
    "batch.timeout_seconds": 3600,
    "batch.image": "",
    "batch.create_environment": False,
    "batch.subnets": [],
    "batch.security_groups": [],
    "batch.env": {},
    "build.dependencies": "image",
    "local.store_type": "local",
    "local.executor": "thread",
    "local.workers": None,
    "local.keep_runs": 10,
    "logging.level": "INFO",
    "logging.format": "human",
    "logging.progress_interval": 10,
    "logging.show_timestamps": True,
    "secrets.secret_arns": {},
    "include.paths": [],
}

STATEMENT: dict[str, object] = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": ["arn:aws:s3:::b/*"]}

EXAMPLES: dict[str, object] = {
    "build_dir": "out",
    "aws.artifact_bucket": "my-bucket",
    "aws.image_repository": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/flows",
    "aws.region": "eu-west-1",
    "aws.endpoint": "http://localhost:4566",
    "aws.environment": "dev",
    "aws.kms_key": "alias/lokki",
    "aws.failure_topic": "arn:aws:sns:eu-west-1:123456789012:failures",
    "aws.tags": {"team": "birds", "cost.center": "7"},
    "aws.policies": [STATEMENT],
    "aws.roles.pipeline": ARN,
    "aws.roles.lambda": ARN,
    "aws.roles.batch": ARN,
    "lambda.package_type": "zip",
    "lambda.base_image": "registry/base:1",
    "lambda.image_tag": "v1.2",
    "lambda.timeout": 60,
    "lambda.memory": 1024,
    "lambda.ephemeral_storage": 2048,
    "lambda.architecture": "arm64",
    "lambda.python": "3.13",
    "lambda.log_retention_days": 7,
    "lambda.env": {"API": "https://api.example.com"},
    "lambda.vpc.subnets": ["subnet-1", "subnet-2"],
    "lambda.vpc.security_groups": ["sg-1"],
    "batch.job_queue": "queue",
    "batch.job_definition_name": "definition",
    "batch.vcpu": 0.5,
    "batch.memory_mb": 8192,
    "batch.timeout_seconds": 60,
    "batch.image": "registry/batch:1",
    "batch.create_environment": True,
    "batch.subnets": ["subnet-3"],
    "batch.security_groups": ["sg-2"],
    "batch.env": {"MODE": "full"},
    "build.dependencies": "host",
    "local.store_type": "memory",
    "local.executor": "process",
    "local.workers": 4,
    "local.keep_runs": 1,
    "logging.level": "DEBUG",
    "logging.format": "json",
    "logging.progress_interval": 1,
    "logging.show_timestamps": False,
    "secrets.secret_arns": {"DB": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-a1:SecretString:user"},
    "include.paths": ["data/*.csv", "sql/**"],
}

VARIABLES = {
    "LOKKI_BUILD_DIR": "build_dir",
    "LOKKI_ARTIFACT_BUCKET": "aws.artifact_bucket",
    "LOKKI_IMAGE_REPOSITORY": "aws.image_repository",
    "LOKKI_ECR_REPO_PREFIX": "aws.image_repository",
    "LOKKI_AWS_REGION": "aws.region",
    "LOKKI_AWS_ENDPOINT": "aws.endpoint",
    "LOKKI_BATCH_JOB_QUEUE": "batch.job_queue",
    "LOKKI_BATCH_JOB_DEFINITION": "batch.job_definition_name",
    "LOKKI_STORE_TYPE": "local.store_type",
    "LOKKI_LOG_LEVEL": "logging.level",
}


def values_of(config: LokkiConfig) -> dict[str, object]:
    return {path: thaw(value) for path, value in values_in(config)}


def toml(path: str, value: object) -> str:
    """One dotted assignment; JSON is TOML for scalars and lists, and tables are spelled out."""
    if isinstance(value, dict):
        return "".join(f"{path}.{json.dumps(name)} = {json.dumps(entry)}\n" for name, entry in value.items())
    if path == "aws.policies" and isinstance(value, list):
        return "".join(f"[[{path}]]\n" + "".join(toml(name, part) for name, part in each.items()) for each in value)
    return f"{path} = {json.dumps(value)}\n"


def test_defaults() -> None:
    assert values_of(LokkiConfig()) == DEFAULTS
    assert values_of(load_config("/", env={}, home="/nowhere")) == DEFAULTS


def test_every_key_is_explained_and_tested() -> None:
    assert list(KEYS) == list(DEFAULTS) == list(EXAMPLES)
    assert all(key.doc.endswith(".") for key in KEYS.values())
    assert {name: path for path, key in KEYS.items() for name in key.env} == VARIABLES


@pytest.mark.parametrize("path", EXAMPLES)
def test_every_key_can_be_set_in_a_file(project: Project, path: str) -> None:
    config = project.load(toml(path, EXAMPLES[path]))
    assert values_of(config) == DEFAULTS | {path: EXAMPLES[path]}
    assert config.origin(path) == f"file {project.local_file}"


@pytest.mark.parametrize("path", EXAMPLES)
def test_every_key_can_be_set_by_an_option(project: Project, path: str) -> None:
    config = project.load(overrides={path: Option(EXAMPLES[path], "--it")})
    if path != "aws.tags":
        assert values_of(config) == DEFAULTS | {path: EXAMPLES[path]}
    assert config.origin(path) == "option --it"


@pytest.mark.parametrize(("variable", "path"), VARIABLES.items())
def test_every_variable_sets_its_key(project: Project, variable: str, path: str) -> None:
    config = project.load(toml(path, DEFAULTS[path] or "x"), env={variable: str(EXAMPLES[path])})
    assert values_of(config) == DEFAULTS | {path: EXAMPLES[path]}
    assert config.origin(path) == f"env {variable}"


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("lambda.timeout", "10", 10),
        ("local.workers", " 3 ", 3),
        ("batch.vcpu", "4", 4),
        ("batch.vcpu", "0.25", 0.25),
        ("batch.create_environment", "true", True),
        ("batch.create_environment", "On", True),
        ("batch.create_environment", "1", True),
        ("logging.show_timestamps", "false", False),
        ("logging.show_timestamps", "NO", False),
        ("logging.show_timestamps", "0", False),
        ("lambda.vpc.subnets", "subnet-1, subnet-2,", ["subnet-1", "subnet-2"]),
        ("include.paths", "", []),
        ("logging.level", "debug", "DEBUG"),
        ("lambda.env.A", "1", {"A": "1"}),
    ],
)
def test_texts_of_options_are_converted(project: Project, path: str, text: str, value: object) -> None:
    key = "lambda.env" if path.startswith("lambda.env") else path
    found = values_of(project.load(overrides={path: text}))[key]
    assert found == value
    assert type(found) is type(value)


SPELLINGS: dict[str, type | None] = {
    "5": int,
    "1.5": float,
    "true": bool,
    '"text"': str,
    '["text"]': list,
    "[1]": None,
    "{ a = {} }": None,
    "{ a = 1 }": None,
    "2020-02-02": None,
}
"""{a value in TOML: the type of default it fits; None for none}"""


def refused_by(path: str) -> list[str]:
    """The spellings that are no value of the key, from the type of its default and not from the checker."""
    allowed: tuple[type | None, ...] = (type(DEFAULTS[path]),)
    exceptions = {"batch.vcpu": (int, float), "local.workers": (int,), "aws.policies": ()}
    return [text for text, kind in SPELLINGS.items() if kind not in exceptions.get(path, allowed)]


@pytest.mark.parametrize("path", EXAMPLES)
def test_every_key_refuses_other_types(project: Project, path: str) -> None:
    for text in refused_by(path):
        with pytest.raises(ConfigError, match=r"must be|needs either|not an element") as caught:
            project.load(f"{path} = {text}\n")
        assert path in str(caught.value)
        assert f"from file {project.local_file}" in str(caught.value)


@pytest.mark.parametrize(
    ("path", "low", "high"),
    [
        ("lambda.timeout", 1, 900),
        ("lambda.memory", 128, 10240),
        ("lambda.ephemeral_storage", 512, 10240),
        ("batch.vcpu", 0.25, None),
        ("batch.memory_mb", 4, None),
        ("batch.timeout_seconds", 60, None),
        ("local.workers", 1, None),
        ("local.keep_runs", 1, None),
        ("logging.progress_interval", 1, None),
    ],
)
def test_bounds_are_allowed_and_what_lies_beyond_is_refused(
    project: Project, path: str, low: float, high: float | None
) -> None:
    for good in filter(None, (low, high, low + 1)):
        assert values_of(project.load(overrides={path: good}))[path] == good
    for bad in (low - 1, 0, -1, *([high + 1] if high else [])):
        with pytest.raises(ConfigError, match=f"at least {low}.*, not {bad}"):
            project.load(overrides={path: bad})


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_are_finite(project: Project, number: float) -> None:
    with pytest.raises(ConfigError, match=r"batch\.vcpu .*must be a number of vCPUs"):
        project.load(overrides={"batch.vcpu": number})


@pytest.mark.parametrize("days", [1, 30, 3653])
def test_retention_is_what_cloudwatch_allows(project: Project, days: int) -> None:
    assert project.load(overrides={"lambda.log_retention_days": days}).lambda_.log_retention_days == days
    with pytest.raises(ConfigError, match=f"must be 1, 3, 5, .* or 3653, not {days + 1}"):
        project.load(overrides={"lambda.log_retention_days": days + 1})


@pytest.mark.parametrize(
    ("path", "bad", "expected"),
    [
        ("build_dir", "", "must not be empty"),
        ("aws.region", "", "must not be empty"),
        ("aws.region", "EU West", "must be a region's name"),
        ("aws.artifact_bucket", "s3://bucket", "without s3://"),
        ("aws.artifact_bucket", "bucket/prefix", "without a path"),
        ("aws.image_repository", "https://registry/x", "without https://"),
        ("aws.endpoint", "localhost:4566", "a URL with http:// or https://"),
        ("aws.environment", "dev_1", "letters and digits"),
        ("aws.environment", "-dev", "letters and digits"),
        ("aws.failure_topic", "failures", "must be an ARN"),
        ("aws.roles.pipeline", "my-role", "must be an ARN"),
        ("lambda.image_tag", "a b", "must be an image tag"),
        ("lambda.package_type", "tar", 'must be "image" or "zip", not "tar"'),
        ("lambda.architecture", "arm", 'must be "x86_64" or "arm64"'),
        ("lambda.python", "2.7", 'must be "3.11", "3.12" or "3.13"'),
        ("build.dependencies", "x", 'must be "image" or "host"'),
        ("local.store_type", "s3", 'must be "local" or "memory"'),
        ("local.executor", "gpu", 'must be "thread" or "process"'),
        ("logging.level", "LOUD", 'must be "DEBUG", "INFO", "WARNING" or "ERROR"'),
        ("logging.format", "xml", 'must be "human" or "json"'),
        ("lambda.vpc.subnets", [""], "must be a text"),
        ("lambda.env", {"a-b": "x"}, "not a name that an environment variable can have"),
        ("batch.env", {"1A": "x"}, "not a name that an environment variable can have"),
        ("secrets.secret_arns", {"a b": ARN}, "not a name that an environment variable can have"),
        ("secrets.secret_arns", {"DB": "hunter2"}, "must be an ARN"),
    ],
)
def test_texts_have_their_shape(project: Project, path: str, bad: object, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected) as caught:
        project.load(overrides={path: bad})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("s3:*", r"aws.policies\[0\] \(from option\): must be an IAM statement \(a table\), not the text"),
        (STATEMENT | {"Effect": "allow"}, r'policies\[0\].Effect .*must be "Allow" or "Deny"'),
        (STATEMENT | {"NotAction": "x"}, "needs either Action or NotAction"),
        ({"Effect": "Deny", "Action": "x"}, "needs either Resource or NotResource"),
        (STATEMENT | {"Action": []}, r"policies\[0\].Action .*must be a text or a list of texts"),
        (STATEMENT | {"Resource": [1]}, r"policies\[0\].Resource .*must be a text or a list of texts"),
        (STATEMENT | {"Acton": "x"}, r"policies\[0\].Acton .*is not an element of an IAM statement"),
    ],
)
def test_policies_are_lists_of_statements(project: Project, statement: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        project.load(overrides={"aws.policies": [statement]})


def test_a_policy_is_plain_data_for_a_template(project: Project) -> None:
    full = STATEMENT | {"Sid": "Read", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    assert project.load(overrides={"aws.policies": [full]}).aws.policies == (full,)
    denied = {"Effect": "Deny", "NotAction": "s3:*", "NotResource": "*"}
    assert project.load(overrides={"aws.policies": (denied,)}).aws.policies == (denied,)
