"""What images are made of, fetched on this machine by pip, so that building them needs no network."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

from .places import PYTHON, ROOT, cache

RUNTIME = ["awslambdaric", "obstore", "isal"]
"""What lokki-runtime needs of others, as docker/runtime/README.md says."""

_EMULATOR = "samcli/local/rapid/aws-lambda-rie-x86_64"
_PLATFORMS = [f"--platform=manylinux_2_{minor}_x86_64" for minor in range(36, 16, -1)] + [
    "--platform=manylinux2014_x86_64"
]


class PipError(Exception):
    """pip could not do what it was asked; the text is the command and what it said."""


def runtime_wheels(folder: Path) -> Path:
    """Put lokki-runtime into `folder`, and everything it needs; the folder."""
    build_wheels(folder, "lokki-core", "lokki-runtime")
    download(folder, *RUNTIME)
    return folder


def build_wheels(folder: Path, *packages: str) -> None:
    """Build the wheels of packages of this repository."""
    sources = [str(ROOT / "packages" / name) for name in packages]
    offline = ["--no-build-isolation"] if find_spec("hatchling") else []
    pip(sys.executable, "wheel", "--no-deps", *offline, "--wheel-dir", str(folder), *sources)


def download(folder: Path, *requirements: str) -> None:
    """Put wheels for the base image's Python, and those of what they need, into `folder`."""
    pip(
        sys.executable,
        "download",
        "--only-binary=:all:",
        f"--python-version={PYTHON}",
        *_PLATFORMS,
        "--dest",
        str(folder),
        *requirements,
    )


def write_index(folder: Path, wheels: Path) -> Path:
    """A package index of these wheels in `folder`, with their hashes, as installers and lock files want them."""
    for wheel in wheels.glob("*.whl"):
        name = wheel.name.partition("-")[0].replace("_", "-").lower()
        page = folder / name / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        with page.open("a", encoding="utf-8") as file:
            file.write(f'<a href="{wheel.as_uri()}#sha256={digest}">{wheel.name}</a><br>\n')
    return folder


def emulator() -> Path:
    """AWS's Runtime Interface Emulator: one file of a package that is downloaded, not installed; kept."""
    program = cache() / "aws-lambda-rie"
    if not program.exists():
        folder = cache() / "aws-sam-cli"
        pip(sys.executable, "download", "--no-deps", "--only-binary=:all:", "--dest", str(folder), "aws-sam-cli")
        (wheel,) = folder.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            fresh = program.with_suffix(".new")
            fresh.write_bytes(archive.read(_EMULATOR))
        fresh.chmod(0o755)
        fresh.rename(program)
        wheel.unlink()
    return program


def pip(python: str, verb: str, *arguments: str) -> None:
    """Run a Python's pip. Raises PipError."""
    command = [python, "-m", "pip", verb, "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise PipError(f"pip {verb} {' '.join(arguments)}\n{done.stdout}{done.stderr}")
