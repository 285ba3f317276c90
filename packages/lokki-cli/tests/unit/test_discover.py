"""Which flow `FILE[:NAME]` means, and what is said where it means none."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from lokki.errors import FlowDefinitionError, LokkiError
from lokki_cli.discover import load_flow, split
from lokki_cli.errors import FlowNotFoundError
from lokki_cli.flowcommand import place_of_flow

from .conftest import BIRDS, Folder

TWO = """
    from lokki import flow, step

    @step
    def one():
        return 1

    @flow
    def first_flow():
        return one()

    @flow
    def second_flow():
        return one()

    same_flow = second_flow
"""


def refused(target: str) -> str:
    with pytest.raises(FlowNotFoundError) as caught:
        load_flow(target)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_the_only_flow_of_a_file(here: Folder) -> None:
    here.write(BIRDS, "only_flow.py")
    flow, file = load_flow("only_flow.py")
    assert (flow.name, file, flow.fn.__module__) == ("birds-flow", "only_flow.py", "only_flow")
    assert sys.argv == ["only_flow.py"]


@pytest.mark.parametrize("name", ["second_flow", "second-flow"])
def test_one_of_several(here: Folder, name: str) -> None:
    here.write(TWO, "two_flows.py")
    assert load_flow(f"two_flows.py:{name}")[0].name == "second-flow"


def test_several_have_to_be_named(here: Folder) -> None:
    here.write(TWO, "two_flows.py")
    said = "two_flows.py: there are 2 flows in it. Say which: two_flows.py:first_flow, two_flows.py:second_flow."
    assert refused("two_flows.py") == said
    assert refused("two_flows.py:third") == "two_flows.py: there is no flow 'third'. There is: first_flow, second_flow."


def test_a_files_own_flow_goes_before_imported_ones(here: Folder) -> None:
    here.write(TWO, "other_flows.py")
    here.write("from other_flows import *\n" + BIRDS.replace("\n    ", "\n"), "own_flow.py")
    assert load_flow("own_flow.py")[0].name == "birds-flow"
    assert load_flow("own_flow.py:first_flow")[0].name == "first-flow"


def test_an_imported_flow_counts_where_there_is_no_other(here: Folder) -> None:
    here.write(TWO, "some_flows.py")
    here.write("from some_flows import first_flow\n", "deployed.py")
    assert load_flow("deployed.py")[0].name == "first-flow"


def test_a_file_without_a_flow(here: Folder) -> None:
    here.write("x = 1\n", "plain_file.py")
    assert refused("plain_file.py") == "plain_file.py: there is no flow in it. Mark a function with @flow."
    assert "There is no flow in it at all" in refused("plain_file.py:x")


def test_what_is_no_flow_file(here: Folder) -> None:
    (here.path / "folder").mkdir()
    here.write("", "text.txt")
    here.write(BIRDS)
    assert refused("folder") == "folder: this is a folder. Name the flow file in it."
    assert refused("text.txt") == "text.txt: this is no Python file. A flow file ends with .py."
    assert refused("birds.py") == "birds.py: there is no such file. Did you mean 'birds_flow.py'?"
    assert refused("birds_flow") == "birds_flow: there is no such file. Did you mean 'birds_flow.py'?"
    assert refused("").startswith(": there is no such file.")
    assert refused("nowhere/birds.py") == "nowhere/birds.py: there is no such file."


def broken(here: Folder, source: str, name: str) -> LokkiError:
    here.write(source, name)
    with pytest.raises(FlowDefinitionError) as caught:
        load_flow(name)
    assert name.removesuffix(".py") not in sys.modules
    return caught.value


def test_mistakes_of_steps_are_told_as_they_are(here: Folder) -> None:
    error = broken(here, "from lokki import step\nstep(3)\n", "wrong_step.py")
    assert str(error).startswith("wrong_step.py:2: @step was given 3")


@pytest.mark.parametrize(
    ("source", "shown", "hidden"),
    [
        ("import no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module'", "importlib"),
        ("def f(:\n", "SyntaxError", "lokki_cli"),
        ("def f():\n    1 / 0\nf()\n", "ZeroDivisionError", "lokki_cli"),
        ("x = 'a\0b'\n", "SyntaxError", "lokki_cli"),
    ],
)
def test_a_file_that_fails_shows_its_authors_traceback(folder: Folder, source: str, shown: str, hidden: str) -> None:
    folder.write(source, "broken.py")
    done = folder.cli("build", "broken.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.match(
        rf"error: broken.py:\d: the flow file cannot be imported, {shown.partition(':')[0]}: .*\.\n", done.stderr
    )
    assert shown in done.stderr
    assert hidden not in done.stderr
    assert 'broken.py", line' in done.stderr or "null bytes" in done.stderr
    assert done.stderr.count("Traceback") <= 1


def test_a_file_that_ends_the_process(here: Folder) -> None:
    error = broken(here, "raise SystemExit(7)\n", "ending.py")
    assert "ended the process while it was imported (exit code 7)" in str(error)


@pytest.mark.parametrize("command", ["run", "build"])
def test_main_without_a_guard(folder: Folder, command: str) -> None:
    folder.write(BIRDS.replace('if __name__ == "__main__":', "if True:"))
    done = folder.cli(command, "birds_flow.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("error:") == 1
    assert "Write: if __name__ == '__main__': main(...)." in done.stderr
    assert not (folder.path / ".lokki").exists()
    assert not (folder.path / "lokki-build").exists()


def test_a_file_with_the_name_of_a_module(here: Folder) -> None:
    here.write(BIRDS, "click.py")
    with pytest.raises(FlowDefinitionError, match=r"'click.py' has the name of the module 'click'.*Rename the file"):
        load_flow("click.py")


def test_what_a_file_prints_is_no_result(folder: Folder) -> None:
    folder.write("print('hello')\n" + BIRDS.replace("\n    ", "\n"))
    done = folder.cli("run", "birds_flow.py")
    assert done.stdout.startswith("['flappy")
    assert "hello" in done.stderr


def test_a_flow_beside_the_modules_it_imports(folder: Folder) -> None:
    folder.write("LIMIT = 1\n", "flows/settings.py")
    source = "from settings import LIMIT\n" + BIRDS.replace("limit=3).map", "limit=LIMIT).map").replace("\n    ", "\n")
    folder.write(source, "flows/birds_flow.py")
    done = folder.cli("run", "flows/birds_flow.py")
    assert (done.returncode, done.stdout) == (0, "['flappy goose']\n"), done.stderr


def test_colons_in_names_of_files(here: Folder) -> None:
    here.write(BIRDS, "a:b.py")
    assert split("a:b.py") == ("a:b.py", "")
    assert split("a:b.py:flow") == ("a:b.py", "flow")
    assert split("flow.py") == ("flow.py", "")


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("flow.py", 0),
        ("flow.py --limit 5", 0),
        ("--limit 5 flow.py:name", 2),
        ("--output out.py flow.py", 2),
        ("--output=out.py flow.py", 1),
        ("--json flow", 1),
        ("--json", None),
        ("", None),
    ],
)
def test_which_word_is_the_flow(words: str, place: int | None) -> None:
    assert place_of_flow(words.split(), {"--output"}) == place


def test_a_folder_that_cannot_be_listed(here: Folder) -> None:
    assert refused(os.path.join("no", "such", "flow.py")).endswith("there is no such file.")


def test_an_absolute_path(folder: Folder, tmp_path: Path) -> None:
    file = folder.write(BIRDS)
    (tmp_path / "elsewhere").mkdir()
    done = folder.cli("run", str(file), cwd=tmp_path / "elsewhere")
    assert done.returncode == 0
    assert (folder.path / ".lokki").exists()
