"""The runtime image's parts that run without an engine: its installer and its entry point."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

import pytest

IMAGE = Path(__file__).parents[5] / "docker" / "runtime"
ENTRY = IMAGE / "lokki-entrypoint"


def wheel(folder: Path, name: str, files: dict[str, str]) -> None:
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)


def install(wheels: Path, target: Path) -> None:
    command = [sys.executable, str(IMAGE / "install.py"), "--wheels", str(wheels), "--target", str(target), "unused"]
    subprocess.run(command, check=True)


def test_wheels_are_unpacked_slim_and_compiled(tmp_path: Path) -> None:
    wheels, target = tmp_path / "wheels", tmp_path / "target"
    wheels.mkdir()
    wheel(
        wheels,
        "some",
        {
            "some/__init__.py": "VALUE = 1\n",
            "some/tests/test_it.py": "",
            "bin/some": "",
            "some-1.0.dist-info/METADATA": "Name: some\n",
            "some-1.0.dist-info/RECORD": "",
            "some-1.0.data/purelib/other.py": "VALUE = 2\n",
        },
    )
    install(wheels, target)
    found = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    compiled = Path(cache_from_source("x.py")).name.removeprefix("x")
    assert found == {
        "_lokki_compile.py",
        f"__pycache__/_lokki_compile{compiled}",
        "other.py",
        f"__pycache__/other{compiled}",
        "some/__init__.py",
        f"some/__pycache__/__init__{compiled}",
        "some-1.0.dist-info/METADATA",
    }
    code = Path(cache_from_source(str(target / "some" / "__init__.py"))).read_bytes()
    assert code[:4] == MAGIC_NUMBER
    assert int.from_bytes(code[4:8], "little") == 0b01, "hash-based and never checked"
    assert {path.stat().st_mtime for path in [target, *target.rglob("*")]} == {946_684_800}


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with programs that say how they were called."""
    for name in ("python", "emulator"):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho {name} "$@"\n', encoding="utf-8")
        program.chmod(0o755)
    return tmp_path


def enter(programs: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin", **variables}
    return subprocess.run(["/bin/sh", str(ENTRY), *arguments], env=env, capture_output=True, text=True, check=False)


HANDLER = "lokki_runtime.handler.lambda_handler"


def test_lambda_is_served_by_its_runtime_client(programs: Path) -> None:
    assert enter(programs, HANDLER, AWS_LAMBDA_RUNTIME_API="x").stdout == f"python -m awslambdaric {HANDLER}\n"


def test_the_emulator_wraps_the_same(programs: Path) -> None:
    done = enter(programs, HANDLER, LOKKI_EMULATOR=str(programs / "emulator"))
    assert done.stdout == f"emulator python -m awslambdaric {HANDLER}\n"


def test_batch_runs_its_command(programs: Path) -> None:
    done = enter(programs, "python", "-m", "lokki_runtime", "batch", AWS_LAMBDA_RUNTIME_API="x")
    assert done.stdout == "python -m lokki_runtime batch\n"


def test_a_handler_without_lambda_says_what_to_do(programs: Path) -> None:
    done = enter(programs, HANDLER)
    assert done.returncode == 2
    assert "aws-lambda-rie" in done.stderr


def test_the_dockerfile_needs_no_newer_syntax_and_ends_unprivileged() -> None:
    text = (IMAGE / "Dockerfile").read_text(encoding="utf-8")
    assert "# syntax" not in text
    assert "RUN --mount" not in text
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE)[-1] == "1000:1000"
    assert os.access(ENTRY, os.X_OK)
