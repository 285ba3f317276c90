"""Writing a build: whole or not at all, nothing of an earlier one left, nobody else's files lost."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from lokki_builder.errors import PackagingError
from lokki_builder.plan import BuildPlan, plan_build
from lokki_builder.write import TIME_S, write_build

from ..cfn.flows import batch_flow, line_flow, request


def planned(values: Mapping[str, object] | None = None, body: object = line_flow) -> BuildPlan:
    return plan_build(request(body, values))


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_build_is_written_as_planned(tmp_path: Path) -> None:
    plan = planned()
    assert write_build(plan, tmp_path / "a" / "build") == tmp_path / "a" / "build"
    assert tree(tmp_path / "a" / "build") == dict(sorted(plan.files.items()))
    assert os.listdir(tmp_path / "a") == ["build"]


def test_modes_and_times_say_nothing(tmp_path: Path) -> None:
    plan = planned()
    plan = replace(plan, executable=frozenset(["lambdas/flow/some_flow.py"]))
    target = write_build(plan, tmp_path / "build")
    everything = [target, *target.rglob("*")]
    assert {path.stat().st_mtime for path in everything} == {TIME_S}
    assert {path.stat().st_mode & 0o777 for path in everything if path.is_dir()} == {0o755}
    modes = {path.name: path.stat().st_mode & 0o777 for path in everything if path.is_file()}
    assert modes.pop("some_flow.py") == 0o755
    assert set(modes.values()) == {0o644}


def test_files_of_an_earlier_build_are_gone_and_others_stay(tmp_path: Path) -> None:
    target = write_build(planned({"batch.job_queue": "work"}, batch_flow), tmp_path / "build")
    assert (target / "batch").exists()
    (target / "notes").mkdir()
    (target / "notes" / "mine.txt").write_text("mine", encoding="utf-8")
    plan = planned()
    write_build(plan, target)
    assert tree(target) == dict(sorted({**plan.files, "notes/mine.txt": b"mine"}.items()))
    assert os.listdir(tmp_path) == ["build"]


def test_a_folder_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(PackagingError, match="no build of lokki's"):
        write_build(planned(), tmp_path)
    (tmp_path / "manifest.json").write_text("{}", encoding="utf-8")
    with pytest.raises(PackagingError, match="no build of lokki's"):
        write_build(planned(), tmp_path)
    with pytest.raises(PackagingError, match="a file, not a folder"):
        write_build(planned(), tmp_path / "file.txt")
    assert (tmp_path / "file.txt").read_text(encoding="utf-8") == "mine"


def test_an_empty_folder_is_fine(tmp_path: Path) -> None:
    assert write_build(planned(), tmp_path / ".") == tmp_path


def test_a_build_that_cannot_be_written_leaves_the_earlier_one(tmp_path: Path) -> None:
    target = write_build(planned(), tmp_path / "build")
    before = tree(target)
    broken = replace(planned(), files={**planned().files, "lambdas": b"a file where a folder has to be"})
    with pytest.raises(PackagingError, match="could not be written"):
        write_build(broken, target)
    assert tree(target) == before
    assert os.listdir(tmp_path) == ["build"]


class Disk:
    """A disk that fails once, at the rename that puts the new build in place."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.rename = Path.rename

    def fail_once(self, path: Path, target: Path) -> Path:
        if Path(target) == self.target and path.name.startswith("."):
            raise OSError(28, "no space")
        return self.rename(path, target)


def test_what_was_there_comes_back_when_the_disk_fails_at_the_last_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = write_build(planned(), tmp_path / "build")
    before = tree(target)
    disk = Disk(target)
    monkeypatch.setattr(Path, "rename", lambda path, to: disk.fail_once(path, to))  # noqa: PLW0108  # made a method
    with pytest.raises(PackagingError, match="no space"):
        write_build(planned({"aws.environment": "dev"}), target)
    assert tree(target) == before
    assert os.listdir(tmp_path) == ["build"]
