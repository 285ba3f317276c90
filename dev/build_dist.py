"""Build wheel and sdist of each package, or of the packages named, into dist/, and check what they hold."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from repository import ROOT, Package, RepositoryError, select


def build(package: Package, target: Path) -> tuple[Path, Path]:
    """Build wheel and sdist of `package` into `target`; their paths, in this order."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target), str(package.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RepositoryError(f"{package.dist}: the build failed.\n{done.stdout}{done.stderr}")
    stem = f"{package.dist.replace('-', '_')}-{package.version}"
    return target / f"{stem}-py3-none-any.whl", target / f"{stem}.tar.gz"


def findings(package: Package, wheel: Path, sdist: Path) -> list[str]:
    """What is missing from, or does not belong into, the two archives; one line each."""
    imported = package.import_folder.name
    stem = sdist.name.removesuffix(".tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = set(archive.namelist())
    with tarfile.open(sdist) as archive:
        in_sdist = {name.removeprefix(f"{stem}/") for name in archive.getnames()}
    licences = [f"{stem}.dist-info/licenses/{name}" for name in ("LICENSE", "NOTICE")]
    wanted = [f"{imported}/__about__.py", f"{imported}/py.typed", *licences]
    found = [f"{wheel.name}: no {name}" for name in wanted if name not in in_wheel]
    tops = {name.split("/")[0] for name in in_wheel} - {imported, f"{stem}.dist-info"}
    found += [f"{wheel.name}: {top} does not belong there" for top in sorted(tops)]
    wanted = ["pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "NOTICE", f"src/{imported}/__about__.py"]
    found += [f"{sdist.name}: no {name}" for name in wanted if name not in in_sdist]
    return found


def main(names: list[str]) -> int:
    mistakes = []
    for package in select(names):
        wheel, sdist = build(package, ROOT / "dist")
        print(f"built {wheel.relative_to(ROOT)} and {sdist.relative_to(ROOT)}")
        mistakes += findings(package, wheel, sdist)
    print("\n".join(mistakes), end="\n" if mistakes else "")
    return 1 if mistakes else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except RepositoryError as error:
        sys.exit(f"build: {error}")
