"""The example of the README and of the first page of the documentation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SONG = "flappy goose, flappy duck, flappy seagul\n"


def test_prints_the_result_alone(example: Callable[[str], Any]) -> None:
    run = example("birds").run()
    assert run.returncode == 0, run.stderr
    assert run.stdout == SONG


def test_runs_from_another_folder_and_stores_its_run_beside_the_flow(
    example: Callable[[str], Any], tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    birds = example("birds")
    run = birds.run(cwd=elsewhere)
    assert (run.returncode, run.stdout) == (0, SONG), run.stderr
    assert len(list((birds.folder / ".lokki" / "birds-flow" / "runs").iterdir())) == 1
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("options", [("--store", "memory"), ("--executor", "process", "--workers", "2")])
def test_store_and_executor_do_not_change_the_result(example: Callable[[str], Any], options: tuple[str, ...]) -> None:
    run = example("birds").run(*options)
    assert (run.returncode, run.stdout) == (0, SONG), run.stderr


def test_an_unknown_option_is_refused_before_anything_runs(example: Callable[[str], Any]) -> None:
    birds = example("birds")
    run = birds.run("--colour", "red")
    assert run.returncode == 2
    assert run.stdout == ""
    assert "colour" in run.stderr
    assert not (birds.folder / ".lokki").exists()


def test_steps_are_plain_functions_inside(load: Callable[[str], ModuleType]) -> None:
    birds = load("birds")
    assert birds.flap_bird.fn("owl") == "flappy owl"
    assert birds.join_birds.fn(["a", "b"]) == "a, b"
