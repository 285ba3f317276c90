"""What a shell offers: asked as a shell asks, through the environment."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from ..conftest import BIRDS, DAILY, Folder, program

TWO = BIRDS.replace(
    'if __name__ == "__main__":', "@flow\n    def other_flow(height: int = 3): return get_birds()\n    if True:"
)


def offered(folder: Folder, *words: str, name: str = "lokki-cli") -> list[str]:
    """What bash is told for the last of `words`."""
    variable = f"_{name.replace('-', '_').upper()}_COMPLETE"
    line = " ".join([name, *words])
    asked = [f"{variable}=bash_complete", f"COMP_WORDS={line}", f"COMP_CWORD={len(words)}"]
    done = folder.start("env", *asked, program(name))
    assert done.stderr == ""
    return [one.partition(",")[2] for one in done.stdout.splitlines() if one]


@pytest.mark.parametrize("name", ["lokki-cli", "lokki"])
def test_commands(folder: Folder, name: str) -> None:
    assert offered(folder, "inv", name=name) == ["invoke"]
    assert {"run", "build", "invoke", "show", "logs", "result", "graph", "config"} <= set(
        offered(folder, "''", name=name)
    )


def test_flow_files_and_their_flows(folder: Folder) -> None:
    folder.write(TWO)
    folder.write(DAILY, "below/daily.py")
    folder.write("", ".hidden.py")
    folder.write("", "notes.txt")
    folder.write("", "__pycache__/x.py")
    assert offered(folder, "show", "''") == ["below/", "birds_flow.py"]
    assert offered(folder, "run", "below/") == ["below/daily.py"]
    assert offered(folder, "result", "bi") == ["birds_flow.py"]
    assert offered(folder, "graph", "birds_flow.py:") == ["birds_flow.py:birds_flow", "birds_flow.py:other_flow"]
    assert offered(folder, "graph", "no/such/") == []


def test_options_and_the_flows_parameters(folder: Folder) -> None:
    folder.write(DAILY + "\n    raise SystemExit('imported')\n", "daily.py")
    folder.write(TWO)
    assert {"--run-id", "--wait", "--day", "--size", "--output", "--fast", "--param"} <= set(
        offered(folder, "invoke", "daily.py", "--")
    )
    assert offered(folder, "invoke", "daily.py", "--da") == ["--day"]
    assert sorted(offered(folder, "graph", "birds_flow.py:other_flow", "--he")) == ["--height", "--help"]
    assert "--height" not in offered(folder, "graph", "birds_flow.py:birds_flow", "--")
    assert "--day" not in offered(folder, "show", "daily.py", "--")
    assert {"--resume", "--executor", "--day"} <= set(offered(folder, "run", "daily.py", "--"))
    assert offered(folder, "graph", "birds_flow.py", "--format", "''") == ["text", "mermaid", "svg"]


def test_runs_on_this_machine(folder: Folder) -> None:
    folder.write(BIRDS)
    for run in ("20260101-a", "20260102-b"):
        (folder.path / ".lokki" / "birds-flow" / "runs" / run).mkdir(parents=True)
    assert offered(folder, "result", "birds_flow.py", "''") == ["20260102-b", "20260101-a"]
    assert offered(folder, "result", "birds_flow.py", "20260101") == ["20260101-a"]
    assert offered(folder, "result", "elsewhere/birds_flow.py", "''") == []


def test_nonsense_is_no_error(folder: Folder) -> None:
    folder.write("this is no Python", "birds_flow.py")
    assert "run" in offered(folder, "nonsense", "''")  # the word may still be mended
    assert offered(folder, "graph", "birds_flow.py:") == []
    assert "--help" in offered(folder, "graph", "birds_flow.py", "--")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_for_shells(folder: Folder, shell: str) -> None:
    done = folder.cli("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert "_LOKKI_CLI_COMPLETE" in done.stdout
    assert "_LOKKI_COMPLETE" in done.stdout


def test_bash_takes_the_script_and_completes(folder: Folder) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    folder.write(BIRDS)
    (folder.path / "script").write_text(folder.cli("completion", "bash").stdout, encoding="utf-8")
    words = (
        "source ./script; COMP_WORDS=(lokki-cli gra); COMP_CWORD=1; _lokki_cli_completion lokki-cli;"
        ' echo "${COMPREPLY[@]}"'
    )
    path = f"{program('x').removesuffix('/x')}:/usr/bin:/bin"
    done = folder.start(bash, "--norc", "-c", words, PATH=path)
    assert done.stdout == "graph\n", done.stderr


def test_another_shell_is_refused(folder: Folder) -> None:
    done = folder.cli("completion", "tcsh")
    assert done.returncode == 2
    assert "tcsh" in done.stderr


def test_completion_imports_no_flow(folder: Folder) -> None:
    folder.write("from pathlib import Path\nPath('imported').touch()\n" + BIRDS.replace("\n    ", "\n"))
    offered(folder, "invoke", "birds_flow.py", "--")
    assert not (folder.path / "imported").exists()
    assert subprocess.run([sys.executable, "birds_flow.py", "version"], cwd=folder.path, check=False).returncode == 0
    assert (folder.path / "imported").exists()
