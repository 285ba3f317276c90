"""Steps in containers: Lambda functions under AWS's Runtime Interface Emulator, Batch jobs as their image's command.

Containers are as tight as Lambda's: a read-only root, an unprivileged user, no capabilities, limited memory, and only
`/tmp` to write to. A function keeps one container, as Lambda does, and answers one event at a time.
"""

from __future__ import annotations

import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lokki.clock import SYSTEM_CLOCK

from .docker import Docker, DockerError, Finished
from .template import FunctionSpec, JobSpec

EMULATOR_PLACE = "/usr/local/bin/aws-lambda-rie"
LABEL = "lokki-e2e"
LOST = {"errorType": "Runtime.ExitError", "errorMessage": "the function's process ended", "trace": []}
"""What Lambda answers where the process of a function ends under an event."""

_PORT = 8080
_PATH = "/2015-03-31/functions/function/invocations"
_USER = "993:990"
"""Nobody in the image, as in Lambda."""


@dataclass(frozen=True)
class Answer:
    """What an invocation gave."""

    body: Any

    @property
    def error(self) -> str | None:
        """The error's name as Step Functions sees it; None where there is none."""
        return self.body.get("errorType") if isinstance(self.body, dict) else None


@dataclass
class Containers:
    """Starts containers of one engine, and knows which are its own."""

    docker: Docker
    emulator: Path
    variables: Mapping[str, str]
    """What AWS would set in each: region, credentials, and here an endpoint."""
    started: list[str] = field(default_factory=list)
    """Ids of containers that run in the background."""

    def run_job(self, spec: JobSpec, overrides: Mapping[str, str], queue: str) -> Finished:
        """Run a Batch job to its end; `queue` names the jobs that `kill_jobs` ends together."""
        options = [*_tight(spec.memory_mb), *_set(self.variables, spec.variables, overrides)]
        return self.docker.try_run("run", "--rm", f"--label={LABEL}={queue}", *options, spec.image, *spec.command)

    def kill_jobs(self, queue: str) -> None:
        """End the containers of a queue's jobs at once."""
        running = self.docker.run("ps", "--quiet", f"--filter=label={LABEL}={queue}").split()
        assert running, "no job runs"
        self.docker.run("kill", *running)

    def run(self, image: str, *command: str, options: tuple[str, ...] = ()) -> Finished:
        """Run any command in an image, as tight as a function."""
        return self.docker.try_run("run", "--rm", f"--label={LABEL}=run", *_tight(512), *options, image, *command)

    def start(self, spec: FunctionSpec) -> str:
        """Start a function's container; its id."""
        own = {
            "AWS_LAMBDA_FUNCTION_NAME": spec.arn.rsplit(":", 1)[-1],
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(spec.timeout_s),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
        }
        container = self.docker.run(
            "run",
            "--detach",
            f"--label={LABEL}=function",
            f"--volume={self.emulator}:{EMULATOR_PLACE}:ro",
            *_tight(spec.memory_mb, storage_mb=spec.storage_mb),
            *_set(self.variables, spec.variables, own),
            spec.image,
            *spec.command,
        )
        self.started.append(container)
        return container

    def address(self, container: str) -> str:
        """Where a running container is reached. Raises DockerError where it has ended."""
        found = self.docker.inspect("container", container)
        address = str(found["NetworkSettings"]["IPAddress"])
        if not found["State"]["Running"] or not address:
            raise DockerError(f"a container ended as it started:\n{self.logs(container)}")
        return address

    def logs(self, container: str) -> str:
        """What a container wrote."""
        done = self.docker.try_run("logs", container)
        return done.out + done.err

    def kill(self, container: str) -> None:
        """End a container as a lost machine would: at once."""
        self.docker.run("kill", container)

    def remove_all(self) -> None:
        """Remove every container that was started here."""
        if self.started:
            self.docker.try_run("rm", "--force", *self.started)
        self.started.clear()


@dataclass
class Function:
    """One Lambda function and the container it keeps."""

    spec: FunctionSpec
    containers: Containers
    container: str = ""
    """Its container's id; empty where none runs."""
    events: list[Any] = field(default_factory=list)
    """Every event it was invoked with, in order."""
    answers: list[Answer] = field(default_factory=list)
    """What it answered to each."""
    _address: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def invoke(self, event: Any) -> Answer:
        """Answer one event. A container that ends meanwhile is LOST; the next event gets a new one."""
        with self._lock:
            self.events.append(event)
            self.answers.append(self._invoke(event))
            return self.answers[-1]

    def _invoke(self, event: Any) -> Answer:
        if not self.container:
            self._start()
        try:
            return _answer(self._post(event))
        except urllib.error.HTTPError as error:  # the emulator outlives its process, and says so
            return _answer(error.read())
        except (TimeoutError, urllib.error.URLError, ConnectionError) as error:
            if self._runs():
                raise AssertionError(f"{error!r}\n{self.logs()}") from error
            self.container = ""
            return Answer(dict(LOST))

    def kill(self) -> None:
        """End its container at once, whatever it is doing."""
        self.containers.kill(self.container)

    def logs(self) -> str:
        """What its container wrote."""
        return self.containers.logs(self.container)

    def _start(self) -> None:
        self.container = self.containers.start(self.spec)
        self._address = self.containers.address(self.container)
        while not _listens(self._address):
            SYSTEM_CLOCK.sleep(0.02)
            self._address = self.containers.address(self.container)

    def _post(self, event: Any) -> bytes:
        request = urllib.request.Request(
            f"http://{self._address}:{_PORT}{_PATH}", json.dumps(event).encode(), {"Content-Type": "application/json"}
        )
        with _OPENER.open(request, timeout=600) as response:
            content: bytes = response.read()
            return content

    def _runs(self) -> bool:
        return bool(self.containers.docker.inspect("container", self.container)["State"]["Running"])


def _answer(content: bytes) -> Answer:
    """What the emulator says as Lambda would: it tells a timeout by a sentence instead of an error."""
    try:
        return Answer(json.loads(content))
    except ValueError:
        return Answer({"errorType": "Sandbox.Timedout", "errorMessage": content.decode()})


@contextmanager
def running(containers: Containers) -> Iterator[Containers]:
    """Remove what was started, at the end."""
    try:
        yield containers
    finally:
        containers.remove_all()


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""No proxy stands between this machine and its containers."""


def _tight(memory_mb: int, *, storage_mb: int = 512) -> list[str]:
    return [
        "--read-only",
        f"--tmpfs=/tmp:rw,nosuid,nodev,mode=1777,size={storage_mb}m",
        f"--user={_USER}",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        f"--memory={memory_mb}m",
        f"--memory-swap={memory_mb}m",
        "--pids-limit=1024",
    ]


def _set(*layers: Mapping[str, str]) -> list[str]:
    merged = {name: value for layer in layers for name, value in layer.items()}
    return [f"--env={name}={value}" for name, value in merged.items()]


def _listens(address: str) -> bool:
    try:
        socket.create_connection((address, _PORT), timeout=5).close()
    except OSError:
        return False
    return True
