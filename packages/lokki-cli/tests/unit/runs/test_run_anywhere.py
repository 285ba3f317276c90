"""`lokki.Run` looks on this machine and on AWS."""

from __future__ import annotations

import pytest
from lokki import Run
from lokki.errors import ConfigError, LokkiError, ObjectMissingError
from lokki.runner.local import LocalRunner
from lokki_cli.discover import load_flow
from lokki_cli.ops.deployedrun import DeployedRun
from lokki_cli.ops.invoke import start
from lokki_cli.runs import deployed_run

from ..conftest import Folder
from .deployed import BUCKET, Cloud
from .flows import BIRDS


def test_lokki_run_finds_deployed_runs(here: Folder, aws: Cloud, in_aws: None) -> None:
    here.write(BIRDS)
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    start(flow.place, {}, "r")
    assert Run("birds_flow", "r").result == "flappy goose, flappy duck, flappy seagull"
    assert Run("birds-flow", "r", deployed=True)["flap"][0].output == "flappy goose"
    with pytest.raises(LokkiError, match=r"no runs of flow 'birds-flow' were found"):
        Run("birds-flow", "r", deployed=False)
    with pytest.raises(ObjectMissingError, match=r"no runs of flow.*Nor is it on AWS: .*has no run 'x'"):
        Run("birds-flow", "x")
    local, _ = load_flow("birds_flow.py")
    LocalRunner().run(local, {"limit": 1}, run_id="r")
    assert Run("birds-flow", "r").result == "flappy goose"
    assert Run("birds-flow", "r", deployed=True).result == "flappy goose, flappy duck, flappy seagull"


def test_lokki_run_asks_nobody_where_no_bucket_is_configured(
    here: Folder, aws: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOKKI_AWS_ENDPOINT", aws.url)
    told = r"no runs of flow 'f' were found.*AWS was not asked: aws.artifact_bucket: no bucket is set"
    with pytest.raises(LokkiError, match=told):
        Run("f", "r")
    assert aws.seen == []
    monkeypatch.setenv("LOKKI_ARTIFACT_BUCKET", BUCKET)
    deployed_run("f", "r")
    assert aws.seen == []


def test_the_bucket_may_be_missing(here: Folder, aws: Cloud) -> None:
    here.write(BIRDS)
    flow = aws.deploy(here.path, "birds_flow.py", "birds_flow")
    start(flow.place, {}, "r")
    place = type(flow.place)(flow.place.names, flow.place.clients, "")
    with pytest.raises(ConfigError, match="no bucket is set"):
        _ = Run("birds-flow", "r", backend=DeployedRun(place, "r")).result
