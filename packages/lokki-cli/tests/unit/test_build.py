"""`build`: what is written, what is said about it, and what is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import BIRDS, DAILY, Finished, Folder, tree

ARTIFACTS = {"manifest.json", "sam.yaml", "statemachine.json", "template.yaml", "lambdas/Dockerfile"}


def document(done: Finished) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert isinstance(data, dict)
    return data


@pytest.mark.parametrize("name", ["birds", "census", "nested"])
def test_examples_build_and_builds_are_deterministic(folder: Folder, name: str) -> None:
    script = folder.example(name)
    by_script = folder.start(
        sys.executable, str(script), "build", cwd=script.parent, TZ="Asia/Tokyo", PYTHONHASHSEED="1"
    )
    by_cli = folder.cli("build", str(script), "--output", "other", PYTHONHASHSEED="2")
    assert (by_script.returncode, by_cli.returncode) == (0, 0), by_script.stderr + by_cli.stderr
    assert (by_script.stderr, by_cli.stderr) == ("", "")
    built = tree(script.parent / "lokki-build")
    assert set(built) >= ARTIFACTS | {f"lambdas/flow/{script.name}"}
    assert built == tree(folder.path / "other")
    assert all(len(line) <= 80 for line in by_script.stdout.splitlines())


def test_the_summary_says_what_a_user_wants_to_know(folder: Folder) -> None:
    folder.write(BIRDS)
    done = folder.cli("build", "birds_flow.py")
    data = json.loads((folder.path / "lokki-build" / "manifest.json").read_text())
    text = " ".join(done.stdout.split())
    for wanted in (
        "flow birds-flow",
        "statemachine.json",
        data["code"]["image"],
        "map flap: 100 at once (default",
        "1,000 items of map flap: about",
        "written to lokki-build/",
    ):
        assert wanted in text


def test_json_is_one_object(folder: Folder) -> None:
    folder.write(
        "print('loud')\n" + BIRDS.replace("\n    ", "\n").replace("    return get", "    print('x')\n    return get")
    )
    data = document(folder.cli("build", "birds_flow.py", "--env", "dev", "--json"))
    assert data["flow"] == "birds-flow"
    assert data["stack_name"] == "birds-flow-dev"
    assert data["directory"] == str(folder.path / "lokki-build")
    assert data["image"] == f"birds-flow:{data['image_tag']}"
    assert data["files"] == sorted(tree(folder.path / "lokki-build"))
    assert data["assumed"] == {}
    assert data["warnings"] == []


def test_required_parameters_are_made_up_and_named(folder: Folder) -> None:
    folder.write(DAILY, "daily.py")
    done = folder.cli("build", "daily.py")
    assert done.returncode == 0, done.stderr
    assert "assumed day = '2000-01-01', size = 'SMALL': parameters" in " ".join(done.stdout.split())
    assert document(folder.cli("build", "daily.py", "--json"))["assumed"] == {"day": "2000-01-01", "size": "SMALL"}


def test_given_parameters_are_not_made_up(folder: Folder) -> None:
    folder.write(DAILY, "daily.py")
    for words in (
        ["--day", "2026-01-01", "--size", "LARGE", "--fast"],
        ["--day=2026-01-01", "--param", "size=LARGE", "--no-fast"],
        ["--params", "params.json"],
        ["--params", "-", "--fast", "yes"],
    ):
        text = '{"day": "2026-01-01", "size": "LARGE"}'
        folder.write(text, "params.json")
        done = folder.cli("build", "daily.py", *words, "--json", stdin=text)
        assert document(done)["assumed"] == {}


def test_a_parameter_with_the_name_of_an_option(folder: Folder) -> None:
    folder.write(DAILY, "daily.py")
    data = document(folder.cli("build", "daily.py", "--output", "there", "--param", "output=file.csv", "--json"))
    assert data["directory"] == str(folder.path / "there")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--day", "soon"], "parameter 'day': 'soon' is not date (YYYY-MM-DD)"),
        (["--size", "HUGE"], "parameter 'size': 'HUGE' is not one of SMALL, LARGE"),
        (["--fast", "maybe"], "parameter 'fast': 'maybe' is not bool"),
        (["--colour", "red"], "there is no parameter 'colour'"),
        (["--colour"], "there is no option '--colour', or its value is missing. See --help."),
        (["--param", "day"], "--param day: it is written NAME=VALUE."),
        (["--params", "missing.json"], "--params missing.json:"),
        (["--output", "daily.py"], "this is a file, not a folder"),
        (["--output", "daily.py/inside"], "the build could not be written"),
        (["--output", "/proc/nowhere"], "the build could not be written"),
        (["--output", "full"], "the folder holds files, but no build of lokki's. Choose another build_dir"),
    ],
)
def test_what_is_refused(folder: Folder, words: list[str], message: str) -> None:
    folder.write(DAILY, "daily.py")
    folder.write("precious", "full/old.txt")
    before = tree(folder.path)
    done = folder.cli("build", "daily.py", *words, PYTHONDONTWRITEBYTECODE="1")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error: {message}" in done.stderr or message in done.stderr
    assert tree(folder.path) == before


def test_two_mistaken_parameters_are_told_at_once(folder: Folder) -> None:
    folder.write(DAILY, "daily.py")
    done = folder.cli("build", "daily.py", "--day", "soon", "--size", "HUGE")
    assert "'soon' is not date" in done.stderr
    assert "'HUGE' is not one of" in done.stderr


def test_an_earlier_build_is_replaced(folder: Folder) -> None:
    folder.write(BIRDS)
    assert folder.cli("build", "birds_flow.py").returncode == 0
    first = tree(folder.path / "lokki-build")
    folder.write(DAILY, "daily.py")
    assert folder.cli("build", "daily.py").returncode == 0
    assert "lambdas/flow/birds_flow.py" not in tree(folder.path / "lokki-build")
    assert folder.cli("build", "birds_flow.py").returncode == 0
    assert tree(folder.path / "lokki-build") == first


def test_a_body_that_made_up_parameters_break(folder: Folder) -> None:
    folder.write(
        DAILY.replace("day: date", "day: str").replace("day.replace(day=5)", "date.fromisoformat(day)"), "daily.py"
    )
    done = folder.cli("build", "daily.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert "made-up parameters (day = '', size = 'SMALL'); give real ones: --day VALUE --size VALUE" in done.stderr
    assert "date.fromisoformat(day)" in done.stderr
    given = folder.cli("build", "daily.py", "--day", "nonsense", "--size", "LARGE")
    assert given.returncode == 2
    assert "made-up" not in given.stderr


def test_all_mistakes_of_a_flow_at_once(folder: Folder) -> None:
    source = BIRDS.replace("def flap(bird)", "def flap(bird, wings, feathers)")
    folder.write(source)
    done = folder.cli("build", "birds_flow.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert "flow 'birds-flow' has 2 mistakes" in done.stderr
    assert "nothing fills parameter 'wings'" in done.stderr
    assert "nothing fills parameter 'feathers'" in done.stderr


def test_all_that_aws_would_refuse_at_once(folder: Folder) -> None:
    long = "a_name_that_is_far_too_long_for_what_aws_allows_its_functions_to_be_called_and_then_some"
    folder.write(
        BIRDS.replace("flap", long).replace("def birds_flow", f"def {long}_flow").replace("birds_flow", f"{long}_flow")
    )
    done = folder.cli("build", "birds_flow.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert "mistakes" in done.stderr
    assert not (folder.path / "lokki-build").exists()


def test_warnings_go_to_stderr(folder: Folder) -> None:
    folder.write(BIRDS)
    folder.write("[aws]\nfailure_topic = 'arn:aws:sns:eu-west-1:1:t'\n[include]\npaths = ['*.csv']\n", "lokki.toml")
    done = folder.cli("build", "birds_flow.py")
    assert done.returncode == 0
    assert "warning:" not in done.stdout
    assert done.stderr.count("warning: ") == 2
    assert "warning: include.paths: '*.csv' matches no file beside birds_flow.py\n" in done.stderr
    data = document(folder.cli("build", "birds_flow.py", "--json"))
    assert [f"warning: {text}" for text in data["warnings"]] == done.stderr.splitlines()


def test_a_warning_of_the_configuration(folder: Folder) -> None:
    folder.write(BIRDS)
    folder.write("build_dir = 'a'\n", "lokki.toml")
    folder.write("build_dir: b\n", "lokki.yml")
    done = folder.cli("build", "birds_flow.py")
    assert done.returncode == 0
    assert "lokki.yml" in done.stderr
    assert (folder.path / "a" / "manifest.json").exists()


def test_files_of_the_include_globs_come_along(folder: Folder) -> None:
    folder.write(BIRDS)
    folder.write("1,2\n", "data/birds.csv")
    folder.write("[include]\npaths = ['data']\n", "lokki.toml")
    assert folder.cli("build", "birds_flow.py").returncode == 0
    assert tree(folder.path / "lokki-build")["lambdas/flow/data/birds.csv"] == b"1,2\n"


PROJECT = '[project]\nname = "birds"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = [{}]\n'


def test_the_nearest_project_counts(folder: Folder) -> None:
    folder.write(PROJECT.format('"outer-package"'), "pyproject.toml")
    folder.write("[tool.ruff]\n", "flows/pyproject.toml")
    script = folder.write(BIRDS, "flows/deep/birds_flow.py")
    done = folder.cli("build", str(script))
    assert "outer-package" in " ".join(text.decode() for text in tree(folder.path / "lokki-build").values())
    assert "there is no uv.lock" in done.stderr


def test_a_project_beyond_the_repository_does_not_count(folder: Folder) -> None:
    folder.write(PROJECT.format('"outer-package"'), "pyproject.toml")
    (folder.path / "repo" / ".git").mkdir(parents=True)
    script = folder.write(BIRDS, "repo/birds_flow.py")
    done = folder.cli("build", str(script))
    assert (done.returncode, done.stderr) == (0, "")
    assert "dependencies none" in " ".join(done.stdout.split())


LOCK = """version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "birds"
version = "1"
source = { virtual = "." }
"""


def test_a_lock_is_exported_by_uv(folder: Folder) -> None:
    folder.write(PROJECT.format(""), "pyproject.toml")
    folder.write(LOCK, "uv.lock")
    folder.write(BIRDS)
    done = folder.cli("build", "birds_flow.py")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert "uv.lock" in done.stdout
    folder.write("nonsense", "uv.lock")
    done = folder.cli("build", "birds_flow.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert "uv could not read uv.lock" in done.stderr


def test_an_interruption(folder: Folder) -> None:
    folder.write("raise KeyboardInterrupt\n")
    done = folder.cli("build", "birds_flow.py")
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.strip() == "interrupted."


def test_nobody_reads(folder: Folder) -> None:
    folder.write(BIRDS)
    script = f"{Path(sys.executable).parent}/lokki-cli build birds_flow.py --json | true; exit ${{PIPESTATUS[0]}}"
    done = folder.start("bash", "-c", script)
    assert done.returncode in (0, 1)  # whether `true` was faster
    assert done.stderr == ""
