"""Deploying, going back and deleting, from the command line to an AWS over HTTP."""

from __future__ import annotations

import io
import json
import sys

import pytest
from lokki_cli.aws import stacks
from lokki_cli.aws.artifacts import Bucket
from lokki_cli.aws.clients import Clients

from .dockers import StandIn
from .lokki import Finished, Lokki
from .scripted import stack
from .servers import Gate
from .terminal import Terminal

TOPIC = {"Topic": {"Type": "AWS::SNS::Topic"}}


def test_the_life_of_a_flow(lokki: Lokki, aws: Clients, bucket: Bucket, docker: StandIn) -> None:
    first = lokki("deploy", "birds_flow.py", "--confirm")
    assert first.code == 0, first.err
    assert first.out.splitlines()[-3:] == [
        f"deployed birds-flow to us-east-1 at {aws.settings.endpoint}",
        "  state machine  arn:aws:states:us-east-1:123456789012:stateMachine:birds-flow",
        "  run it         lokki-cli invoke birds_flow.py --wait",
    ]
    assert "  + FlapFunction (Lambda::Function)" in first.out
    assert "built the base image lokki-runtime:0.1.0-py3.12" in first.err
    deployed = stacks.required(aws, "birds-flow")
    assert deployed.parameters["S3Bucket"] == "artifacts"
    assert len(docker.called("build")) == 2
    assert docker.called("push") == []
    kept = bucket.keys("birds-flow/")
    assert [key.split("/")[2] for key in kept] == ["deployments", "templates"]

    docker.forget()
    again = lokki("deploy", "birds_flow.py", "--confirm")
    assert (again.code, again.out) == (0, "birds-flow is up to date: nothing was changed\n")
    assert docker.calls == []
    assert bucket.keys("birds-flow/") == kept

    lokki.write_flow("flying")
    changed = lokki("deploy", "birds_flow.py", "--confirm")
    assert changed.code == 0, changed.err
    assert "  ~ FlapFunction (Lambda::Function)" in changed.out
    assert "built the base image" not in changed.err
    newer = stacks.required(aws, "birds-flow").parameters
    assert newer["ImageTag"] != deployed.parameters["ImageTag"]

    listed = lokki("rollback", "birds_flow.py", "--list")
    title, newest, older = listed.out.splitlines()
    assert title == "deployments on record, newest first; * is live"
    assert newest.startswith("* 20")
    assert older.startswith("  20")
    back = lokki("rollback", "birds_flow.py", "--confirm")
    assert back.code == 0, back.err
    assert "rolled birds-flow back to 20" in back.out
    assert stacks.required(aws, "birds-flow").parameters == deployed.parameters
    further = lokki("rollback", "birds_flow.py", "--confirm")
    assert further.code == 1
    assert further.err.endswith(
        "error: there is no earlier deployment on record. See: lokki-cli rollback FLOW --list\n"
    )

    bucket.put("birds-flow/runs/r1/get_birds/output.pkl.gz", b"x")
    gone = lokki("destroy", "birds_flow.py", "--confirm")
    assert gone.code == 0, gone.err
    assert "  - 2 Lambda functions" in gone.out
    assert "the data of all runs, and what was built: s3://artifacts/birds-flow/" in gone.out
    assert gone.out.endswith("destroyed birds-flow\n")
    assert stacks.find(aws, "birds-flow") is None
    assert bucket.has("birds-flow/runs/r1/get_birds/output.pkl.gz")


@pytest.mark.usefixtures("docker")
def test_a_stack_that_was_changed_by_other_means(lokki: Lokki, aws: Clients, bucket: Bucket) -> None:
    assert lokki("deploy", "birds_flow.py", "--confirm").code == 0
    made = stacks.required(aws, "birds-flow")
    aws.cloudformation.update_stack(
        StackName=made.name,
        TemplateBody=stacks.template(aws, "birds-flow") + "# by hand\n",
        Parameters=[{"ParameterKey": key, "UsePreviousValue": True} for key in made.parameters],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    listed = lokki("rollback", "birds_flow.py", "--list")
    assert [line[:4] for line in listed.out.splitlines()[1:]] == ["  20"]
    assert listed.err == "the stack is not as the last one left it: something else changed it since\n"


def test_a_dry_run_leaves_nothing(lokki: Lokki, aws: Clients, bucket: Bucket, docker: StandIn) -> None:
    done = lokki("deploy", "birds_flow.py", "--dry-run")
    assert done.code == 0, done.err
    assert "  + StateMachine (StepFunctions::StateMachine)" in done.out
    assert "permissions\n" in done.out
    assert "states\n" in done.out
    assert done.out.endswith("nothing was changed: this was a dry run\n")
    assert docker.calls == []
    assert bucket.keys("") == []
    found = stacks.find(aws, "birds-flow")
    assert found is None or found.status == "DELETE_COMPLETE"


@pytest.mark.usefixtures("docker", "bucket")
@pytest.mark.parametrize("words", [[], ["--json"]])
def test_without_anybody_to_ask_the_yes_has_to_be_given(lokki: Lokki, aws: Clients, words: list[str]) -> None:
    done = lokki("deploy", "birds_flow.py", *words)
    assert done.code == 2
    assert done.err.splitlines()[-1] == (
        f"error: this wants a yes (Deploy birds-flow to us-east-1 at {aws.settings.endpoint}, account 123456789012?),"
        " and there is nobody to ask. Say it with: --confirm"
    )
    assert stacks.find(aws, "birds-flow") is None


def test_json_for_scripts(lokki: Lokki, aws: Clients, bucket: Bucket, docker: StandIn) -> None:
    done = lokki("deploy", "birds_flow.py", "--env", "dev", "--confirm", "--json")
    assert done.code == 0, done.err
    *events, result = done.records
    assert {event["event"] for event in events} >= {"begun", "done", "changes", "output"}
    assert (result["status"], result["stack"], result["flow"]) == ("deployed", "birds-flow-dev", "birds-flow")
    assert bucket.has(f"birds-flow-dev/artifacts/deployments/{result['deployment']}.json")
    assert bucket.has(result["template"])
    record = json.loads(bucket.get(f"birds-flow-dev/artifacts/deployments/{result['deployment']}.json"))
    assert record["parameters"] == result["parameters"]
    assert record["by"] == aws.identity.arn
    assert lokki("deploy", "birds_flow.py", "--env", "dev", "--json").records[-1]["status"] == "up to date"
    listed = json.loads(lokki("rollback", "birds_flow.py", "--env", "dev", "--list", "--json").out)
    assert [(one["id"], one["current"]) for one in listed] == [(result["deployment"], True)]
    same = lokki("rollback", "birds_flow.py", "--env", "dev", "--to", result["deployment"], "--json")
    assert same.records[-1]["status"] == "up to date"
    gone = lokki("destroy", "birds_flow.py", "--env", "dev", "--confirm", "--json").records
    assert gone[-1] == {"event": "result", "status": "destroyed", "stack": "birds-flow-dev", "purged": False}


def test_a_chosen_name_is_the_name_of_everything(lokki: Lokki, aws: Clients, bucket: Bucket, docker: StandIn) -> None:
    done = lokki("deploy", "birds_flow.py", "--stack-name", "my-birds", "--image-tag", "v1", "--confirm", "--json")
    assert done.code == 0, done.err
    parameters = done.records[-1]["parameters"]
    assert (parameters["FlowName"], parameters["ImageTag"]) == ("my-birds", "v1")
    assert done.records[-1]["state_machine"] == "arn:aws:states:us-east-1:123456789012:stateMachine:my-birds"
    assert all(key.startswith("my-birds/") for key in bucket.keys(""))
    assert "lambda.image_tag is set" in done.err


def test_only_what_runs_left_is_purged(lokki: Lokki, aws: Clients, bucket: Bucket, docker: StandIn) -> None:
    lokki("deploy", "birds_flow.py", "--confirm")
    for key in ("birds-flow/runs/r1/a", "birds-flow/runs/r2/b", "birds-flow-dev/runs/r1/a"):
        bucket.put(key, b"x")
    done = lokki("destroy", "birds_flow.py", "--purge-runs", "--confirm")
    assert done.code == 0, done.err
    assert "deleted 2 objects of s3://artifacts/birds-flow/runs/" in done.err
    assert bucket.keys("birds-flow/runs/") == []
    assert len(bucket.keys("birds-flow/artifacts/")) == 2
    assert bucket.has("birds-flow-dev/runs/r1/a")


@pytest.mark.parametrize("command", ["destroy", "rollback"])
def test_what_is_not_deployed(lokki: Lokki, aws: Clients, command: str) -> None:
    done = lokki(command, "birds_flow.py", "--confirm")
    assert done.code == 1
    assert done.err.splitlines()[-1] == (
        f"error: stack 'birds-flow': there is none in us-east-1 at {aws.settings.endpoint}."
        " Deploy the flow first, or correct --stack-name, --env, --region or --profile."
    )


@pytest.mark.usefixtures("no_docker", "bucket")
def test_without_docker_nothing_is_begun(lokki: Lokki, aws: Clients) -> None:
    done = lokki("deploy", "birds_flow.py", "--confirm")
    assert done.code == 1
    assert "error: an image has to be built, but Docker is not installed. Install Docker, or ship zips" in done.err
    assert stacks.find(aws, "birds-flow") is None


@pytest.mark.usefixtures("bucket")
def test_a_base_image_for_another_processor(lokki: Lokki, docker: StandIn) -> None:
    docker.have("lokki-runtime:0.1.0-py3.12", "arm64")
    done = lokki("deploy", "birds_flow.py", "--confirm")
    assert done.code == 1
    assert done.err.splitlines()[-1] == (
        "error: the base image 'lokki-runtime:0.1.0-py3.12' is for arm64, but lambda.architecture wants amd64."
        " Build it anew: lokki-cli image --architecture x86_64"
    )


@pytest.mark.usefixtures("bucket")
def test_an_image_for_another_processor_than_this_machines(lokki: Lokki, docker: StandIn) -> None:
    lokki.folder.write(
        (lokki.folder.path / "lokki.toml").read_text() + '[lambda]\narchitecture = "arm64"\n', "lokki.toml"
    )
    done = lokki("deploy", "birds_flow.py", "--confirm")
    assert done.code == 0, done.err
    assert "warning: this machine's Docker runs amd64, the image is for arm64" in done.err
    assert "--platform linux/arm64" in docker.called("build")[-1]


@pytest.mark.usefixtures("bucket")
def test_a_build_that_fails_changes_nothing(lokki: Lokki, aws: Clients, docker: StandIn) -> None:
    docker.have("lokki-runtime:0.1.0-py3.12")
    docker.fail("build", "pip: no such package\n")
    done = lokki("deploy", "birds_flow.py", "--confirm")
    assert done.code == 1
    assert "could not be built:\npip: no such package" in done.err
    assert stacks.find(aws, "birds-flow") is None


@pytest.mark.usefixtures("bucket")
def test_images_are_pushed_once_and_nobody_signs_in_to_an_emulator(lokki: Lokki, aws_url: str, docker: StandIn) -> None:
    lokki.configure(endpoint=aws_url, artifact_bucket="artifacts", image_repository="127.0.0.1:5001/birds")
    assert lokki("deploy", "birds_flow.py", "--confirm").code == 0
    assert len(docker.called("push")) == 1
    assert docker.called("login") == []
    docker.forget()
    done = lokki("deploy", "birds_flow.py", "--env", "other", "--confirm")
    assert done.code == 0, done.err
    assert docker.called("push") == docker.called("build") == []


@pytest.mark.usefixtures("docker")
@pytest.mark.parametrize("words", [["--dry-run"], ["--confirm", "--json"]])
def test_no_bucket(lokki: Lokki, aws_url: str, words: list[str]) -> None:
    for configured, text in (
        ({}, "There is no bucket for data and builds: aws.artifact_bucket is not set."),
        ({"artifact_bucket": "ours"}, f"There is no bucket 'ours' in us-east-1 at {aws_url}."),
    ):
        lokki.configure(endpoint=aws_url, **configured)
        done = lokki("deploy", "birds_flow.py", *words)
        assert done.code == 1
        assert done.err.splitlines()[-1] == f"error: {text} Make it with: lokki-cli bootstrap"


@pytest.mark.usefixtures("docker")
def test_the_bucket_is_made_on_the_way(lokki: Lokki, aws_url: str, aws: Clients) -> None:
    lokki.configure(endpoint=aws_url)
    done = lokki("deploy", "birds_flow.py", "--confirm")
    assert done.code == 0, done.err
    text = (lokki.folder.path / "lokki.toml").read_text()
    assert 'artifact_bucket = "lokki-123456789012-us-east-1"' in text
    assert Bucket(aws, "lokki-123456789012-us-east-1").keys("birds-flow/artifacts/deployments/")
    assert "runs of this flow are deleted from the bucket after 90 days" in done.err
    lokki.write_flow("flying")
    assert lokki("deploy", "birds_flow.py", "--confirm").code == 0


@pytest.mark.usefixtures("docker", "bucket")
def test_a_stack_that_was_never_made_whole_is_deleted_first(lokki: Lokki, aws: Clients, faults: Gate) -> None:
    lokki.configure(endpoint=faults.url, artifact_bucket="artifacts")
    text = json.dumps({"Metadata": {"Lokki": {"Flow": "birds-flow"}}, "Resources": TOPIC})
    id = aws.cloudformation.create_stack(StackName="birds-flow", TemplateBody=text)["StackId"]
    looks = iter(range(1))
    faults.answers["DescribeStacks"] = lambda: (
        stack("ROLLBACK_COMPLETE", id=id) if next(looks, None) is not None else None
    )
    done = lokki("deploy", "birds_flow.py", "--confirm")
    assert "the stack birds-flow was never made whole (ROLLBACK_COMPLETE): it is deleted first" in done.err
    assert "DeleteStack" in faults.seen


@pytest.mark.usefixtures("docker", "bucket")
def test_a_kept_template_that_is_gone(lokki: Lokki, bucket: Bucket) -> None:
    lokki("deploy", "birds_flow.py", "--confirm")
    lokki.write_flow("flying")
    lokki("deploy", "birds_flow.py", "--confirm")
    for _ in bucket.delete_all("birds-flow/artifacts/templates/"):
        pass
    done = lokki("rollback", "birds_flow.py", "--confirm")
    assert done.code == 1
    assert "error: s3://artifacts/birds-flow/artifacts/templates/" in done.err
    assert "there is none" in done.err


@pytest.mark.usefixtures("docker", "bucket")
@pytest.mark.parametrize("command", ["deploy", "destroy"])
@pytest.mark.parametrize(
    ("metadata", "whose"),
    [({}, "it is not of lokki's making"), ({"Lokki": {"Flow": "bees-flow"}}, "it is of the flow 'bees-flow'")],
)
def test_a_stack_of_somebody_else_is_left_alone(
    lokki: Lokki, aws: Clients, command: str, metadata: dict[str, object], whose: str
) -> None:
    text = json.dumps({"Metadata": metadata, "Resources": TOPIC})
    aws.cloudformation.create_stack(StackName="birds-flow", TemplateBody=text)
    done = lokki(command, "birds_flow.py", "--confirm")
    assert done.code == 1
    assert done.err.splitlines()[-1] == (
        f"error: stack 'birds-flow': there is one of this name, and {whose}."
        " Choose another name: --stack-name NAME, or --env NAME."
    )
    assert [one.kind for one in stacks.resources(aws, "birds-flow")] == ["AWS::SNS::Topic"]


@pytest.mark.usefixtures("bucket")
def test_an_image_with_a_chosen_tag_is_built_whenever_the_code_changed(lokki: Lokki, docker: StandIn) -> None:
    words = ("deploy", "birds_flow.py", "--image-tag", "v1", "--confirm")
    assert lokki(*words).code == 0
    docker.forget()
    assert "up to date" in lokki(*words).out
    assert docker.calls == []
    lokki.write_flow("flying")
    assert lokki(*words).code == 0
    assert len(docker.called("build")) == 1


@pytest.mark.usefixtures("docker", "bucket")
def test_a_no_changes_nothing(lokki: Lokki, aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(command: str) -> Finished:
        monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
        return lokki(command, "birds_flow.py")

    refused = ask("deploy")
    assert refused.code == 1
    assert refused.err.endswith("nothing was changed\n")
    assert stacks.find(aws, "birds-flow") is None

    lokki("deploy", "birds_flow.py", "--confirm")
    lokki.write_flow("flying")
    lokki("deploy", "birds_flow.py", "--confirm")
    before = stacks.required(aws, "birds-flow").parameters
    for done in (ask("rollback"), ask("destroy")):
        assert done.code == 1
        assert "nothing was changed\n" in done.out + done.err
    assert lokki("rollback", "birds_flow.py", "--dry-run").out.endswith("nothing was changed: this was a dry run\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert lokki("rollback", "birds_flow.py").code == 2  # nobody to ask
    assert stacks.required(aws, "birds-flow").parameters == before
    left = aws.cloudformation.list_change_sets(StackName="birds-flow")["Summaries"]
    assert [one["ExecutionStatus"] for one in left] == ["EXECUTE_COMPLETE"] * 2


@pytest.mark.usefixtures("docker", "bucket")
def test_a_change_set_that_stays_behind_is_told(lokki: Lokki, faults: Gate) -> None:
    lokki.configure(endpoint=faults.url, artifact_bucket="artifacts")
    faults.refuse("DeleteChangeSet", "AccessDenied", "not authorized to perform: cloudformation:DeleteChangeSet")
    done = lokki("deploy", "birds_flow.py", "--dry-run")
    assert done.code == 0, done.err
    assert "warning: the change set lokki-20" in done.err
    assert (
        "is left behind: stack 'birds-flow': these credentials may not do cloudformation:DeleteChangeSet." in done.err
    )


def test_a_busy_stack_is_not_deleted(lokki: Lokki, faults: Gate) -> None:
    lokki.configure(endpoint=faults.url, artifact_bucket="artifacts")
    faults.answers["DescribeStacks"] = lambda: stack("UPDATE_IN_PROGRESS")
    done = lokki("destroy", "birds_flow.py", "--confirm")
    assert done.code == 1
    assert done.err.splitlines()[-1] == (
        "error: stack 'birds-flow': it is busy (UPDATE_IN_PROGRESS). Wait until that is done, then try again."
    )


@pytest.mark.usefixtures("docker", "bucket")
def test_runs_under_way_are_told_before_they_end(lokki: Lokki, aws: Clients) -> None:
    result = lokki("deploy", "birds_flow.py", "--confirm", "--json").records[-1]
    aws.stepfunctions.start_execution(stateMachineArn=result["state_machine"], name="r1", input="{}")
    done = lokki("destroy", "birds_flow.py", "--confirm")
    assert done.code == 0, done.err
    assert "  - 1 run under way\n" in done.out
