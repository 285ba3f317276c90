"""Docker, by its command line; and the engine behind it, by `engine/engine`."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lokki import environment

from .places import TESTS, cache

ENGINE = str(TESTS / "engine" / "engine")


class DockerError(Exception):
    """A command failed; the text is the command and what it said."""


class EngineMissingError(Exception):
    """There is no Docker engine here and none can be started; the text says why."""


@dataclass(frozen=True)
class Finished:
    """A command that ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Docker:
    """The command line of one engine."""

    program: str
    host: str
    """`DOCKER_HOST`."""

    def try_run(self, *arguments: str) -> Finished:
        """Run a command to its end."""
        # Debian's client has BuildKit inside; nothing of the build is fetched, so that it needs no plugin.
        variables = {**environment.variables(), "DOCKER_HOST": self.host, "DOCKER_BUILDKIT": "1"}
        done = subprocess.run(
            [self.program, *arguments],
            env=variables,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def run(self, *arguments: str) -> str:
        """The output of a command. Raises DockerError where it fails."""
        done = self.try_run(*arguments)
        if done.code != 0:
            raise DockerError(f"docker {' '.join(arguments)}\n{done.out}{done.err}")
        return done.out.strip()

    def build(self, context: Path, tag: str, *options: str) -> None:
        """Build an image without a network. Raises DockerError with the whole build's output."""
        self.run("build", "--network=none", "--progress=plain", "--tag", tag, *options, str(context))

    def inspect(self, kind: str, name: str) -> dict[str, Any]:
        """What the engine knows of an image, a container or a network."""
        (found,) = json.loads(self.run(kind, "inspect", name))
        known: dict[str, Any] = found
        return known

    def bridge_address(self) -> str:
        """The address of this machine that containers reach it by."""
        return str(self.inspect("network", "bridge")["IPAM"]["Config"][0]["Gateway"])


def start_engine() -> Docker:
    """The engine that answers, or a new one. Raises EngineMissingError."""
    host = _engine("up")
    debian = Path("/usr/bin/docker")
    program = str(debian) if debian.exists() else shutil.which("docker")
    if program is None:
        raise EngineMissingError("there is no docker command")
    return Docker(program, host)


@contextmanager
def engine_in_use(*, keep: bool) -> Iterator[Docker]:
    """`start_engine` for the length of a block. Whoever is the last to leave stops it, unless it is to be kept."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "engine.users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        yield start_engine()
        fcntl.flock(users, fcntl.LOCK_UN)
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if not keep and not kept_mark().exists():
            stop_engine()


def kept_mark() -> Path:
    """A file that says: nobody stops the engine, because somebody works with it by hand."""
    return cache() / "engine.kept"


def load_base() -> str:
    """The name of the base image, which is in the engine afterwards."""
    return _engine("base")


def stop_engine() -> None:
    """Stop the engine, if `start_engine` started it."""
    _engine("down")


def install_packages(*names: str) -> None:
    """Install what is missing of these Debian packages. Raises EngineMissingError."""
    _engine("install", *names)


def _engine(*words: str) -> str:
    done = subprocess.run([ENGINE, *words], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise EngineMissingError(f"engine {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout.strip()
