"""Show the news of the next release of each package, or write them.

`changelog.py [DIST …]` previews the news of each package, or of those named; `changelog.py --release DIST` moves the
fragments into CHANGELOG.md under the version of `__about__.py`.
"""

from __future__ import annotations

import subprocess
import sys

from repository import Package, RepositoryError, select


def towncrier(package: Package, *options: str) -> int:
    """Run towncrier's build for `package`; its exit code."""
    command = [sys.executable, "-m", "towncrier", "build", "--version", package.version, *options]
    return subprocess.run(command, cwd=package.folder, check=False).returncode


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--release"]:
        if len(arguments) != 2:
            raise RepositoryError("--release takes one package.")
        return max(towncrier(package, "--yes") for package in select(arguments[1:]))
    return max(towncrier(package, "--draft") for package in select(arguments))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except RepositoryError as error:
        sys.exit(f"changelog: {error}")
