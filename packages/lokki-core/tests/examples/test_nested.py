"""The nested map: packages, their modules, a merge per package, a report over all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

TREE = {
    "alpha/__init__.py": 1,
    "alpha/deep/inner.py": 40,
    "alpha/one.py": 3,
    "beta/__init__.py": 100,
    "gamma/__init__.py": 0,
    "no_package/module.py": 1_000,
}

REPORT = """\
beta                  100 lines in    1 modules,    100 of them in beta/__init__.py
alpha                  44 lines in    3 modules,     40 of them in alpha/deep/inner.py
gamma                   0 lines in    1 modules,      0 of them in gamma/__init__.py
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with three packages."""
    for name, lines in TREE.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n" * lines)
    return tmp_path / "tree"


@pytest.mark.parametrize("options", [(), ("--store", "memory"), ("--executor", "process", "--workers", "2")])
def test_reports_the_packages_of_a_folder(example: Callable[[str], Any], tree: Path, options: tuple[str, ...]) -> None:
    run = example("nested").run("--root", str(tree), *options)
    assert (run.returncode, run.stdout) == (0, REPORT), run.stderr


def test_a_folder_without_packages_gives_nothing_to_report(example: Callable[[str], Any], tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    run = example("nested").run("--root", str(tmp_path / "bare"))
    assert (run.returncode, run.stdout) == (0, "\n"), run.stderr


def test_the_standard_library_is_the_default(example: Callable[[str], Any]) -> None:
    run = example("nested").run("--top", "200")
    assert run.returncode == 0, run.stderr
    names = [line.split()[0] for line in run.stdout.splitlines()]
    assert {"asyncio", "json", "unittest"} <= set(names)


def test_no_result_is_lost_when_maps_end_beside_others(example: Callable[[str], Any], tmp_path: Path) -> None:
    """A few large inner maps are at work while many small ones come and go."""
    sizes = {f"p{number:03}": 400 if number % 40 == 0 else number % 5 + 1 for number in range(160)}
    for name, modules in sizes.items():
        package = tmp_path / "many" / name
        package.mkdir(parents=True)
        for module in ("__init__", *(f"m{i}" for i in range(modules - 1))):
            (package / f"{module}.py").write_text("x = 1\n")
    run = example("nested").run("--root", str(tmp_path / "many"), "--top", "160", "--workers", "8")
    assert run.returncode == 0, run.stderr
    assert {words[0]: int(words[1]) for words in map(str.split, run.stdout.splitlines())} == sizes


def test_merge_adds_up(load: Callable[[str], ModuleType]) -> None:
    nested = load("nested")
    small, large = nested.Module("p", "p/a.py", 1), nested.Module("p", "p/b.py", 5)
    assert nested.merge.fn([small, large]) == nested.Package("p", modules=2, lines=6, largest=large)
