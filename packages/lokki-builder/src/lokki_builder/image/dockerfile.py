"""The Dockerfile of a flow: its base, a layer of packages, a layer of the flow's own files.

Everything is prepared in stages that are left behind. Plain syntax, so that every builder reads it; with
packages from the host it needs no network. Input: what the image has. Output: text. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .base import PACKAGES, SECRETS, TASK_ROOT

_TOUCH = "find {0} -exec touch -h -d @946684800 {{}} +"
_COMPILE = "python -m compileall -q -q --invalidation-mode unchecked-hash {0}"


@dataclass(frozen=True)
class Layers:
    """What an image has besides its base."""

    base: str
    """The base image, by digest where it is known."""
    packages: bool
    """Whether there are packages."""
    secrets: bool
    """Whether there is what fetches secrets."""
    from_host: bool
    """Whether packages lie in the build context, or are installed by the build."""
    locked: bool
    """Whether requirements carry hashes."""
    labels: Mapping[str, str]
    """{label: value}."""


def dockerfile(layers: Layers) -> str:
    """The whole file. Its last line fails the build of an image that could not run the flow."""
    parts = [
        f"ARG BASE_IMAGE={layers.base}",
        *([_package_stage(layers)] if layers.packages or layers.secrets else []),
        _flow_stage(),
        _final_stage(layers),
    ]
    return "\n\n".join(parts) + "\n"


def _package_stage(layers: Layers) -> str:
    lines = ["FROM ${BASE_IMAGE} AS packages", "USER root"]
    lines += _from_host(layers) if layers.from_host else _from_index(layers)
    for place in _places(layers):
        lines.append(f"RUN {_compile(place)}")
    return "\n".join(lines)


def _from_host(layers: Layers) -> list[str]:
    names = {PACKAGES: "packages", SECRETS: "secrets"}
    return [f"COPY {names[place]}/ {place}/" for place in _places(layers)]


def _from_index(layers: Layers) -> list[str]:
    """uv, from the index that pip is configured for, into a folder of its own."""
    lines = ["WORKDIR /build", "RUN python -m pip install --quiet --no-cache-dir --target /build/tools uv"]
    names = {PACKAGES: "requirements.txt", SECRETS: "requirements-secrets.txt"}
    for place in _places(layers):
        hashes = "--require-hashes " if layers.locked and place == PACKAGES else ""
        install = 'python -m uv pip install --no-cache --python "$(command -v python)"'
        lines += [
            f"COPY {names[place]} ./",
            f"RUN mkdir -p {place} && PYTHONPATH=/build/tools {install} {hashes}--target {place} -r {names[place]}",
        ]
    return lines


def _flow_stage() -> str:
    return "\n".join(
        [
            "FROM ${BASE_IMAGE} AS flow",
            "USER root",
            f"COPY flow/ {TASK_ROOT}/",
            f"COPY lokki-flow.json {TASK_ROOT}/",
            f"RUN {_compile(TASK_ROOT)}",
        ]
    )


def _final_stage(layers: Layers) -> str:
    labels = [f'LABEL {name}="{value}"' for name, value in sorted(layers.labels.items())]
    copies = [f"COPY --from=packages {place}/ {place}/" for place in _places(layers)]
    return "\n".join(
        [
            "FROM ${BASE_IMAGE}",
            *labels,
            *copies,
            f"COPY --from=flow {TASK_ROOT}/ {TASK_ROOT}/",
            "RUN python -m lokki_runtime check",
        ]
    )


def _places(layers: Layers) -> list[str]:
    return [place for place, there in ((PACKAGES, layers.packages), (SECRETS, layers.secrets)) if there]


def _compile(place: str) -> str:
    """Byte code that Python never checks against its source, and times that say nothing.

    What does not compile stays as it is: files of other Pythons in packages, sources that a flow includes as data.
    The check at the end fails for those that the flow imports.
    """
    touch = _TOUCH.format(place)
    compiled = _COMPILE.format(place)
    return f"{touch} && {{ {compiled}; true; }} && {touch}"
