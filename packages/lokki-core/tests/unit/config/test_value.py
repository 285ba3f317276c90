"""The configuration as a value: typed, frozen, comparable, and able to travel to another process."""

from __future__ import annotations

import copy
import pickle

import pytest
from lokki.config import LokkiConfig
from lokki.config.schema import KEYS, TABLES, AwsConfig

from .conftest import Project


def test_attributes_are_typed() -> None:
    config = LokkiConfig({"lambda.timeout": 60, "lambda.vpc.subnets": ["s"], "aws.roles.lambda": "arn:l"})
    timeout: int = config.lambda_.timeout
    subnets: tuple[str, ...] = config.lambda_.vpc.subnets
    role: str = config.aws.roles.lambda_
    workers: int | None = config.local.workers
    vcpu: float = config.batch.vcpu
    assert (timeout, subnets, role, workers, vcpu) == (60, ("s",), "arn:l", None, 2)


def test_nothing_can_be_changed() -> None:
    config = LokkiConfig({"lambda.env": {"A": "1"}})
    for change in ("build_dir", "aws", "new"):
        with pytest.raises(AttributeError, match="frozen"):
            setattr(config, change, "x")
    with pytest.raises(AttributeError, match="frozen"):
        del config.aws.region
    with pytest.raises(TypeError):
        config.lambda_.env["B"] = "2"  # type: ignore[index]  # that it cannot is what is tested
    with pytest.raises(TypeError):
        hash(config)


def test_it_does_not_share_what_it_was_made_from() -> None:
    given = {"A": "1"}
    config = LokkiConfig({"lambda.env": given})
    given["A"] = "2"
    assert config.lambda_.env == {"A": "1"}


def test_equal_values_are_equal() -> None:
    one = LokkiConfig({"aws.region": "eu-west-1"})
    assert one == LokkiConfig({"aws.region": "eu-west-1"}, {"aws.region": "option"})
    assert one != LokkiConfig()
    assert one.batch == LokkiConfig().batch
    assert one.aws != LokkiConfig().aws
    assert one != one.aws
    assert one.lambda_.vpc != one.build


def test_it_survives_pickle_and_copy(project: Project) -> None:
    config = project.load("[lambda.env]\nA = '1'\n[aws]\necr_repo_prefix = 'r'\ntags = {a = 'b'}")
    for twin in (pickle.loads(pickle.dumps(config)), copy.deepcopy(config)):
        assert twin == config
        assert twin.warnings == config.warnings != ()
        assert twin.origin("lambda.env") == config.origin("lambda.env") != "default"
    assert pickle.loads(pickle.dumps(config.aws)) == config.aws


def test_tables_say_what_they_hold() -> None:
    assert set(TABLES) == {
        "aws",
        "aws.roles",
        "lambda",
        "lambda.vpc",
        "batch",
        "build",
        "local",
        "logging",
        "secrets",
        "include",
    }
    assert AwsConfig.KEYS["region"] is KEYS["aws.region"]
    assert all(table.__doc__ for table in TABLES.values())
