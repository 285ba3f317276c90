"""Lambda's handler, Batch's entry, the image's entry point, the check, the settings, the secrets, the log."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lokki import environment
from lokki.clock import SYSTEM_CLOCK
from lokki.errors import ConfigError
from lokki.store.batch import read_partial
from lokki.store.local import LocalStore
from lokki.store.memory import MemoryStore
from lokki.testing import FakeClock
from lokki_runtime import handler as doors
from lokki_runtime.__main__ import USAGE, main
from lokki_runtime.batch import run_batch
from lokki_runtime.check import problems
from lokki_runtime.errors import DeploymentError, LokkiFatal, LokkiRetryable, SecretError
from lokki_runtime.logs import Log
from lokki_runtime.runtime import Runtime
from lokki_runtime.secrets import boto3_client, fetch_secrets
from lokki_runtime.settings import Settings
from lokki_runtime.testing import StateMachine

Deploy = Callable[..., StateMachine]
ModuleOf = Callable[[StateMachine], Any]

FLOW = """
    @step
    def get() -> list:
        return [1, 2, 3]
    @step
    def work(x: int) -> int:
        calls.append(x)
        if HOOK:
            HOOK(x)
        return x
    @flow
    def main_flow():
        return get().map(work, batch_size=5, tolerated_failure_percentage=50)
    """


class Context:
    """Lambda's context, as far as it is used."""

    aws_request_id = "request-7"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def event(node: str = "get", **changes: Any) -> dict[str, Any]:
    return {"v": 1, "flow": {"run_id": "run-1", "params": {}}, "node": node, "path": "", "input": None} | changes


# Lambda


def test_a_handler_answers_and_logs(deploy: Deploy) -> None:
    machine = deploy(FLOW)
    reply = doors.answer(event(), Context(), machine.runtime("get"))
    assert reply == {
        "v": 1,
        "node": "get",
        "path": "",
        "url": "memory:///main-flow/runs/run-1/get/output.pkl.gz",
        "manifest": {"bucket": "bucket", "key": "main-flow/runs/run-1/get/map_manifest.json", "count": 3},
        "skipped": False,
    }
    line = json.loads(machine.lines[-1])
    assert {
        "event": "step_success",
        "run_id": "run-1",
        "node": "get",
        "request_id": "request-7",
    }.items() <= line.items()
    assert {"at", "level", "attempt", "duration_s"} <= set(line)


def test_without_a_context_there_is_no_deadline(deploy: Deploy) -> None:
    assert doors.answer(event(), None, deploy(FLOW).runtime("get"))["skipped"] is False


def test_the_log_names_the_items_of_a_row(deploy: Deploy) -> None:
    machine = deploy(FLOW)
    machine.run()
    done = [json.loads(line) for line in machine.lines if json.loads(line)["event"] == "step_success"]
    assert [(line.get("first"), line.get("count")) for line in done] == [(None, None), (0, 3), (None, None)]


def test_a_judge_answers_without_a_url(deploy: Deploy) -> None:
    machine = deploy(FLOW)
    machine.run()
    assert machine.replies[-1] == {
        "v": 1, "node": "work.collect", "path": "", "url": None, "manifest": None, "skipped": False
    }  # fmt: skip


@pytest.mark.parametrize(
    ("serves", "node", "fits"),
    [
        ("work.collect", "work.collect", True),
        ("lokki", "work.collect", True),
        ("work", "work.collect", True),
        ("get", "work.collect", False),
        ("work.collect", "get", False),
        (None, "get", True),
    ],
)
def test_who_serves_a_judge(serves: str | None, node: str, fits: bool, deploy: Deploy) -> None:
    machine = deploy(FLOW)
    runtime = machine.runtime("get")
    runtime.settings = runtime.settings._replace(node=serves)
    manifest = machine.store.manifest_url("main-flow", "run-1", "get")
    with pytest.raises(LokkiFatal) as caught:
        doors.answer(event(node, input=manifest, path="x"), Context(), runtime)
    machine.invoke("get", (), None)
    if fits and node == "get":
        assert doors.answer(event(node), Context(), runtime)["skipped"]
        return
    with pytest.raises(LokkiFatal) as caught:
        doors.answer(event(node, input=manifest), Context(), runtime)
    assert ("but the event is for" in caught.value.record["message"]) == (not fits)


PROGRAM = """
import json, sys
from lokki_runtime.handler import lambda_handler
class Context:
    aws_request_id = "r"
    def get_remaining_time_in_millis(self):
        return 60_000
try:
    lambda_handler({event!r}, Context())
except Exception as error:
    print(type(error).__name__, file=sys.stderr)
print(json.dumps([name for name in {names!r} if name in sys.modules]))
"""


def in_lambda(root: Path, names: list[str], **variables: str) -> tuple[list[str], str]:
    """The modules among `names` that a function has imported after one event, and all its output."""
    known = {"LAMBDA_TASK_ROOT": str(root), "LOKKI_NODE": "get", "LOKKI_FLOW_NAME": "main-flow"}
    code = PROGRAM.format(event=event(), names=names)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment.variables(), **known, "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1", **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found, done.stdout + done.stderr


def test_a_function_starts_before_its_first_event_and_fails_only_then(deploy: Deploy) -> None:
    """Without a bucket nothing can run, but it is the event that fails, by a name."""
    machine = deploy(FLOW)
    imported, output = in_lambda(machine.root, [machine.root.name, "boto3"], LOKKI_ARTIFACT_BUCKET="")
    assert imported == [machine.root.name]
    assert '"event": "start_failure"' in output
    assert "LokkiFatal" in output


SLIM = """
import json, sys
before = set(sys.modules)
import lokki_runtime.handler
from lokki.store.s3 import S3Store
S3Store(flow_name="flow", bucket="bucket", region="eu-west-1")
print(json.dumps(sorted(set(sys.modules) - before)))
"""

LEFT_OUT = ["boto3", "click", "yaml", "asyncio", "importlib.metadata", "lokki.runner", "lokki.config", "lokki._main"]


def test_a_cold_start_imports_nothing_it_does_not_need() -> None:
    done = subprocess.run([sys.executable, "-c", SLIM], capture_output=True, text=True, check=True)
    imported = json.loads(done.stdout)
    assert "obstore" in imported
    assert [name for name in [*LEFT_OUT, "concurrent.futures", "logging", "dataclasses"] if name in imported] == []


# make_handler


def by_hand(fn: Any, given: dict[str, Any], store: Any, **options: Any) -> dict[str, Any]:
    handler = doors.make_handler(fn, settings=Settings(flow_name="by-hand", bucket="b"), store=store, **options)
    return handler(given, Context())


def scale(x: list[int], factor: int = 2) -> list[int]:
    return [factor * one for one in x]


def start(day: str, limit: float = 1.0) -> list[Any]:
    return [day, limit]


def test_a_function_can_be_wired_by_hand() -> None:
    store = MemoryStore()
    flow = {"run_id": "r", "params": {"day": "monday", "limit": 3, "factor": 5, "other": 1}}
    first = by_hand(start, event("start", flow=flow), store)
    assert store.read(first["url"]) == ["monday", 3.0]
    url = store.write("by-hand", "r", "before", [1, 2])
    second = by_hand(scale, event("scale", flow=flow, input=url), store, feeds_map=True, batch_size=1)
    assert second["manifest"] == {"bucket": "b", "key": "by-hand/runs/r/scale/map_manifest.json", "count": 2}
    assert list(store.iter_pack(second["url"], store.read_manifest(store.manifest_url("by-hand", "r", "scale")))) == [
        5,
        10,
    ]


def test_a_step_can_be_wired_by_hand_with_its_policy() -> None:
    from lokki import RetryConfig, step

    @step(retry=RetryConfig(retries=1))
    def flaky() -> int:
        raise OSError

    with pytest.raises(LokkiRetryable):
        by_hand(flaky, event("flaky"), MemoryStore())
    with pytest.raises(DeploymentError, match="not a chain"):
        by_hand(flaky.next(flaky), event("flaky"), MemoryStore())


@pytest.mark.parametrize("fn", [5, "text", print])
def test_only_functions_can_be_wired_by_hand(fn: Any) -> None:
    with pytest.raises(DeploymentError, match="takes a function or a step"):
        by_hand(fn, event("x"), MemoryStore())


def test_a_handler_wired_by_hand_refuses_what_is_no_event() -> None:
    with pytest.raises(LokkiFatal, match="wire version"):
        by_hand(scale, [], MemoryStore())  # type: ignore[arg-type]  # wrong on purpose


def test_a_handler_wired_by_hand_is_made_from_the_environment_and_reused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOKKI_ARTIFACT_BUCKET", raising=False)
    handler = doors.make_handler(start)
    for _ in range(2):
        with pytest.raises(LokkiFatal, match=r"aws\.artifact_bucket"):
            handler(event("start"), Context())


# Batch


def test_a_job_works_through_its_event(deploy: Deploy) -> None:
    machine = deploy(FLOW)
    runtime = machine.runtime("get")
    runtime.settings = runtime.settings._replace(event=json.dumps(event()))
    assert run_batch(runtime) == 0
    assert machine.store.exists(machine.store.manifest_url("main-flow", "run-1", "get"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [(None, "LOKKI_EVENT is not set"), ("{", "LOKKI_EVENT is no JSON"), ("{}", "wire version"), ("[]", "wire version")],
)
def test_a_job_without_a_good_event_fails(text: str | None, complaint: str, deploy: Deploy) -> None:
    machine = deploy(FLOW)
    runtime = machine.runtime("get")
    runtime.settings = runtime.settings._replace(event=text)
    assert run_batch(runtime) == 1
    assert complaint in machine.lines[-1]


JOB = """
import sys
from lokki.store.local import LocalStore
from lokki_runtime.batch import run_batch
from lokki_runtime.runtime import Runtime
from lokki_runtime.settings import Settings
settings = Settings.from_environment()
sys.exit(run_batch(Runtime(settings, store=LocalStore(sys.argv[1]), container=True)))
"""


def test_a_job_that_is_told_to_stop_saves_what_is_done_and_leaves_quickly(deploy: Deploy, tmp_path: Path) -> None:
    slow = FLOW.replace(
        "if HOOK:\n            HOOK(x)", "import time; x == 2 and (print('here', flush=True), time.sleep(60))"
    )
    machine = deploy(slow, store=LocalStore(tmp_path / "store", flow_name="main-flow"))
    machine.invoke("get", (), None)
    row = machine.store.read_manifest(machine.store.manifest_url("main-flow", "run-1", "get"))[0].to_dict()
    text = json.dumps(event("work", path="0", input=row))
    variables = {**environment.variables(), "LAMBDA_TASK_ROOT": str(machine.root), "LOKKI_EVENT": text}
    command = [sys.executable, "-c", JOB, str(tmp_path / "store")]
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "here" not in process.stdout.readline():
            pass
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert time.monotonic() - began < 20
    assert "told to stop" in output
    saved = read_partial(machine.store, "main-flow", "run-1", "work", path=(0,))
    assert saved is not None
    assert saved.missing() == [1, 2]
    error = machine.store.read_error("main-flow", "run-1", "work", path=(0,))
    assert error is not None
    assert error["error_type"] == "lokki_runtime.errors.Terminated"


# The entry point


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["batch", "x"], ["check", "x"], ["lambda", "a", "b"]])
def test_a_misused_entry_point_says_how_to_use_it(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert USAGE in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["lambda"], ["lokki_runtime.handler.lambda_handler"], ["lambda", "my.handler"]])
def test_outside_lambda_the_emulator_is_started(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_LAMBDA_RUNTIME_API", raising=False)
    emulator = tmp_path / "aws-lambda-rie"
    emulator.write_text("#!/bin/sh\n")
    emulator.chmod(0o755)
    calls: list[Any] = []
    assert main(arguments, emulator=str(emulator), execv=lambda path, argv: calls.append((path, argv))) == 0
    handler = "my.handler" if len(arguments) == 2 else "lokki_runtime.handler.lambda_handler"
    served = [str(emulator), sys.executable, "-m", "lokki_runtime", "lambda", handler]
    assert calls == [(str(emulator), served)]


def test_without_lambda_and_emulator_nothing_can_be_served(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AWS_LAMBDA_RUNTIME_API", raising=False)
    assert main(["lambda"], emulator="/nowhere") == 2
    assert "no Lambda here" in capsys.readouterr().err


def test_in_lambda_its_client_serves_the_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Any] = []

    class Client:
        main = staticmethod(served.append)

    monkeypatch.setitem(sys.modules, "awslambdaric.__main__", Client)
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
    assert main(["lambda"]) == 0
    assert served == [[sys.executable, "lokki_runtime.handler.lambda_handler"]]


def run_module(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lokki_runtime", *arguments]
    known = {**environment.variables(), **variables}
    return subprocess.run(command, env=known, capture_output=True, text=True, check=False)


def test_the_module_runs_check_and_batch(deploy: Deploy) -> None:
    machine = deploy(FLOW)
    assert run_module("check", LAMBDA_TASK_ROOT=str(machine.root)).returncode == 0
    (machine.root / f"{machine.root.name}.py").write_text("1 / 0")
    bad = run_module("check", LAMBDA_TASK_ROOT=str(machine.root))
    assert bad.returncode == 1
    assert bad.stderr.count("\n") == 1
    assert "ZeroDivisionError" in bad.stderr
    assert run_module("batch", LAMBDA_TASK_ROOT=str(machine.root), LOKKI_EVENT="{}").returncode == 1


# check


def test_a_good_image_has_no_problems(deploy: Deploy) -> None:
    assert problems(Settings(str(deploy(FLOW).root), wire_version="1")) == []


def test_every_problem_is_a_line(deploy: Deploy, module: ModuleOf) -> None:
    machine = deploy(FLOW)
    space = module(machine)
    del space.get, space.work, space.main_flow
    file = machine.root / "lokki-flow.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"shape": "other"}))
    found = problems(Settings(str(machine.root), wire_version="9"))
    assert len(found) == 5
    wanted = ["has '9'", "shape is not that of its graph", "no flow 'main_flow'", "no step 'get'", "no step 'work'"]
    assert [word for word, line in zip(wanted, found, strict=True) if word not in line and "has 9" not in line] == []


def test_a_missing_deployment_is_one_problem(tmp_path: Path) -> None:
    assert len(problems(Settings(str(tmp_path)))) == 1


def test_what_is_not_ours_passes_through(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        problems(Settings(None))  # type: ignore[arg-type]  # wrong on purpose


# Settings


def test_settings_come_from_the_environment() -> None:
    found = Settings.from_environment({"LOKKI_NODE": "a", "LOKKI_KMS_KEY": "", "LOKKI_AWS_ENDPOINT": "http://x"})
    assert found == Settings(node="a", endpoint="http://x")
    assert found.task_root == "/var/task"


@pytest.mark.parametrize("text", ["{", "[]", '{"A": 1}'])
def test_bad_secrets_are_a_configuration_error(text: str) -> None:
    with pytest.raises(ConfigError, match="LOKKI_SECRETS"):
        Settings(secrets=text).secret_arns()


# Secrets

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf"
PARAMETER = "arn:aws:ssm:eu-west-1:123456789012:parameter/key"


class Aws:
    """The two services, as far as they are used."""

    def __init__(self, **values: Any) -> None:
        self.values = values
        self.asked: list[str] = []

    def client(self, service: str, region: str) -> Aws:
        assert region == "eu-west-1"
        return self

    def get_secret_value(self, *, SecretId: str) -> Any:  # noqa: N803  # AWS's name
        self.asked.append(SecretId)
        return self.values["secret"]

    def get_parameters(self, *, Names: list[str], WithDecryption: bool) -> Any:  # noqa: N803  # AWS's name
        assert WithDecryption
        self.asked += Names
        return self.values["parameter"]


def test_secrets_are_fetched_once_each() -> None:
    aws = Aws(
        secret={"SecretString": '{"user": "u", "port": 5432}'}, parameter={"Parameters": [{"Value": "the parameter"}]}
    )
    arns = {"USER": f"{ARN}:SecretString:user", "PORT": f"{ARN}:SecretString:port", "ALL": ARN, "KEY": PARAMETER}
    assert fetch_secrets(arns, aws.client) == {
        "USER": "u", "PORT": "5432", "ALL": '{"user": "u", "port": 5432}', "KEY": "the parameter"
    }  # fmt: skip
    assert aws.asked == [ARN, PARAMETER]


@pytest.mark.parametrize(
    ("aws", "given", "complaint"),
    [
        (Aws(secret={"SecretBinary": b""}), ARN, "holds no text"),
        (Aws(parameter={"Parameters": []}), PARAMETER, "holds no text"),
        (Aws(secret={"SecretString": "plain"}), f"{ARN}:SecretString:user", "no JSON object with the key 'user'"),
        (Aws(secret={"SecretString": "{}"}), f"{ARN}:SecretString:user", "no JSON object with the key 'user'"),
        (Aws(secret={"SecretString": "5"}), f"{ARN}:SecretString:user", "no JSON object with the key 'user'"),
        (Aws(), "nonsense", "cannot be fetched"),
    ],
)
def test_a_secret_that_cannot_be_had_is_named(aws: Aws, given: str, complaint: str) -> None:
    with pytest.raises(SecretError, match=f"DB: .*{complaint}"):
        fetch_secrets({"DB": given}, aws.client)


def test_boto3_makes_the_clients() -> None:
    make = boto3_client("http://127.0.0.1:1")
    assert make("ssm", "eu-west-1").meta.region_name == "eu-west-1"


def test_secrets_without_boto3_say_what_to_add(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(SecretError, match=r"lokki-runtime\[secrets\]"):
        fetch_secrets({"DB": ARN}, boto3_client(None))


def test_secrets_are_set_before_the_flow_is_imported_and_once(deploy: Deploy) -> None:
    machine = deploy(FLOW)
    template = machine.runtime("get")
    aws = Aws(secret={"SecretString": "hidden"})
    known: dict[str, str] = {}
    runtime = Runtime(
        template.settings._replace(secrets=json.dumps({"DB": ARN})),
        store=machine.store,
        program=template.program,
        make_client=aws.client,
        set_variables=known.update,
    )
    for run_id in ("one", "two"):
        doors.answer(event(flow={"run_id": run_id, "params": {}}), Context(), runtime)
    assert known == {"DB": "hidden"}
    assert aws.asked == [ARN]


def test_variables_are_set_in_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    from lokki_runtime.settings import add_variables

    monkeypatch.setenv("LOKKI_TEST_VALUE", "before")
    add_variables({"LOKKI_TEST_VALUE": "after"})
    assert Settings.from_environment() is not None
    assert environment.variables()["LOKKI_TEST_VALUE"] == "after"


# The log


def test_lines_below_the_level_are_left_out() -> None:
    lines: list[str] = []
    log = Log("warning", clock=FakeClock(), write=lines.append).bind(run_id="r", nothing=None)
    log.info("a")
    log.warning("b", odd=SYSTEM_CLOCK)
    log.error("c", message="long\ntext")
    first, second = map(json.loads, lines)
    assert (first["event"], first["level"], first["run_id"]) == ("b", "WARNING", "r")
    assert first["at"] == "2024-01-15T10:30:00.000+00:00"
    assert second["message"] == "long\ntext"
    assert "nothing" not in first


def test_lines_go_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    Log("unknown level").info("hello")
    assert json.loads(capsys.readouterr().out)["event"] == "hello"
