"""A program that is called as Docker is, and keeps a list of images instead of making any."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from lokki import environment

_PROGRAM = """#!/bin/sh
# Images are files of $state/images, those in a registry files of $state/registry; names have their slashes replaced.
state="{state}"
echo "$@" >> "$state/calls"
flat() {{ printf '%s' "$1" | tr '/' '_'; }}
last() {{ for word; do :; done; printf '%s' "$word"; }}
[ -f "$state/fail-$1" ] && {{ cat "$state/fail-$1" >&2; exit 1; }}
case "$1 $2" in
"version --format")
    printf '%s\\n' '{{"Version": "20.10.24", "Arch": "{architecture}"}}' ;;
"image inspect")
    file="$state/images/$(flat "$3")"
    [ -f "$file" ] || {{ echo "Error: No such image: $3" >&2; exit 1; }}
    printf '[{{"Architecture": "%s", "RepoDigests": []}}]\\n' "$(cat "$file")" ;;
"manifest inspect")
    [ -f "$state/registry/$(flat "$(last "$@")")" ] || exit 1 ;;
"build "*)
    [ "$DOCKER_BUILDKIT" = 1 ] && [ -f "$state/no-buildx" ] && {{
        echo "ERROR: BuildKit is enabled but the buildx component is missing or broken." >&2; exit 1; }}
    ls "$(last "$@")" >> "$state/context"
    while [ "$1" != --platform ]; do shift; done; platform="$2"
    while [ "$1" != --tag ]; do shift; done
    echo "#1 building"
    printf '%s' "${{platform#linux/}}" > "$state/images/$(flat "$2")" ;;
"push "*)
    echo "pushing $2"
    cp "$state/images/$(flat "$2")" "$state/registry/$(flat "$2")" ;;
"tag "*)
    cp "$state/images/$(flat "$2")" "$state/images/$(flat "$3")" ;;
"login "*)
    cat > "$state/password" ;;
*)
    echo "unknown: $*" >&2; exit 1 ;;
esac
"""


@dataclass(frozen=True)
class StandIn:
    """The state behind the program."""

    folder: Path

    @property
    def calls(self) -> list[str]:
        """Every call, in order."""
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []

    def called(self, word: str) -> list[str]:
        """The calls of one command."""
        return [call for call in self.calls if call.split()[0] == word]

    def have(self, image: str, architecture: str = "amd64") -> None:
        """Let there be an image."""
        (self.folder / "images" / image.replace("/", "_")).write_text(architecture)

    def forget(self) -> None:
        """Begin a new list of calls."""
        (self.folder / "calls").unlink(missing_ok=True)

    def fail(self, command: str, message: str) -> None:
        """Let every call of a command fail."""
        (self.folder / f"fail-{command}").write_text(message)


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, architecture: str = "amd64") -> StandIn:
    """Put the program on the search path, before everything else."""
    state, programs = folder / "docker-state", folder / "programs"
    for place in (state / "images", state / "registry", programs):
        place.mkdir(parents=True)
    program = programs / "docker"
    program.write_text(_PROGRAM.format(state=state, architecture=architecture))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{environment.get('PATH')}")
    return StandIn(state)
