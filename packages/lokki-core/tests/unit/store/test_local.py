"""What only the local store promises: files, kills, full disks and the list of runs."""

from __future__ import annotations

import errno
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lokki import environment
from lokki.errors import ObjectMissingError, StoreError, StoreUrlError
from lokki.store import LocalStore


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def variables() -> dict[str, str]:
    return {**environment.variables(), "PYTHONPATH": os.pathsep.join(sys.path)}


def files_in(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_urls_are_those_of_the_files(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "größe 1%")
    url = store.write("flow", "run", "step", 1)
    assert url == (tmp_path / "größe 1%/flow/runs/run/step/output.pkl.gz").as_uri()
    assert files_in(tmp_path) == ["größe 1%/flow/runs/run/step/output.pkl.gz"]
    assert store.read(url) == 1


def test_the_root_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = LocalStore("a/../.lokki/")
    assert store.root == str(tmp_path / ".lokki")
    url = store.write("flow", "run", "step", 1)
    monkeypatch.chdir("/")
    assert store.read(url) == 1
    assert store.run_dir("flow", "run") == str(tmp_path / ".lokki/flow/runs/run")


def test_opening_a_store_makes_nothing(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "new")
    assert not store.exists(store.output_url("flow", "run", "step"))
    assert store.runs("flow") == []
    assert list(tmp_path.iterdir()) == []


def test_nothing_temporary_is_left(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.write("flow", "run", "step", 1)
    store.create_bindings("flow", "run", 1)
    store.create_bindings("flow", "run", 2)
    with store.open_pack("flow", "run", "pack") as pack:
        pack.append(1)
    assert files_in(tmp_path) == ["flow/runs/run/bindings.pkl.gz", "flow/runs/run/step/output.pkl.gz"]


def failing(code: int) -> Any:
    def call(*_: object, **__: object) -> Any:
        raise OSError(code, os.strerror(code))

    return call


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.ENOSPC, "no space left on the device. Free some"),
        (errno.EDQUOT, "quota"),
        (errno.EACCES, "permission denied. Check who owns"),
        (errno.EROFS, "read-only"),
        (errno.EIO, "Input/output error"),
        (errno.ENOENT, "No such file or directory"),
    ],
)
@pytest.mark.parametrize(("call", "size"), [("write", 10), ("write", 300_000), ("replace", 10)])
def test_a_write_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, message: str, call: str, size: int
) -> None:
    store = LocalStore(tmp_path)
    url = store.write("flow", "run", "step", "old")
    new = os.urandom(size)
    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing(code))
        with pytest.raises(StoreError, match=message) as caught:
            store.write("flow", "run", "step", new)
    assert caught.value.url == url
    assert caught.value.operation == "write"
    assert not isinstance(caught.value, ObjectMissingError)
    assert isinstance(caught.value.__cause__, OSError)
    assert files_in(tmp_path) == ["flow/runs/run/step/output.pkl.gz"]
    assert store.read(url) == "old"


def test_a_pack_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", failing(errno.ENOSPC))
        with store.open_pack("flow", "run", "source") as pack:
            pack.append(1)
            with pytest.raises(StoreError, match="no space left"):
                pack.extend(os.urandom(100_000) for _ in range(5))
        with store.open_pack("flow", "run", "source") as pack, pytest.raises(StoreError, match="no space left"):
            pack.seal()
        with pytest.raises(StoreError, match="no space left"):
            store.create_bindings("flow", "run", 1)
    assert files_in(tmp_path) == []


def test_a_manifest_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(tmp_path)
    with store.open_pack("flow", "run", "source") as pack:
        pack.append(1)
        monkeypatch.setattr(store._files, "put", failing(errno.ENOSPC))
        with pytest.raises(OSError, match="No space"):
            pack.seal()
    assert not store.exists(store.manifest_url("flow", "run", "source"))


def test_things_that_are_in_the_way(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    url = store.output_url("flow", "run", "step")
    (tmp_path / "flow/runs/run/step/output.pkl.gz").mkdir(parents=True)
    (tmp_path / "flow/runs/run/file").write_text("")
    with pytest.raises(StoreError, match="directory is where a file should be"):
        store.write("flow", "run", "step", 1)
    with pytest.raises(StoreError, match="directory is where a file should be"):
        store.read(url)
    with pytest.raises(StoreError, match="directory is where a file should be"):
        store.write("flow", "run", "file", 1)
    with pytest.raises(StoreError, match="name is too long"):
        store.write("flow", "run", "n" * 300, 1)
    assert files_in(tmp_path) == ["flow/runs/run/file"]


@pytest.mark.parametrize("step", ["file", "n" * 300])
def test_what_cannot_be_looked_at_is_an_error(tmp_path: Path, step: str) -> None:
    store = LocalStore(tmp_path)
    (tmp_path / "flow/runs/run").mkdir(parents=True)
    (tmp_path / "flow/runs/run/file").write_text("")
    with pytest.raises(StoreError, match=r"directory is where a file|name is too long"):
        store.exists(store.output_url("flow", "run", step))
    with pytest.raises(StoreError, match=r"directory is where a file|name is too long"):
        store.read_journal("flow", "run", step)


def test_a_new_pack_removes_the_old_manifest_first(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    refs = []
    for items in ([1, 2], [3]):
        with store.open_pack("flow", "run", "source") as pack:
            pack.extend(items)
            refs.append(pack.seal())
    ref = refs[-1]
    assert list(store.iter_pack(ref.url, store.read_manifest(ref.manifest_url))) == [3]


KILLED = """
import sys
from lokki.store import LocalStore

store = LocalStore(sys.argv[1])
number = 0
while True:
    number += 1
    store.write("flow", "run", "step", [number] * 50_000)
    with store.open_pack("flow", "run", f"pack{number}", max_items=10) as pack:
        pack.extend(range(200))
        pack.seal()
    if number == 3:
        sys.stdout.write("ready\\n")
        sys.stdout.flush()
"""


def test_a_killed_process_leaves_only_whole_data(tmp_path: Path) -> None:
    with subprocess.Popen(python(KILLED, str(tmp_path)), stdout=subprocess.PIPE, env=variables()) as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    store = LocalStore(tmp_path)
    value = store.read(store.output_url("flow", "run", "step"))
    assert value == [value[0]] * 50_000
    packs = [name for name in os.listdir(tmp_path / "flow/runs/run") if name.startswith("pack")]
    assert len(packs) >= 3
    for name in packs:
        manifest = store.manifest_url("flow", "run", name)
        if store.exists(manifest):
            rows = store.read_manifest(manifest)
            assert list(store.iter_pack(store.output_url("flow", "run", name), rows)) == list(range(200))


CREATES = """
import sys
from lokki.store import LocalStore

store = LocalStore(sys.argv[1])
sys.stdin.readline()
won = [run for run in range(40) if store.create_bindings("flow", f"run{run}", sys.argv[2])]
print(*won)
"""


def test_of_concurrent_processes_one_binds_each_run(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            python(CREATES, str(tmp_path), str(number)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=variables(),
        )
        for number in range(3)
    ]
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    won = [process.communicate()[0].split() for process in processes]
    assert sorted(int(run) for runs in won for run in runs) == list(range(40))
    store = LocalStore(tmp_path)
    for number, runs in enumerate(won):
        for run in runs:
            assert store.read_bindings("flow", f"run{run}") == str(number)


def test_runs_are_listed_oldest_first(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    started: dict[str, object] = {
        "b": "2026-01-03T00:00:00+00:00",
        "a": "2026-01-01T12:00:00+02:00",
        "c": "2026-01-02T00:00:00+00:00",
        "number": 5.0,
    }
    for run, moment in started.items():
        store.write_json("flow", run, "run.json", {"started_at": moment})
    for run, age in (("old", 1_000), ("older", 500)):
        store.write("flow", run, "step", 1)
        os.utime(store.run_dir("flow", run), (age, age))
    for run, document in (("odd", {"started_at": "yesterday"}), ("bare", []), ("none", {"started_at": None})):
        store.write_json("flow", run, "run.json", document)
        os.utime(store.run_dir("flow", run), (100, 100))
    (tmp_path / "flow/runs/.deleted-x").mkdir()
    (tmp_path / "flow/runs/a file").write_text("")
    store.write("other", "run", "step", 1)
    assert store.runs("flow") == ["number", "bare", "none", "odd", "older", "old", "a", "c", "b"]


def test_a_run_that_is_deleted_meanwhile_counts_as_the_oldest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(tmp_path)
    store.write("flow", "a", "step", 1)
    store.write("flow", "b", "step", 1)
    directory = store.run_dir
    monkeypatch.setattr(store, "run_dir", lambda flow, run: directory(flow, "gone" if run == "b" else run))
    assert store.runs("flow") == ["b", "a"]


def test_a_run_is_deleted_with_all_its_data(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    for run in ("one", "two"):
        store.write("flow", run, "step", 1, path=(1, 2))
        store.create_bindings("flow", run, 1)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/kept").write_text("")
    (tmp_path / "flow/runs/one/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "flow/runs/.deleted-earlier").mkdir()
    (tmp_path / "flow/runs/.deleted-earlier/file").write_text("")
    store.delete_run("flow", "one")
    store.delete_run("flow", "one")
    store.delete_run("flow", "never")
    store.delete_run("never", "never")
    assert os.listdir(tmp_path / "flow/runs") == ["two"]
    assert (tmp_path / "elsewhere/kept").exists()
    assert store.runs("flow") == ["two"]
    with pytest.raises(ObjectMissingError):
        store.read_bindings("flow", "one")


def test_a_run_that_cannot_be_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(tmp_path)
    store.write("flow", "run", "step", 1)
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", failing(errno.EACCES))
        with pytest.raises(StoreError, match="permission denied"):
            store.delete_run("flow", "run")
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", failing(errno.EACCES))
        store.delete_run("flow", "run")
    assert store.runs("flow") == []
    store.delete_run("flow", "run")
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("run", ["..", ".", "", "a/b", ".deleted-x"])
def test_only_runs_are_deleted(tmp_path: Path, run: str) -> None:
    store = LocalStore(tmp_path, flow_name="mine")
    for flow, name in (("mine", run), ("other", "run"), ("..", "run")):
        with pytest.raises(StoreUrlError):
            store.delete_run(flow, name)
    with pytest.raises(StoreUrlError):
        store.runs("other")


def test_short_reads_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(tmp_path)
    with store.open_journal("flow", "run", "step") as writer:
        writer.append(0, [pickle.dumps("value" * 10)] * 3)
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, size, offset: pread(fd, min(size, 9), offset))
    assert list(store.read_journal("flow", "run", "step").values()) == ["value" * 10] * 3


BUDGET = """
import sys
import pickle, gzip, json, dataclasses
import lokki.store.local
heavy = {"pathlib", "tempfile", "shutil", "uuid", "logging", "concurrent.futures", "urllib.parse", "obstore", "isal",
         "lokki.store.s3", "asyncio", "datetime"}
print(*sorted(heavy & set(sys.modules)))
"""


def test_the_local_store_imports_nothing_heavy() -> None:
    done = subprocess.run(python(BUDGET), capture_output=True, text=True, check=True, env=variables())
    before = subprocess.run(
        python(BUDGET.replace("import lokki.store.local", "import lokki.errors")),
        capture_output=True,
        text=True,
        check=True,
        env=variables(),
    )
    assert done.stdout == before.stdout
