"""One image, one step: events by hand against the emulator, what the image holds, and how failures are told."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from e2e_support.containers import Containers
from e2e_support.deployed import BuildFlow, Deploy, build_flow, load_flow
from e2e_support.docker import Docker, DockerError
from e2e_support.places import PYTHON, flow_file
from e2e_support.storage import BUCKET
from e2e_support.values import RunLocally
from lokki.wire import FlowContext, LambdaEvent

OPTED_OUT = ("pip", "setuptools", "gcc", "cc", "uv")
"""Programs and packages that only installing needs."""


def event(run_id: str, node: str, path: tuple[int, ...] = (), given: Any = None) -> dict[str, Any]:
    return LambdaEvent(FlowContext(run_id, {}), node, path, given).to_dict()


def test_each_step_answers_an_event(deploy: Deploy, run_locally: RunLocally) -> None:
    """The events a state machine would send, one after another; the last object is the local run's result."""
    flow = deploy("birds_flow")
    store = flow.store
    first = flow.function("get_birds").invoke(event("by-hand", "get_birds")).body
    assert first["manifest"] == {
        "bucket": BUCKET,
        "key": "birds-flow/runs/by-hand/get_birds/map_manifest.json",
        "count": 3,
    }
    manifest = store.manifest_url("birds-flow", "by-hand", "get_birds")
    for row in store.read_manifest(manifest):
        answer = flow.function("flap_bird").invoke(event("by-hand", "flap_bird", (row.first,), row.to_dict()))
        assert answer.body["url"] == store.output_url("birds-flow", "by-hand", "flap_bird", path=(row.first,))
    last = flow.function("join_birds").invoke(event("by-hand", "join_birds", (), manifest)).body
    assert (last["v"], last["node"], last["skipped"]) == (1, "join_birds", False)
    assert store.read(last["url"]) == run_locally(flow.built.flow).result == "flappy goose, flappy duck, flappy seagul"


def test_a_step_that_is_done_is_skipped(deploy: Deploy) -> None:
    function = deploy("birds_flow").function("get_birds")
    assert [function.invoke(event("again", "get_birds")).body["skipped"] for _ in range(2)] == [False, True]


def test_log_lines_are_json(deploy: Deploy) -> None:
    function = deploy("birds_flow").function("get_birds")
    function.invoke(event("logged", "get_birds"))
    lines = [json.loads(line) for line in function.logs().splitlines() if line.startswith("{")]
    assert ("logged", "get_birds") in {(line.get("run_id"), line.get("node")) for line in lines}


# How failures are told


@pytest.mark.parametrize(
    ("mood", "outcome", "kind", "said"),
    [
        ("hopeless", "LokkiFatal", "failing_flow.TooDeepError", "there is a rock: Ünïcode 🪨"),
        ("unlucky", "LokkiRetryable", "ConnectionError", "the line is dead"),
        ("unpicklable", "LokkiFatal", "", "pickle"),
    ],
)
def test_an_error_carries_its_kind_and_the_authors_traceback(
    deploy: Deploy, mood: str, outcome: str, kind: str, said: str
) -> None:
    flow = deploy("failing_flow")
    run_id = f"by-hand-{mood}"
    flow.function("begin").invoke({**event(run_id, "begin"), "flow": {"run_id": run_id, "params": {"mood": mood}}})
    url = flow.store.output_url(flow.name, run_id, "begin")
    body = flow.function("fail").invoke(event(run_id, "fail", (), url)).body
    assert body["errorType"] == outcome
    record = json.loads(body["errorMessage"])
    assert kind in record["error_type"]
    assert said in record["error_message"] + record["message"]
    stored = flow.store.read_error(flow.name, run_id, "fail")
    assert stored is not None
    assert stored["error_type"] == record["error_type"]
    if mood == "hopeless":
        frames = [line.strip() for line in record["traceback"].splitlines() if line.strip().startswith("File ")]
        assert len(frames) == 5
        assert all('"/var/task/failing_flow.py"' in frame for frame in frames)


def test_a_fatal_error_ends_the_execution_at_once(deploy: Deploy) -> None:
    flow = deploy("failing_flow")
    done = flow.run({"mood": "hopeless"})
    assert (done.status, done.error, len(flow.function("fail").events)) == ("FAILED", "LokkiFatal", 1)
    assert "there is a rock" in (done.cause or "")


def test_a_retryable_error_ends_it_when_the_policy_is_used_up(deploy: Deploy) -> None:
    flow = deploy("failing_flow")
    done = flow.run({"mood": "unlucky"})
    assert (done.status, done.error, len(flow.function("fail").events)) == ("FAILED", "LokkiFatal", 2)
    record = flow.store.read_error(flow.name, done.name, "fail")
    assert record is not None
    assert (record["error_type"], record["attempts"]) == ("ConnectionError", 2)


def test_a_parameter_nobody_knows_ends_it_before_any_step(deploy: Deploy) -> None:
    flow = deploy("failing_flow")
    done = flow.run({"mod": "fine"})
    assert (done.status, done.error) == ("FAILED", "LokkiFatal")
    assert "mod" in (done.cause or "")
    assert flow.function("fail").events == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"v": 99}, "wire version"),
        ({"v": 1}, "malformed"),
        (event("bad", "flap_bird", (), None), "flap_bird"),
        (event("bad", "join_birds", (), f"s3://{BUCKET}/birds-flow/runs/none/x/map_manifest.json"), "join_birds"),
    ],
)
def test_an_event_that_cannot_be_answered(deploy: Deploy, given: dict[str, Any], said: str) -> None:
    answer = deploy("birds_flow").function("get_birds").invoke(given)
    assert answer.error == "LokkiFatal"
    assert said in answer.body["errorMessage"]


# What is inside


def test_the_image_checks_itself(build: BuildFlow, containers: Containers) -> None:
    done = containers.run(build("birds_flow").plan.image, "python", "-m", "lokki_runtime", "check")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_a_flow_that_does_not_import_there_makes_no_image(docker: Docker, runtime_image: str, tmp_path: Path) -> None:
    """What the last line of the Dockerfile is for: here PyYAML is installed, in the image it is not."""
    file = tmp_path / "undeclared_flow.py"
    text = flow_file("birds_flow").read_text(encoding="utf-8")
    file.write_text(text.replace("birds_flow", "undeclared_flow").replace("from lokki", "import yaml\nfrom lokki", 1))
    with pytest.raises(DockerError, match=r"undeclared_flow.*No module named 'yaml'"):
        build_flow(docker, load_flow(file, "undeclared_flow"), tmp_path, {})


def test_the_command_line_builds_the_same(build: BuildFlow, tmp_path: Path) -> None:
    """`python birds_flow.py build`, with the tests' configuration in a file."""
    shutil.copy(flow_file("birds_flow"), tmp_path)
    (tmp_path / "lokki.toml").write_text(
        f'[lambda]\npython = "{PYTHON}"\nmemory = 256\n[build]\ndependencies = "host"\n[batch]\njob_queue = "queue"\n'
    )
    subprocess.run([sys.executable, "birds_flow.py", "build"], cwd=tmp_path, check=True, capture_output=True)
    written = tmp_path / "lokki-build"
    files = {str(path.relative_to(written)): path.read_bytes() for path in written.rglob("*") if path.is_file()}
    assert files == dict(build("birds_flow").plan.files)


def test_without_lambda_and_its_emulator_it_says_so(build: BuildFlow, containers: Containers) -> None:
    done = containers.run(build("birds_flow").plan.image)
    assert done.code == 2
    assert "there is no Lambda to serve here" in done.err


def test_nothing_but_tmp_is_written_to(build: BuildFlow, containers: Containers) -> None:
    script = "touch /tmp/fine && ! touch /var/task/x /opt/lokki/x /home/x 2>/dev/null && id -u"
    done = containers.run(build("birds_flow").plan.image, "sh", "-c", script)
    assert (done.code, done.out.strip()) == (0, "993")


def test_labels_and_user(build: BuildFlow, docker: Docker) -> None:
    config = docker.inspect("image", build("birds_flow").plan.image)["Config"]
    assert config["User"] == "1000:1000"
    assert config["Labels"]["io.lokki.flow"] == "birds-flow"
    assert config["Labels"]["io.lokki.wire"] == "1"
    assert config["Labels"]["org.opencontainers.image.licenses"] == "MIT"


def test_nothing_that_only_installing_needs(runtime_image: str, containers: Containers) -> None:
    found = f"command -v {' '.join(OPTED_OUT)}; python -c 'import pip'; "
    found += "find / -xdev \\( -name '*.whl' -o -path '*/.cache/*' -o -path '/opt/*/tests/*' \\) 2>/dev/null"
    done = containers.run(runtime_image, "sh", "-c", found)
    assert done.out == ""
    assert "No module named 'pip'" in done.err


def test_byte_code_is_never_checked_against_its_source(build: BuildFlow, containers: Containers) -> None:
    """Each module has some, so that a cold start compiles nothing."""
    script = (
        "import pathlib, importlib.util as u\n"
        "files = [f for r in ('/var/task', '/opt/lokki') for f in pathlib.Path(r).rglob('*.py')]\n"
        "codes = [pathlib.Path(u.cache_from_source(str(f))).read_bytes()[4:8] for f in files]\n"
        "print(len(codes) > 100, {int.from_bytes(c, 'little') for c in codes})\n"
    )
    done = containers.run(build("birds_flow").plan.image, "python", "-c", script)
    assert done.out.strip() == "True {1}", done.err
