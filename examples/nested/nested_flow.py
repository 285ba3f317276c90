"""A map within a map: measure the modules of each package, merge by package, then report on all.

The packages are those of the running interpreter's standard library, unless `--root` names another folder.
"""

import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lokki import flow, main, step
from lokki.decorators import StepNode


@dataclass(frozen=True)
class Module:
    package: str
    name: str
    lines: int


@dataclass(frozen=True)
class Package:
    name: str
    modules: int
    lines: int
    largest: Module


@step
def packages(root: str) -> list[Path]:
    """The source of the outer map: the folders directly below `root` that are packages."""
    return sorted(marker.parent for marker in Path(root).glob("*/__init__.py"))


@step
def modules(package: Path) -> Iterator[Path]:
    """The source of the inner map: runs once per package."""
    yield from sorted(package.rglob("*.py"))


@step
def measure(module: Path, root: str) -> Module:
    """Runs once per module of each package."""
    name = module.relative_to(root)
    return Module(package=name.parts[0], name=name.as_posix(), lines=len(module.read_bytes().splitlines()))


@step
def merge(measured: list[Module]) -> Package:
    """Closes the inner map: runs once per package, over that package's modules."""
    return Package(
        name=measured[0].package,
        modules=len(measured),
        lines=sum(module.lines for module in measured),
        largest=max(measured, key=lambda module: module.lines),
    )


@step
def report(merged: Iterable[Package], top: int) -> str:
    """Closes the outer map. `Iterable` asks for the results one by one instead of as a list."""
    largest = sorted(merged, key=lambda package: -package.lines)[:top]
    return "\n".join(line(package) for package in largest)


def line(package: Package) -> str:
    return (
        f"{package.name:<16} {package.lines:>8,} lines in {package.modules:>4,} modules, "
        f"{package.largest.lines:>6,} of them in {package.largest.name}"
    )


@flow
def nested_flow(root: str = "", top: int = 10) -> StepNode[..., str]:
    folder = root or sysconfig.get_path("stdlib")
    return packages(folder).map(modules.map(measure, root=folder).agg(merge)).agg(report, top=top)


if __name__ == "__main__":
    main(nested_flow)
