"""Whatever may be wrong has an error of its own, and no retry where none helps."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lokki.errors import StoreError
from lokki.store.base import BaseStore
from lokki.store.memory import MemoryBlobs, MemoryStore
from lokki_runtime.errors import LokkiFatal, LokkiRetryable, StepMissingError
from lokki_runtime.execute import execute
from lokki_runtime.report import CAUSE_CHARS, cause_text, error_record
from lokki_runtime.testing import ExecutionFailed, StateMachine

Deploy = Callable[..., StateMachine]
ModuleOf = Callable[[StateMachine], Any]
GOLDEN = Path(__file__).parents[4] / "tests-e2e" / "golden" / "wire"

FLOW = """
    @step(retry=RetryConfig(retries=5, delay=0))
    def get(n: int = 3) -> list:
        return list(range(n))
    @step(retry=RetryConfig(retries=5, delay=0))
    def work(x: int) -> int:
        calls.append(x)
        return HOOK(x) if HOOK else x
    @step(retry=RetryConfig(retries=5, delay=0))
    def more(x: int) -> int:
        return x
    @step(retry=RetryConfig(retries=5, delay=0))
    def join(xs: list) -> int:
        return sum(xs)
    @step(retry=RetryConfig(retries=5, delay=0))
    def last(x: int) -> int:
        return HOOK(x) if HOOK else x
    @flow
    def main_flow(big: str = ""):
        return get().map([work, more], batch_size=1).agg(join).next(last)
    """


@pytest.fixture
def machine(deploy: Deploy) -> StateMachine:
    return deploy(FLOW)


def fatal(machine: StateMachine, node: str, path: tuple[int, ...], given: Any, attempt: int = 0) -> dict[str, Any]:
    """The record of the error that this event ends in."""
    with pytest.raises(LokkiFatal) as caught:
        machine.invoke(node, path, given, attempt)
    record = json.loads(str(caught.value))
    assert record["raised"] == "LokkiFatal"
    stored = machine.store.read_error("main-flow", "run-1", node, path=path)
    assert stored is not None
    assert stored["message"] == caught.value.record["message"]
    return dict(caught.value.record)


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("bad_*.json")), ids=lambda file: file.stem)
def test_a_bad_event_is_a_wire_error(file: Path, machine: StateMachine) -> None:
    with pytest.raises(LokkiFatal) as caught:
        execute(json.loads(file.read_text(encoding="utf-8")), machine.runtime("get"))
    assert caught.value.record["error_type"] == "lokki.errors.WireError"


ROW = {"v": 1, "first": 0, "count": 1, "offset": 0, "length": 10}


@pytest.mark.parametrize(
    ("node", "path", "given", "complaint"),
    [
        ("work", (), ROW, "stands in 1 maps, but the event's path has 0"),
        ("last", (1,), "s3://b/k", "stands in 0 maps, but the event's path has 1"),
        ("work", (3,), ROW, "path ends in 3, but its row begins with item 0"),
        ("work", (0,), "memory:///x", "needs a manifest row as input"),
        ("work", (0,), None, "needs a manifest row as input"),
        ("work", (0,), ROW | {"v": 2}, "format version 2"),
        ("work", (0,), ROW | {"count": 0}, "count = 0"),
        ("last", (), ROW, "needs a URL as input"),
        ("last", (), None, "needs a URL as input"),
        ("join", (), None, "needs a URL as input"),
        ("last", (), "s3://elsewhere/key", "outside memory:///"),
        ("last", (), "memory:///other-flow/runs/r/a/output.pkl.gz", "another flow"),
        ("last", (), "memory:///main-flow/runs/run-1/join/output.pkl.gz", "nothing is stored"),
        ("join", (), "memory:///main-flow/runs/run-1/none/map_manifest.json", "nothing is stored"),
        ("more", (0,), "memory:///main-flow/runs/run-1/more/9/output.pkl.gz", "nothing is stored"),
    ],
)
def test_an_event_that_does_not_fit_is_refused(
    node: str, path: tuple[int, ...], given: Any, complaint: str, machine: StateMachine
) -> None:
    machine.invoke("get", (), None)
    assert complaint in fatal(machine, node, path, given)["message"]


def test_a_row_of_several_items_needs_a_map_of_batches(machine: StateMachine) -> None:
    with machine.store.open_pack("main-flow", "run-1", "get", max_items=2) as pack:
        pack.extend([1, 2])
        row = pack.seal().rows[0]
    machine.store.create_bindings("main-flow", "run-1", bindings(machine))
    assert "one item at a time, but is given 2" in fatal(machine, "work", (0,), row.to_dict())["message"]


def test_a_batch_of_another_place_is_refused(machine: StateMachine) -> None:
    run_up_to(machine, "more")
    assert "input begins with item 0" in fatal(machine, "more", (1,), machine.url("work", (0,)))["message"]


def stop_at(node: str) -> Callable[[Any], None]:
    from lokki_runtime.testing import Killed

    def fault(event: Any) -> None:
        if event.node == node:
            raise Killed

    return fault


def bindings(machine: StateMachine, **changes: Any) -> dict[str, Any]:
    from lokki.clock import SYSTEM_CLOCK

    graph = machine.graph
    calls: dict[str, Any] = {task.node: ((), {}) for task in graph.tasks()}
    record = {"v": 1, "params": {}, "calls": calls, "started_at": SYSTEM_CLOCK.now(), "shape": graph.shape()}
    return record | changes


@pytest.mark.parametrize(
    ("node", "serves", "complaint"),
    [
        ("nothing", "get", "has no node 'nothing'"),
        ("last", "get", "serves the node 'get', but the event is for 'last'"),
    ],
)
def test_an_event_for_another_function_is_refused(
    node: str, serves: str, complaint: str, machine: StateMachine
) -> None:
    event = {"v": 1, "flow": {"run_id": "run-1", "params": {}}, "node": node, "path": "", "input": None}
    with pytest.raises(LokkiFatal, match=complaint):
        execute(event, machine.runtime(serves))


@pytest.mark.parametrize(
    ("url_of", "data", "kind"),
    [
        ("output", b"nonsense", "lokki.errors.StoreFormatError"),
        ("output", b"", "lokki.errors.StoreFormatError"),
        ("manifest", b"{", "lokki.errors.StoreFormatError"),
    ],
)
def test_a_corrupt_object_is_said(url_of: str, data: bytes, kind: str, machine: StateMachine) -> None:
    machine.invoke("get", (), None)
    store = machine.store
    assert isinstance(store, MemoryStore)
    node, key = ("join", "output.pkl.gz") if url_of == "output" else ("get", "map_manifest.json")
    store._blobs.put(f"main-flow/runs/run-1/{node}/{key}", data)
    target = "last" if url_of == "output" else "join"
    assert fatal(machine, target, (), f"memory:///main-flow/runs/run-1/{node}/{key}", 1)["error_type"] == kind


def test_a_step_that_no_longer_exists_is_named(machine: StateMachine, module: ModuleOf) -> None:
    machine.invoke("get", (), None)
    del module(machine).last
    record = fatal(machine, "last", (), "memory:///main-flow/runs/run-1/join/output.pkl.gz")
    assert record["error_type"] == "lokki_runtime.errors.StepMissingError"
    assert "has no step 'last'. It was renamed or removed" in record["message"]


@pytest.mark.parametrize("line", ["1 / 0", "raise SystemExit(3)", "import nothing_of_that_name", "def ("])
def test_a_flow_that_does_not_import_is_said(line: str, machine: StateMachine, module: ModuleOf) -> None:
    import sys

    file = machine.root / f"{machine.root.name}.py"
    file.write_text(line)
    del sys.modules[machine.root.name]
    record = fatal(machine, "get", (), None)
    assert record["error_type"] == "lokki_runtime.errors.FlowImportError"
    assert "cannot be imported" in record["message"]
    assert "lokki_runtime" not in record["traceback"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "cannot be read (No such file or directory)"),
        ("{", "this is no JSON"),
        ("[]", "an object is needed"),
        ('{"wire": 2}', "reads wire version 1, but lokki-flow.json has 2"),
        ('{"wire": 1}', "does not describe a flow (KeyError('graph'))"),
        ('{"wire": 1, "graph": {"name": "f", "entries": []}}', "does not describe a flow (StopIteration"),
        ('{"wire": 1, "graph": {"name": "f", "entries": [{}]}}', "does not describe a flow"),
    ],
)
def test_a_broken_deployment_is_said(text: str | None, complaint: str, tmp_path: Path) -> None:
    from lokki_runtime.runtime import Runtime
    from lokki_runtime.settings import Settings

    if text is not None:
        (tmp_path / "lokki-flow.json").write_text(text)
    event = {"v": 1, "flow": {"run_id": "r"}, "node": "a"}
    with pytest.raises(LokkiFatal) as caught:
        execute(event, Runtime(Settings(str(tmp_path))))
    assert complaint in caught.value.record["message"]


def test_another_wire_version_in_the_environment_is_said(machine: StateMachine) -> None:
    runtime = machine.runtime("get")
    for version in ("2", "two"):
        runtime.settings = runtime.settings._replace(wire_version=version)
        with pytest.raises(LokkiFatal, match="LOKKI_WIRE_VERSION has"):
            execute({"v": 1, "flow": {"run_id": "r"}, "node": "get"}, runtime)


def raising(error: BaseException) -> Callable[[Any], Any]:
    def hook(x: Any) -> Any:
        raise error

    return hook


def run_up_to(machine: StateMachine, node: str) -> None:
    machine.before = stop_at(node)
    with pytest.raises(ExecutionFailed):
        machine.run()
    machine.before = lambda event: None


LAST = ((), "memory:///main-flow/runs/run-1/join/output.pkl.gz")


def test_a_full_disk_is_no_reason_to_try_again(machine: StateMachine, module: ModuleOf) -> None:
    run_up_to(machine, "last")
    module(machine).HOOK = raising(OSError(errno.ENOSPC, "No space left on device"))
    record = fatal(machine, "last", *LAST)
    assert record["error_type"] == "lokki_runtime.errors.DiskFullError"
    assert "@step(ephemeral_storage_mb=...)" in record["message"]
    assert "No space left" in record["error_message"]


def test_a_full_disk_ends_an_item_of_a_batch_at_once(deploy: Deploy, module: ModuleOf) -> None:
    machine = deploy(FLOW.replace("batch_size=1", "batch_size=2"))
    module(machine).HOOK = raising(OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(ExecutionFailed, match="DiskFullError"):
        machine.run()
    assert module(machine).calls == [0]


def test_a_full_disk_ends_a_container_at_once(deploy: Deploy, module: ModuleOf) -> None:
    machine = deploy(FLOW.replace("def last", "def last").replace("@step(", '@step(job_type="batch", '))
    run_up_to(machine, "last")
    module(machine).HOOK = raising(OSError(errno.ENOSPC, "No space left on device"))
    assert fatal(machine, "last", *LAST)["attempts"] == 1


@pytest.mark.parametrize(
    "result",
    [lambda: 0, (i for i in "ab"), memoryview(b"")],
    ids=["function", "generator", "view"],
)
def test_an_unpicklable_result_is_no_reason_to_try_again(result: Any, machine: StateMachine, module: ModuleOf) -> None:
    run_up_to(machine, "last")
    module(machine).HOOK = lambda x: result
    record = fatal(machine, "last", *LAST)
    assert record["error_type"] == "lokki.errors.ResultError"
    assert "cannot be pickled" in record["message"]


def test_a_source_that_cannot_be_fanned_out_is_no_reason_to_try_again(deploy: Deploy) -> None:
    machine = deploy(FLOW.replace("return list(range(n))", 'return "text"'))
    assert "feeds a map but returned a str" in fatal(machine, "get", (), None)["message"]


def test_a_generator_that_fails_half_way_is_the_authors_error(deploy: Deploy) -> None:
    machine = deploy(
        FLOW.replace("return list(range(n))", 'yield 1\n        raise OSError("half-way")'),
    )
    with pytest.raises(LokkiRetryable) as caught:
        machine.invoke("get", (), None)
    assert caught.value.record["error_type"] == "OSError"
    assert "lokki_runtime" not in caught.value.record["traceback"]
    assert "half-way" in caught.value.record["traceback"]
    assert not machine.store.exists(machine.store.manifest_url("main-flow", "run-1", "get"))


def test_leaving_the_process_is_a_failure_like_any_other(machine: StateMachine, module: ModuleOf) -> None:
    run_up_to(machine, "last")
    module(machine).HOOK = raising(SystemExit(1))
    assert fatal(machine, "last", *LAST)["error_type"] == "SystemExit"


def test_a_bug_of_ours_is_fatal_and_shows_where(machine: StateMachine) -> None:
    runtime = machine.runtime("get")
    runtime.role = None  # type: ignore[method-assign, assignment]  # breaks it
    with pytest.raises(LokkiFatal) as caught:
        execute({"v": 1, "flow": {"run_id": "r"}, "node": "get"}, runtime)
    assert caught.value.record["error_type"] == "TypeError"
    assert "execute.py" in caught.value.record["traceback"]


def test_an_error_that_cannot_be_shown_is_told_apart(machine: StateMachine, module: ModuleOf) -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    record = error_record(MuteError())
    assert record["error_message"] == "<MuteError that cannot be shown>"


@given(st.text(max_size=50).map(lambda text: text * 2000), st.text(max_size=50).map(lambda text: text * 2000))
def test_a_cause_is_json_that_fits(message: str, traceback: str) -> None:
    text = cause_text({"message": message, "traceback": traceback, "attempts": 3, "failures": [1] * 100_000})
    assert len(json.dumps(text)) <= CAUSE_CHARS
    assert json.loads(text)["attempts"] == 3


def test_a_long_traceback_keeps_its_beginning_and_its_end() -> None:
    text = "first line\n" + "middle\n" * 100_000 + "ValueError: the end"
    shown = json.loads(cause_text({"traceback": text}))["traceback"]
    assert shown.startswith("first line")
    assert shown.endswith("ValueError: the end")
    assert "characters left out" in shown


def test_the_authors_traceback_has_no_frames_of_ours(machine: StateMachine, module: ModuleOf) -> None:
    run_up_to(machine, "last")
    module(machine).HOOK = raising(KeyError("gone"))
    with pytest.raises(LokkiRetryable) as caught:
        machine.invoke("last", *LAST)
    record = caught.value.record
    assert "KeyError: 'gone'" in record["traceback"]
    assert "invoke.py" not in record["traceback"]
    assert "lokki_runtime" not in record["traceback"]
    assert {"run_id": "run-1", "step": "last", "path": "", "raised": "LokkiRetryable"}.items() <= record.items()
    line = json.loads(machine.lines[-1])
    assert (line["event"], line["level"], line["error_type"]) == ("step_retryable", "WARNING", "KeyError")


def test_surrogates_in_a_message_do_no_harm(machine: StateMachine, module: ModuleOf) -> None:
    run_up_to(machine, "last")
    module(machine).HOOK = raising(ValueError("odd \udcff"))
    with pytest.raises(LokkiRetryable) as caught:
        machine.invoke("last", *LAST)
    assert caught.value.record["error_message"] == "odd \\udcff"
    assert machine.store.read_error("main-flow", "run-1", "last") is not None


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"v": 2}, "should have version 1, but have 2"),
        ({"shape": ["other"]}, "graph differs from the one that was built"),
    ],
)
def test_bindings_that_do_not_fit_are_refused(changes: dict[str, Any], complaint: str, machine: StateMachine) -> None:
    machine.store.create_bindings("main-flow", "run-1", bindings(machine, **changes))
    assert complaint in fatal(machine, "last", *LAST)["message"]


def test_bindings_of_another_kind_are_refused(machine: StateMachine) -> None:
    machine.store.create_bindings("main-flow", "run-1", [1])
    assert "have 'list'" in fatal(machine, "last", *LAST)["message"]


def test_a_step_before_the_first_one_has_no_bindings(machine: StateMachine) -> None:
    assert fatal(machine, "last", *LAST)["error_type"] == "lokki.errors.ObjectMissingError"


def test_a_store_error_inside_a_lazy_aggregation_is_fatal(deploy: Deploy) -> None:
    machine = deploy(FLOW.replace("def join(xs: list)", "def join(xs: Iterable)"))
    run_up_to(machine, "join")
    store = machine.store
    assert isinstance(store, MemoryStore)
    store._blobs.put("main-flow/runs/run-1/more/1/output.pkl.gz", b"damaged")
    record = fatal(machine, "join", (), "memory:///main-flow/runs/run-1/get/map_manifest.json")
    assert record["error_type"] == "lokki.errors.StoreFormatError"


NESTED = """
    @step
    def get() -> list:
        return [1, 2]
    @step
    def split(n: int) -> list:
        return [n]
    @step
    def work(n: int) -> int:
        return n
    @flow
    def main_flow():
        return get().map(split.map(work))
    """


def test_a_body_with_a_map_inside_takes_one_item(deploy: Deploy) -> None:
    machine = deploy(NESTED)
    machine.invoke("get", (), None)
    row = {"v": 1, "first": 0, "count": 2, "offset": 0, "length": 10}
    assert "holds one item, because it has a map inside, not 2" in fatal(machine, "split", (0,), row)["message"]


class FailingBlobs(MemoryBlobs):
    """A medium whose error records cannot be read."""

    def get(self, key: str) -> bytes:
        if key.endswith("error.json"):
            raise StoreError("the record cannot be read", url=key, operation="read")
        return super().get(key)


def test_a_store_that_cannot_tell_of_earlier_attempts_ends_the_step(deploy: Deploy, module: ModuleOf) -> None:
    machine = deploy(FLOW, store=BaseStore(FailingBlobs(), flow_name="main-flow"))
    run_up_to(machine, "last")
    module(machine).HOOK = raising(ValueError("the reason"))
    with pytest.raises(LokkiRetryable, match="the reason"):
        machine.invoke("last", *LAST, 0)
    with pytest.raises(LokkiFatal, match="the record cannot be read"):
        machine.invoke("last", *LAST, 1)


def test_a_judge_has_no_step(machine: StateMachine) -> None:
    role = machine.runtime("get").program.roles["get"]._replace(task=None)
    with pytest.raises(StepMissingError, match="judges a map"):
        machine.runtime("get").program.step(role)
