"""An AWS on this machine, for people: `python -m e2e_support up`, to be ended with `down`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from .docker import Docker, DockerError, EngineMissingError, engine_in_use, kept_mark, load_base
from .images import build_runtime
from .managed import build_managed
from .places import cache
from .services import ServiceError
from .standin import StandIn
from .wheels import PipError, runtime_wheels


def main(arguments: list[str]) -> int:
    """Do what is asked; the exit code."""
    parser = argparse.ArgumentParser(prog="e2e_support", description=__doc__)
    parser.add_argument("verb", choices=["up", "down"], help="start everything that does not run; end it")
    given = parser.parse_args(arguments)
    try:
        lines = up() if given.verb == "up" else down()
    except (DockerError, EngineMissingError, PipError, ServiceError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def up() -> list[str]:
    """Start engine, emulator and registry, make the images that flows and zips run in. The variables to set."""
    with engine_in_use(keep=True) as docker:
        kept_mark().touch()
        return _start(docker)


def _start(docker: Docker) -> list[str]:
    base = load_base()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build_runtime(docker, base, runtime_wheels(folder / "wheels"), folder)
        build_managed(docker, base, folder)
    aws = StandIn(docker, logs()).up()
    variables = {**aws.variables(), "DOCKER_HOST": docker.host}
    return [f"export {name}={value}" for name, value in variables.items()]


def down() -> list[str]:
    """End what `up` started, the engine only where no tests use it; images and what was downloaded stay."""
    kept_mark().unlink(missing_ok=True)
    with engine_in_use(keep=False) as docker:
        StandIn(docker, logs()).down()
    return []


def logs() -> Path:
    """Where the logs of emulator and registry are."""
    return cache() / "standin"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
