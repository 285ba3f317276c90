"""The census: a map over files with dataclasses as item results, and a report written and printed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

REPORT = """\
# Census of sample

4 files with 48 lines, 6 functions and 2 classes; 2 files do not parse.

| Largest files  | Lines | Functions | Classes |
| -------------- | ----: | --------: | ------: |
| shapes.py      |    30 |         4 |       2 |
| tools/paths.py |    14 |         2 |       0 |

| Longest functions | Lines | File           |
| ----------------- | ----: | -------------- |
| longer_side       |     4 | shapes.py      |
| parents           |     3 | tools/paths.py |

| Most imported modules | Files |
| --------------------- | ----: |
| math                  |     2 |
| collections           |     1 |

| Files that do not parse | Reason                                                                                          |
| ----------------------- | ----------------------------------------------------------------------------------------------- |
| broken.py               | invalid syntax (line 1)                                                                         |
| undeclared.py           | (unicode error) 'utf-8' codec can't decode byte 0xfc in position 2: invalid start byte (line 3) |
"""  # noqa: E501  # the report is quoted as it is printed

SAMPLE = ("--root", "sample", "--top", "2")


def test_the_report_is_printed_and_written(example: Callable[[str], Any]) -> None:
    census = example("census")
    run = census.run(*SAMPLE)
    assert run.returncode == 0, run.stderr
    assert run.stdout == REPORT
    assert (census.folder / "census.md").read_text(encoding="utf-8") == REPORT


def test_paths_are_relative_to_where_it_is_started(example: Callable[[str], Any], tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    census = example("census")
    run = census.run("--root", str(census.folder / "sample"), "--report", "found.md", cwd=elsewhere)
    assert run.returncode == 0, run.stderr
    assert [path.name for path in elsewhere.iterdir()] == ["found.md"]
    assert (elsewhere / "found.md").read_text(encoding="utf-8") == run.stdout


def test_the_pattern_chooses_files(example: Callable[[str], Any]) -> None:
    run = example("census").run(*SAMPLE, "--pattern", "s*.py")
    assert run.returncode == 0, run.stderr
    assert "1 files with 30 lines, 4 functions and 2 classes; 0 files do not parse." in run.stdout
    assert "Files that do not parse" not in run.stdout


def test_worker_processes_give_the_same_report(example: Callable[[str], Any]) -> None:
    run = example("census").run(*SAMPLE, "--executor", "process", "--workers", "2")
    assert (run.returncode, run.stdout) == (0, REPORT), run.stderr


def test_an_empty_folder_is_a_report_too(example: Callable[[str], Any]) -> None:
    census = example("census")
    (census.folder / "nothing").mkdir()
    run = census.run("--root", "nothing")
    assert run.returncode == 0, run.stderr
    assert "0 files with 0 lines" in run.stdout


def test_a_missing_folder_fails_the_run_and_names_it(example: Callable[[str], Any]) -> None:
    census = example("census")
    run = census.run("--root", "nowhere")
    assert run.returncode == 1
    assert run.stdout == ""
    assert "nowhere" in run.stderr
    assert not (census.folder / "census.md").exists()


def test_the_standard_library_is_the_default(example: Callable[[str], Any]) -> None:
    census = example("census")
    run = census.run("--pattern", "a*.py")
    assert run.returncode == 0, run.stderr
    assert "argparse.py" in run.stdout
    assert "site-packages" not in run.stdout


@pytest.fixture
def census(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("census")


def test_measure_counts(census: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(
        "import os.path\nfrom . import here\n\n\nclass A:\n    def f(self):\n        pass\n"
    )
    assert census.measure.fn("one.py", str(tmp_path)) == census.SourceFile(
        path="one.py", lines=7, classes=1, functions=1, longest=census.Function("f", 2), imports=frozenset({"os"})
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"x = (", "'(' was never closed (line 1)"),
        (b"# -*- coding: martian -*-\n", "unknown encoding: martian"),
        (b"x = '\xff'", "codec can't decode byte 0xff"),
        (b"x = 1\x00", "null bytes"),
    ],
)
def test_measure_tells_why_a_file_does_not_parse(
    census: ModuleType, tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "bad.py").write_bytes(content)
    broken = census.measure.fn("bad.py", str(tmp_path))
    assert isinstance(broken, census.BrokenFile)
    assert broken.path == "bad.py"
    assert reason in broken.reason


def test_tables_pad_align_and_escape(census: ModuleType) -> None:
    assert census.table(("Name", "N"), [("a|b", 1_000), ("c", 2)]).splitlines() == [
        r"| Name |     N |",
        r"| ---- | ----: |",
        r"| a\|b | 1,000 |",
        r"| c    |     2 |",
    ]
    assert census.table(("Name", "N"), []) == ""
