"""Where dependencies are found, and the programs that read and install them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from lokki_builder.errors import PackagingError
from lokki_builder.project import read_dependencies
from lokki_builder.request import Dependencies
from lokki_builder.tools import Finished, Tools, compatible, run

PROJECT = '[project]\nname = "x"\nversion = "1"\ndependencies = ["numpy>=2", "attrs"]\n'


@dataclass
class Machine:
    """Answers for programs: a code and an output for each beginning of a command; the last one counts."""

    answers: dict[str, Finished] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    folders: list[str | None] = field(default_factory=list)

    def __call__(self, command: Sequence[str], folder: str | None, variables: Mapping[str, str]) -> Finished:
        line = " ".join(command)
        self.commands.append(line)
        self.folders.append(folder)
        return next((done for start, done in self.answers.items() if line.startswith(start)), Finished(0, "", ""))


def tools(machine: Machine, *, uv: bool = True) -> Tools:
    return Tools(machine, ("uv",) if uv else None, "python")


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content, encoding="utf-8")
    return folder


def test_no_project_no_dependencies(tmp_path: Path) -> None:
    write(tmp_path / ".git")
    assert read_dependencies(write(tmp_path / "flows"), tools(Machine())) == Dependencies()
    write(tmp_path, pyproject__toml="[tool.other]\n")
    assert read_dependencies(tmp_path / "flows", tools(Machine())) == Dependencies()


def test_a_lock_is_exported(tmp_path: Path) -> None:
    write(tmp_path, pyproject__toml=PROJECT, uv__lock="")
    machine = Machine({"uv export": Finished(0, "numpy==2.0 \\\n    --hash=sha256:aa\n", "")})
    found = read_dependencies(write(tmp_path / "flows"), tools(machine))
    assert found == Dependencies("lock", "numpy==2.0 \\\n    --hash=sha256:aa\n")
    assert machine.folders == [str(tmp_path)]
    for option in ("--frozen", "--no-dev", "--no-emit-project", "--prune=lokki-cli"):
        assert option in machine.commands[0]


def test_the_lock_of_a_workspace_around_the_project(tmp_path: Path) -> None:
    write(tmp_path, uv__lock="", pyproject__toml="[tool.uv.workspace]\n")
    write(tmp_path / "member", pyproject__toml=PROJECT)
    assert read_dependencies(tmp_path / "member", tools(Machine())).source == "lock"


def test_the_search_ends_with_the_repository(tmp_path: Path) -> None:
    write(tmp_path, pyproject__toml=PROJECT)
    assert read_dependencies(write(tmp_path / "inner" / ".git").parent, tools(Machine())) == Dependencies()


def test_without_a_lock_the_project_counts(tmp_path: Path) -> None:
    write(tmp_path / ".git")
    write(tmp_path, pyproject__toml=PROJECT)
    assert read_dependencies(tmp_path, tools(Machine())) == Dependencies("project", "numpy>=2\nattrs\n")
    write(tmp_path, pyproject__toml='[project]\nname = "x"\n')
    assert read_dependencies(tmp_path, tools(Machine())) == Dependencies()


@pytest.mark.parametrize(
    ("content", "said"),
    [("[project", "it is no TOML"), ('[project]\ndependencies = "numpy"\n', "is a list of texts")],
)
def test_projects_written_wrongly(tmp_path: Path, content: str, said: str) -> None:
    write(tmp_path / ".git")
    with pytest.raises(PackagingError, match=said):
        read_dependencies(write(tmp_path, pyproject__toml=content), tools(Machine()))


def test_a_lock_needs_uv(tmp_path: Path) -> None:
    write(tmp_path, pyproject__toml=PROJECT, uv__lock="")
    with pytest.raises(PackagingError, match="pip install uv"):
        read_dependencies(tmp_path, tools(Machine(), uv=False))
    broken = Machine({"uv export": Finished(2, "", "the lock is broken")})
    with pytest.raises(PackagingError, match=r"could not read uv\.lock: the lock is broken"):
        read_dependencies(tmp_path, tools(broken))


def test_uv_installs_for_the_target(tmp_path: Path) -> None:
    machine = Machine()
    tools(machine).install(tmp_path, ["-r", "x.txt"], "3.12", "manylinux_2_28_x86_64")
    (command,) = machine.commands
    assert command.startswith("uv pip install")
    assert "--python-version 3.12 --python-platform x86_64-manylinux_2_28" in command
    assert command.endswith(f"--target {tmp_path} --only-binary :all: -r x.txt")


def test_pip_takes_over_where_uv_does_not_run(tmp_path: Path) -> None:
    machine = Machine({"uv": Finished(2, "", "no certificates")})
    tools(machine).install(tmp_path, ["numpy"], "3.12", "manylinux_2_17_aarch64")
    assert machine.commands[1].startswith("python -m pip install")
    assert "--platform=manylinux_2_17_aarch64 --platform=manylinux2014_aarch64" in machine.commands[1]


def test_both_are_heard_when_both_fail(tmp_path: Path) -> None:
    machine = Machine({"uv": Finished(2, "", "no wheel"), "python": Finished(1, "no version", "")})
    with pytest.raises(PackagingError, match=r"Python 3\.12 on manylinux_2_28_x86_64: no wheel\nno version"):
        tools(machine).install(tmp_path, ["numpy"], "3.12", "manylinux_2_28_x86_64")


def test_byte_code_of_another_python(tmp_path: Path) -> None:
    machine = Machine({"python3.9": Finished(0, "/usr/bin/python3.9\n", "")})
    assert tools(machine).compile(tmp_path, "3.9", "/var/task")
    assert machine.commands[1].startswith("/usr/bin/python3.9 -m compileall")
    by_uv = Machine({"python3.9": Finished(127, "", ""), "uv python find": Finished(0, "/opt/python3.9\n", "")})
    assert tools(by_uv).compile(tmp_path, "3.9", "/var/task")
    assert by_uv.commands[-1].startswith("/opt/python3.9 -m compileall")
    none = Machine({"python3.9": Finished(127, "", ""), "uv": Finished(2, "", "")})
    assert not tools(none).compile(tmp_path, "3.9", "/var/task")
    assert not tools(none, uv=False).compile(tmp_path, "3.9", "/var/task")


def test_byte_code_holds_nothing_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "some.py").write_text(
        "VALUES = {'a', 'b', 'c'}\ndef f(x): return x in {1, 'y', None}\n", encoding="utf-8"
    )
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert Tools().compile(tmp_path, version, "/var/task")
    (code,) = tmp_path.rglob("*.pyc")
    assert b"/var/task/some.py" in code.read_bytes()
    assert str(tmp_path).encode() not in code.read_bytes()


def test_wheels_of_older_platforms_run_too() -> None:
    tags = compatible("manylinux_2_19_x86_64")
    assert tags == ["manylinux_2_19_x86_64", "manylinux_2_18_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"]


def test_programs_are_run() -> None:
    done = run([sys.executable, "-c", "import os; print(os.environ['SOME'])"], None, {"SOME": "value"})
    assert (done.code, done.out) == (0, "value\n")
    assert run(["no-such-program-anywhere"], None, {}).code == 127


def test_uv_is_found_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Tools.found().uv is None
    for place in (tmp_path / "uv", tmp_path / "bin" / "uv"):
        place.write_text("#!/bin/sh\n", encoding="utf-8")
        place.chmod(0o755)
        assert Tools.found().uv == (str(place),)
    (tmp_path / "bin" / "uv").unlink()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    assert Tools.found().uv == (sys.executable, "-m", "uv")
