"""Run mypy over sources and tests of each package, or of the packages named, and over dev/ and tests-e2e/.

One run per package: test modules of different packages may share names. Siblings are found where they are installed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from repository import ROOT, select


def check(label: str, bases: list[Path], targets: list[Path]) -> bool:
    """Type-check `targets`, whose modules are named from `bases`; whether nothing was found."""
    print(f"types: {label}", flush=True)
    cache = f".mypy_cache/{label.replace('/', '-')}"
    command = [sys.executable, "-m", "mypy", "--cache-dir", cache, *(str(path.relative_to(ROOT)) for path in targets)]
    environment = {**os.environ, "MYPYPATH": os.pathsep.join(map(str, bases))}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


def main(names: list[str]) -> int:
    results = []
    for package in select(names):
        folders = [folder for folder in (package.folder / "src", package.folder / "tests") if folder.is_dir()]
        results.append(check(package.dist, folders, folders))
    if not names:
        dev, bench = ROOT / "dev", ROOT / "dev" / "bench"
        results.append(check("dev", [dev], [*sorted(dev.glob("*.py")), dev / "tests", ROOT / "conftest.py"]))
        if bench.is_dir():
            results.append(check("dev/bench", [bench], [bench]))
        fuzz = ROOT / "dev" / "fuzz"
        results.append(check("dev/fuzz", [fuzz], [fuzz]))
        e2e = ROOT / "tests-e2e"
        shared = ROOT / "packages" / "portl" / "tests"  # its databases
        results.append(check("tests-e2e", [e2e, e2e / "flows" / "include_flow", dev, shared], [e2e]))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
