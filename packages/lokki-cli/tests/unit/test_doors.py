"""`python flow.py CMD`, `lokki-cli CMD flow.py`, `lokki CMD flow.py`, `python -m lokki_cli CMD flow.py`: one thing."""

from __future__ import annotations

import json
import re
import sys

import pytest

from .conftest import BIRDS, DAILY, SPELLINGS, Folder, program, tree

BOTH_DOORS = pytest.mark.parametrize("spelling", ["script", "lokki-cli"])
PARAMETERS = ("run", "build", "deploy", "invoke", "graph")
"""Commands that take the flow's parameters."""
OTHERS = ("resume", "show", "logs", "result", "destroy", "rollback", "config")
ALONE = ("bootstrap", "image", "completion")
"""Commands without a flow."""
COMMANDS = (*PARAMETERS[:4], *OTHERS[:-1], "graph", "config", *ALONE)


def test_all_spellings_run_alike(folder: Folder) -> None:
    folder.write(BIRDS)
    done = [
        folder.spelled(spelling, "run", "birds_flow.py", "--limit", "2", "--run-id", f"by-{spelling}")
        for spelling in SPELLINGS
    ]
    assert {(one.returncode, one.stdout) for one in done} == {(0, "['flappy goose', 'flappy duck']\n")}
    kept = {path.name for path in (folder.path / ".lokki" / "birds-flow" / "runs").iterdir()}
    assert {f"by-{spelling}" for spelling in SPELLINGS} <= kept


def test_all_spellings_build_alike(folder: Folder) -> None:
    folder.write(BIRDS)
    seen = []
    for spelling in SPELLINGS:
        done = folder.spelled(spelling, "build", "birds_flow.py")
        seen.append((done.returncode, done.stdout, done.stderr, tree(folder.path / "lokki-build")))
    assert seen[0][0] == 0, seen[0]
    assert all(one == seen[0] for one in seen)


def test_all_spellings_show_the_same_configuration(folder: Folder) -> None:
    folder.write(BIRDS)
    folder.write("[aws]\nregion = 'eu-west-1'\n", "lokki.toml")
    done = [folder.spelled(spelling, "config", "birds_flow.py", "--json") for spelling in SPELLINGS]
    assert {(one.returncode, one.stdout, one.stderr) for one in done} == {(0, done[0].stdout, "")}
    assert "eu-west-1" in json.dumps(json.loads(done[0].stdout))


@BOTH_DOORS
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["build", "--limit", "x"], "error: parameter 'limit': 'x' is not int.\n"),
        (["run", "--limit", "x"], "error: parameter 'limit': 'x' is not int.\n"),
        (["run", "--lmit", "2"], "error: there is no parameter 'lmit'. Did you mean 'limit'?\n"),
        (["build", "--lmit", "2"], "error: there is no parameter 'lmit'. Did you mean 'limit'?\n"),
        (["build", "--env", "a b"], "error: aws.environment (from option --env): must be letters and digits"),
    ],
)
def test_both_doors_refuse_alike(folder: Folder, spelling: str, words: list[str], message: str) -> None:
    folder.write(BIRDS)
    done = folder.spelled(spelling, words[0], "birds_flow.py", *words[1:])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message) or message in done.stderr


@BOTH_DOORS
def test_a_step_that_fails_is_exit_code_1(folder: Folder, spelling: str) -> None:
    folder.write(BIRDS.replace('return f"flappy {bird}"', "raise ValueError(bird)"))
    done = folder.spelled(spelling, "run", "birds_flow.py")
    assert done.returncode == 1
    assert re.search(r"^ValueError: (goose|duck|seagull)$", done.stderr, re.MULTILINE)
    assert "Go on with: python birds_flow.py run --resume" in done.stderr


@pytest.mark.parametrize("command", [*PARAMETERS, *OTHERS])
@BOTH_DOORS
def test_help_of_every_command(folder: Folder, spelling: str, command: str) -> None:
    folder.write(DAILY, "daily.py")
    done = folder.spelled(spelling, command, "daily.py", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert command in done.stdout.splitlines()[0]
    assert "python" in done.stdout  # an example
    assert ("--day VALUE" in done.stdout) is (command in PARAMETERS)
    assert "SUPPRESS" not in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines()), done.stdout


@pytest.mark.parametrize("command", ALONE)
def test_help_of_commands_without_a_flow(folder: Folder, command: str) -> None:
    done = folder.cli(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"  lokki-cli {command}" in done.stdout  # an example
    assert all(len(line) <= 80 for line in done.stdout.splitlines()), done.stdout


@pytest.mark.parametrize("words", [[], ["help"], ["--help"], ["-h"]])
def test_help_lists_the_commands_in_the_order_of_a_flows_life(folder: Folder, words: list[str]) -> None:
    folder.write(DAILY, "daily.py")
    by_cli, by_script = folder.cli(*words), folder.start(sys.executable, "daily.py", *words)
    for done in (by_cli, by_script):
        assert (done.returncode, done.stderr) == (0, "")
        listed = done.stdout.partition("Commands:\n")[2].split("\n")
        assert [line.split()[0] for line in listed if line] == list(COMMANDS)
    assert by_script.stdout.startswith("Usage: python daily.py ")
    assert "Flow 'daily-flow'. Make a day." in by_script.stdout
    assert "FILE:NAME" in by_cli.stdout


@pytest.mark.parametrize("words", [["version"], ["--version"], ["-V"]])
def test_versions(folder: Folder, words: list[str]) -> None:
    done = folder.cli(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("lokki-cli 0.")
    assert "lokki-builder 0." in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["biuld"], "there is no command 'biuld'. Did you mean 'build'? See: lokki-cli --help"),
        (["nonsense", "x.py"], "there is no command 'nonsense'. See: lokki-cli --help"),
        (
            ["birds_flow.py", "build", "--json"],
            "the command comes before the flow: lokki-cli build birds_flow.py --json.",
        ),
        (["birds_flow.py"], "the command comes before the flow: lokki-cli COMMAND birds_flow.py."),
        (["--nonsense"], "no such option"),
        (["--debug"], "missing command. See: lokki-cli --help"),
        (["build"], "no flow is named. Write: lokki-cli build FILE.py"),
        (["run", "--workers"], "no flow is named. Write: lokki-cli run FILE.py"),
        (["build", "birds_flow.py", "--output"], "option '--output' requires an argument."),
        (["build", "birds_flow.py", "other"], "'other' is not understood."),
    ],
)
def test_mistakes_on_the_command_line(folder: Folder, words: list[str], message: str) -> None:
    folder.write(BIRDS)
    done = folder.cli(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error: {message}" in done.stderr


def test_a_command_that_core_does_not_know_either(folder: Folder) -> None:
    folder.write(BIRDS)
    done = folder.start(sys.executable, "birds_flow.py", "biuld")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no command 'biuld'. Did you mean 'build'? See: python birds_flow.py --help" in done.stderr


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["build", "--help"], ["build", "birds_flow.py"]])
def test_a_full_stdout_is_one_clear_error(folder: Folder, words: list[str]) -> None:
    folder.write(BIRDS)
    done = folder.start("sh", "-c", 'exec "$0" "$@" > /dev/full', program("lokki-cli"), *words)
    assert done.returncode == 1
    assert done.stderr == "error: stdout cannot be written to: No space left on device.\n"


def test_debug_shows_the_traceback(folder: Folder) -> None:
    done = folder.cli("build", "missing.py", "--debug")
    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert "error: missing.py: there is no such file." in done.stderr


def test_worker_processes_find_the_flow(folder: Folder) -> None:
    folder.write(BIRDS)
    done = folder.cli("run", "birds_flow.py", "--executor", "process", "--workers", "2")
    assert (done.returncode, done.stdout) == (0, "['flappy goose', 'flappy duck', 'flappy seagull']\n"), done.stderr


def test_what_one_spelling_ran_another_reads(folder: Folder) -> None:
    """Values of the file's own classes are known by one name however the file was started."""
    source = BIRDS.replace('return f"flappy {bird}"', "return Flap(bird)").replace(
        "    @step\n    def flap", "    @dataclass\n    class Flap:\n        bird: str\n\n    @step\n    def flap"
    )
    folder.write("from dataclasses import dataclass\n" + source.replace("\n    ", "\n"))
    assert folder.cli("run", "birds_flow.py", "--run-id", "one").returncode == 0
    reading = "import lokki; print(lokki.Run('birds-flow', 'one')['flap'][1].output)"
    done = folder.start(sys.executable, "-c", reading)
    assert done.stdout == "Flap(bird='duck')\n", done.stderr


IMPORTED = """
import sys
sys.argv = {argv!r}
{start}
print("imported:", *(name for name in {names!r} if name in sys.modules), file=sys.__stdout__)
"""


def imported(folder: Folder, argv: list[str], start: str, *names: str) -> list[str]:
    """Which of these modules a command line imports."""
    wrapped = f"try:\n    {start}\nexcept SystemExit as end:\n    assert not end.code, end.code"
    done = folder.start(sys.executable, "-c", IMPORTED.format(argv=argv, start=wrapped, names=names))
    assert done.returncode == 0, done.stderr
    return done.stdout.rpartition("imported:")[2].split()


def test_run_by_script_does_not_know_of_this_package(folder: Folder) -> None:
    file = str(folder.write(BIRDS))
    start = f"import runpy; runpy.run_path({file!r}, run_name='__main__')"
    assert imported(folder, [file, "run"], start, "lokki_cli", "click", "importlib.metadata") == []


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["config", "--help"]])
def test_help_is_cheap(folder: Folder, words: list[str]) -> None:
    heavy = ("boto3", "docker", "rich", "yaml", "lokki_builder", "lokki.runner.local", "lokki_cli.commands.build")
    assert imported(folder, ["lokki-cli", *words], "from lokki_cli.app import main; main()", *heavy) == []


def test_a_build_that_no_terminal_sees_leaves_rich_out(folder: Folder) -> None:
    folder.write(BIRDS)
    words = ["lokki-cli", "build", "birds_flow.py"]
    assert imported(folder, words, "from lokki_cli.app import main; main()", "rich", "boto3") == []


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in ("run", "config")])
def test_only_work_in_aws_loads_its_client(folder: Folder, command: str) -> None:
    argv = ["lokki-cli", command, "--help"]
    assert imported(folder, argv, "from lokki_cli.app import main; main()", "boto3", "botocore", "rich") == []
