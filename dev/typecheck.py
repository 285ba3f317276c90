"""Run mypy over sources and tests of each package, or of the packages named, and over dev/.

One run per package: test modules of different packages may share names. Siblings are found where they are installed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from repository import ROOT, select


def check(label: str, folders: list[Path], files: list[Path]) -> bool:
    """Type-check `folders`, each the base of its modules' names, and `files`; whether nothing was found."""
    print(f"types: {label}", flush=True)
    targets = [str(path.relative_to(ROOT)) for path in (*folders, *files)]
    environment = {**os.environ, "MYPYPATH": os.pathsep.join(map(str, folders))}
    return (
        subprocess.run([sys.executable, "-m", "mypy", *targets], cwd=ROOT, env=environment, check=False).returncode == 0
    )


def main(names: list[str]) -> int:
    results = []
    for package in select(names):
        folders = [package.folder / "src", package.folder / "tests"]
        results.append(check(package.dist, [folder for folder in folders if folder.is_dir()], []))
    if not names:
        results.append(check("dev", [ROOT / "dev"], [ROOT / "conftest.py"]))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
