"""The virtual environments the contenders run in, made when first needed and kept in a cache folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
LOKKI = HERE.parents[1] / "packages" / "lokki-core"
CACHE = Path(os.environ.get("LOKKI_BENCH_CACHE") or Path.home() / ".cache" / "lokki-bench")
WITH_LOKKI = ("lokki", "codec")


@cache
def python_of(name: str) -> Path:
    """The interpreter of the environment `name`, which holds what its section of requirements.txt pins."""
    folder = CACHE / f"{name}-py{sys.version_info.major}.{sys.version_info.minor}"
    python = folder / "bin" / "python"
    requirements = section(name)
    if _is_outdated(folder / "requirements", key := "\n".join([sys.version, *requirements])):
        print(f"making the environment {folder}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([_real_interpreter(), "-m", "venv", str(folder)], check=True)
        _pip(python, *requirements)
        (folder / "requirements").write_text(key)
    if name in WITH_LOKKI and _is_outdated(folder / "lokki", key := fingerprint(LOKKI)):
        print(f"installing lokki in {folder}", file=sys.stderr)
        _pip(python, "--force-reinstall", "--no-deps", str(LOKKI))
        (folder / "lokki").write_text(key)
    return python


def section(name: str) -> list[str]:
    """The lines of one section of requirements.txt."""
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in (HERE / "requirements.txt").read_text().splitlines():
        if line.startswith("# ["):
            lines = sections.setdefault(line.strip("# []"), [])
        elif line and not line.startswith("#"):
            lines.append(line)
    return sections[name]


def fingerprint(package: Path) -> str:
    """A hash of what is installed: the package's sources and its pyproject.toml."""
    digest = hashlib.sha256()
    for path in [package / "pyproject.toml", *sorted((package / "src").rglob("*.py"))]:
        digest.update(f"{path.relative_to(package)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def _is_outdated(marker: Path, key: str) -> bool:
    return not marker.exists() or marker.read_text() != key


def _real_interpreter() -> str:
    """The interpreter itself, not a launcher that picks one (pyenv's takes longer than what is measured)."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return str(Path(sys.base_prefix) / "bin" / name)


def _pip(python: Path, *arguments: str) -> None:
    command: Sequence[str] = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True)
