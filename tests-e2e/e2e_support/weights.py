"""What images weigh: the layers one adds to another, unpacked and as a registry keeps them."""

from __future__ import annotations

import json
import tarfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .docker import Docker

KIB = 1024
MIB = 1024 * KIB

Tell = Callable[[Sequence[str]], None]
"""Shows lines at the end of a test run."""


@dataclass(frozen=True)
class Weight:
    """What an image adds to the one it starts from."""

    what: str
    layers: int
    files_bytes: int
    """The files of these layers."""
    pushed_bytes: int
    """The layers compressed, as they are pushed and pulled."""


def weigh(docker: Docker, pairs: Sequence[tuple[str, str, str]], folder: Path) -> list[Weight]:
    """What images add to others, for each `(words for it, image, base)`.

    Raises AssertionError where an image does not start from its base.
    """
    file = folder / "images.tar"
    docker.run("save", "--output", str(file), *(image for _, image, _ in pairs))
    with tarfile.open(file) as archive:
        weights = [_weigh(docker, archive, *pair) for pair in pairs]
    file.unlink()
    return weights


def _weigh(docker: Docker, archive: tarfile.TarFile, what: str, image: str, base: str) -> Weight:
    own, below = (docker.inspect("image", name) for name in (image, base))
    shared = below["RootFS"]["Layers"]
    assert own["RootFS"]["Layers"][: len(shared)] == shared, f"{image} does not start from {base}"
    pushed = [_compressed_bytes(archive, layer) for layer in _layers(archive, image)[len(shared) :]]
    return Weight(what, len(pushed), own["Size"] - below["Size"], sum(pushed))


def table(weights: Sequence[Weight]) -> list[str]:
    """As lines."""
    width = max(len(weight.what) for weight in weights)
    head = f"{'what an image adds':<{width}}  layers  files (KiB)  pushed (KiB)"
    return ["", head, *(_row(weight, width) for weight in weights)]


def _row(weight: Weight, width: int) -> str:
    files, pushed = (f"{size / KIB:,.1f}" for size in (weight.files_bytes, weight.pushed_bytes))
    return f"{weight.what:<{width}}  {weight.layers:>6}  {files:>11}  {pushed:>12}"


def _layers(archive: tarfile.TarFile, image: str) -> list[str]:
    manifest = archive.extractfile("manifest.json")
    assert manifest is not None
    name = image if ":" in image else f"{image}:latest"
    (found,) = (entry for entry in json.load(manifest) if name in entry["RepoTags"])
    layers: list[str] = found["Layers"]
    return layers


def _compressed_bytes(archive: tarfile.TarFile, layer: str) -> int:
    content = archive.extractfile(layer)
    assert content is not None
    squeeze = zlib.compressobj(6, zlib.DEFLATED, 31)
    size = sum(len(squeeze.compress(block)) for block in iter(lambda: content.read(MIB), b""))
    return size + len(squeeze.flush())
