"""Installs the runtime into a folder, compiled, with times that say nothing. Standard library only.

    python3 install.py --wheels wheels --target /opt/lokki lokki-runtime==0.1.0

From the wheels in a folder, where there are some: they are unpacked as they are, so that it needs neither pip nor
a network. Else by pip, from the index it is configured for.
"""

from __future__ import annotations

import argparse
import compileall
import os
import py_compile
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

TIME_S = 946_684_800
DROPPED_FOLDERS = ("tests", "test", "__pycache__")
DROPPED_FILES = ("INSTALLER", "RECORD", "REQUESTED", "direct_url.json")


def unpack(wheels: list[Path], target: Path) -> None:
    """Put the content of each wheel where pip would."""
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(target)
    for data in target.glob("*.data"):
        for place in ("purelib", "platlib"):
            if (data / place).is_dir():
                shutil.copytree(data / place, target, dirs_exist_ok=True)
        shutil.rmtree(data)


def install(requirements: list[str], target: Path) -> None:
    """Let pip do it."""
    options = ["--no-cache-dir", "--no-compile", "--disable-pip-version-check", "--only-binary=:all:"]
    command = [sys.executable, "-m", "pip", "install", "--quiet", *options, "--target", str(target), *requirements]
    subprocess.run(command, check=True)  # noqa: S603  # its arguments are those of the image's build


def slim(target: Path) -> None:
    """Drop tests, scripts and what installers note."""
    for folder in sorted(target.rglob("*"), reverse=True):
        if folder.is_dir() and folder.name in DROPPED_FOLDERS:
            shutil.rmtree(folder)
    shutil.rmtree(target / "bin", ignore_errors=True)
    for note in target.glob("*.dist-info/*"):
        if note.name in DROPPED_FILES:
            note.unlink()


def settle(target: Path) -> None:
    """Byte code that is never checked against its source; equal times and modes."""
    touch(target)
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(str(target), quiet=2, invalidation_mode=mode)
    touch(target)


def touch(target: Path) -> None:
    for place, _, names in os.walk(target, topdown=False):
        for name in names:
            file = Path(place, name)
            file.chmod(0o644)
            os.utime(file, (TIME_S, TIME_S))
        Path(place).chmod(0o755)
        os.utime(place, (TIME_S, TIME_S))


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--wheels", type=Path, required=True, help="folder with wheels; none in it: use pip")
    parser.add_argument("--target", type=Path, required=True, help="folder to install into")
    parser.add_argument("requirements", nargs="+", help="what pip installs")
    given = parser.parse_args(arguments)
    given.target.mkdir(parents=True, exist_ok=True)
    wheels = sorted(given.wheels.glob("*.whl"))
    if wheels:
        unpack(wheels, given.target)
    else:
        install(given.requirements, given.target)
    slim(given.target)
    shutil.copy(Path(__file__).with_name("compile_imported.py"), given.target / "_lokki_compile.py")
    settle(given.target)


if __name__ == "__main__":
    main(sys.argv[1:])
