"""How things of a flow are called, which is how its template calls them."""

from __future__ import annotations

import pytest
from lokki.config import LokkiConfig
from lokki_cli.aws.clients import ATTEMPTS, AwsSettings, Clients
from lokki_cli.aws.names import Names
from lokki_cli.errors import CommandLineError


def test_all_names_follow_from_one() -> None:
    names = Names.of("birds-flow", LokkiConfig({"aws.environment": "dev"}))
    assert names == Names("birds-flow", "birds-flow-dev")
    assert (names.stack, names.state_machine, names.prefix) == ("birds-flow-dev", "birds-flow-dev", "birds-flow-dev/")
    assert names.runs == "birds-flow-dev/runs/"
    assert names.history == "birds-flow-dev/artifacts/deployments/"
    assert names.template_key("1f") == "birds-flow-dev/artifacts/templates/1f.yaml"
    assert names.function("get birds") == "birds-flow-dev-get-birds"
    assert names.function_log_group("flap") == "/aws/lambda/birds-flow-dev-flap"
    assert names.batch_log_group == "/aws/batch/birds-flow-dev"
    assert names.state_machine_log_group == "/aws/vendedlogs/states/birds-flow-dev"
    arn = names.state_machine_arn("aws-cn", "cn-north-1", "123456789012")
    assert arn == "arn:aws-cn:states:cn-north-1:123456789012:stateMachine:birds-flow-dev"


def test_a_chosen_name_wins() -> None:
    config = LokkiConfig({"aws.environment": "dev"})
    assert Names.of("birds-flow", config, "my-birds").deployed == "my-birds"


@pytest.mark.parametrize("name", ["", "1x", "a_b", "a b", "x" * 81])
def test_a_name_that_aws_would_refuse(name: str) -> None:
    with pytest.raises(CommandLineError, match=r"--stack-name '.*': a stack's name begins with a letter"):
        Names.of("birds-flow", LokkiConfig(), name)


def test_where_requests_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    config = LokkiConfig({"aws.region": "eu-west-1"})
    assert AwsSettings.from_config(config).place == "eu-west-1"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://here:1")
    assert AwsSettings.from_config(config, "work") == AwsSettings("eu-west-1", "work", "http://here:1")
    chosen = LokkiConfig({"aws.endpoint": "http://there:2"})
    assert AwsSettings.from_config(chosen).place == "us-east-1 at http://there:2"


def test_every_service_has_its_client() -> None:
    found = Clients(AwsSettings("eu-west-1"))
    made = {
        "cloudformation": found.cloudformation,
        "stepfunctions": found.stepfunctions,
        "s3": found.s3,
        "logs": found.logs,
        "ecr": found.ecr,
        "sts": found.sts,
        "lambda": found.lambda_,
        "batch": found.batch,
        "scheduler": found.scheduler,
    }
    for name, client in made.items():
        assert name in client.meta.endpoint_url or client.meta.service_model.service_name == name
        assert client.meta.region_name == "eu-west-1"
        assert client.meta.config.retries == {"mode": "adaptive", "total_max_attempts": ATTEMPTS}
