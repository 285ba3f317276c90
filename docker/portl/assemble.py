"""Installs portl with all its extras into a folder, compiled, with times that say nothing.

    python3 assemble.py --wheels wheels --source portl --target /opt/portl

From the wheels in a folder, where there are some: portl's own is among them, and it needs neither pip nor a network.
Else pip builds portl from its source and fetches the rest. Stands beside docker/runtime/install.py in the build.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from pathlib import Path

from install import install, settle, slim, unpack


def requirement(source: Path) -> str:
    """portl's source with all extras, as pip takes it."""
    project = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return f"{source.resolve()}[{','.join(project.get('optional-dependencies', {}))}]"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--wheels", type=Path, required=True, help="folder with wheels; none in it: use pip")
    parser.add_argument("--source", type=Path, required=True, help="portl's source")
    parser.add_argument("--target", type=Path, required=True, help="folder to install into")
    given = parser.parse_args(arguments)
    given.target.mkdir(parents=True, exist_ok=True)
    wheels = sorted(given.wheels.glob("*.whl"))
    if wheels:
        unpack(wheels, given.target)
    else:
        install([requirement(given.source)], given.target)
    slim(given.target)
    settle(given.target)


if __name__ == "__main__":
    main(sys.argv[1:])
