"""Docker, by its command line: images are built, looked for, pushed.

Input: names and folders. Output: what Docker says, line by line. The only module that starts processes. The command
line is used because BuildKit is reached by it alone, and because it knows the user's contexts, plugins and
credentials. Raises DockerError.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lokki import environment

from .errors import DockerError

INSTALL = 'Install Docker, or ship zips instead: package_type = "zip" in the table [lambda] of lokki.toml.'
START = "Start it (Docker Desktop, or: systemctl start docker), and see that you may use it: docker info"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "amd64": "amd64", "arm64": "arm64"}
"""{what Docker calls a processor: the name that platforms have}."""

_SHOWN = 25
"""Lines of a failed command that are shown."""
_NO_BUILDX = "buildx component is missing or broken"
_ABOUT_BUILDX = (
    _NO_BUILDX,
    "DEPRECATED: The legacy builder",
    "Install the buildx component",
    "docs.docker.com/go/buildx",
)
"""What a Docker without buildx says where nothing is wrong: the classic builder does it."""


@dataclass(frozen=True)
class Engine:
    """The Docker that answers."""

    version: str
    architecture: str
    """`amd64` or `arm64`: what it runs without emulation."""


@dataclass(frozen=True)
class Docker:
    """Docker's command line."""

    program: str
    variables: Mapping[str, str] = field(default_factory=dict)
    """Variables above the environment's."""

    @classmethod
    def found(cls) -> Docker:
        """The one on the search path. Raises DockerError where there is none."""
        program = shutil.which("docker")
        if program is None:
            raise DockerError("an image has to be built, but Docker is not installed.", hint=INSTALL)
        return cls(program)

    def engine(self) -> Engine:
        """The engine behind it. Raises DockerError where none answers."""
        code, out = self._run("version", "--format", "{{json .Server}}")
        try:
            server = json.loads(out.splitlines()[0]) if code == 0 else None
        except (ValueError, IndexError):
            server = None
        if not server:
            said = _last(out.splitlines(), 1)
            raise DockerError(f"Docker does not run{': ' + said if said else '.'}", hint=START)
        return Engine(str(server.get("Version", "")), ARCHITECTURES.get(str(server.get("Arch")), ""))

    def image(self, name: str) -> Mapping[str, Any] | None:
        """What the engine knows of an image; None where it has none of this name."""
        code, out = self._run("image", "inspect", name)
        if code != 0:
            return None
        (found,) = json.loads(out)
        known: Mapping[str, Any] = found
        return known

    def architecture(self, name: str) -> str:
        """Which processor an image is for, `amd64` or `arm64`; empty where the engine does not have it."""
        found = self.image(name)
        return ARCHITECTURES.get(str(found.get("Architecture")), "") if found else ""

    def in_registry(self, name: str) -> bool:
        """Whether a registry has this image. One on this machine may be without TLS."""
        local = name.partition("/")[0].partition(":")[0] in ("localhost", "127.0.0.1")
        code, _ = self._run("manifest", "inspect", *(["--insecure"] if local else []), name)
        return code == 0

    def build(self, context: Path, name: str, platform: str, arguments: Mapping[str, str]) -> Iterator[str]:
        """Build the image `name` from a folder with a Dockerfile; yields what Docker says.

        `arguments` are build arguments. With BuildKit, or by the classic builder where that is all there is.
        """
        command = ["build", "--platform", platform, "--tag", name]
        command += [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
        command += [str(context)]
        # Lambda takes an image, not an index with an attestation in it. Older clients do not know the option.
        settings = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "BUILDKIT_PROGRESS": "plain"}
        what = f"the image '{name}' could not be built"
        try:
            yield from _work(self._stream(what, command, {**settings, "DOCKER_BUILDKIT": "1"}))
        except DockerError as error:
            if _NO_BUILDX not in str(error):
                raise
            yield from _work(self._stream(what, command, {**settings, "DOCKER_BUILDKIT": "0"}))

    def tag(self, name: str, other: str) -> None:
        """Give an image another name."""
        code, out = self._run("tag", name, other)
        if code != 0:
            raise DockerError(f"the image '{name}' could not be named '{other}': {_last(out.splitlines(), 3)}")

    def push(self, name: str) -> Iterator[str]:
        """Push an image to its registry; yields what Docker says. Layers that are there are not sent."""
        yield from self._stream(f"the image '{name}' could not be pushed", ["push", name], {})

    def sign_in(self, registry: str, user: str, password: str) -> None:
        """Sign in to a registry."""
        command = ["login", "--username", user, "--password-stdin", registry]
        code, out = self._run(*command, stdin=password)
        if code != 0:
            raise DockerError(f"Docker could not sign in to {registry}: {_last(out.splitlines(), 3)}")

    def _run(self, *arguments: str, stdin: str = "") -> tuple[int, str]:
        """(exit code, what it said) of a command; on success without what it said on stderr."""
        try:
            done = subprocess.run(  # noqa: S603  # arguments are built here, and no shell reads them
                [self.program, *arguments],
                env=self._environment({}),
                input=stdin,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
        except OSError as error:
            return 127, str(error)
        return done.returncode, done.stdout if done.returncode == 0 else done.stdout + done.stderr

    def _stream(self, what: str, arguments: Sequence[str], variables: Mapping[str, str]) -> Iterator[str]:
        """Each line of a command while it runs. Raises DockerError with its last lines where it fails."""
        last: deque[str] = deque(maxlen=_SHOWN)
        try:
            process = subprocess.Popen(  # noqa: S603  # as above
                [self.program, *arguments],
                env=self._environment(variables),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
        except OSError as error:
            raise DockerError(f"{what}: {error}", hint=INSTALL) from error
        assert process.stdout is not None  # noqa: S101  # it is a pipe
        try:
            for line in process.stdout:
                text = line.rstrip()
                last.append(text)
                yield text
        except BaseException:  # whoever listens is interrupted, or has heard enough
            process.terminate()
            raise
        finally:
            process.stdout.close()
            code = process.wait()
        if code != 0:
            raise DockerError(f"{what}:\n{_last(last, _SHOWN)}", hint=_hint("\n".join(last)))

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        return {**environment.variables(), **self.variables, **variables}


_HINTS = {
    "exec format error": "The image is for another processor than this machine's: set lambda.architecture to this"
    " machine's, or let Docker emulate the other (docker run --privileged --rm tonistiigi/binfmt --install all).",
    "No space left on device": "Make room: docker system prune",
    "no space left on device": "Make room: docker system prune",
    "no basic auth credentials": "Sign in to the registry: docker login",
    "denied": "Sign in to the registry (docker login), and see that the repository exists.",
    "unauthorized": "Sign in to the registry: docker login",
    "python -m lokki_runtime check": "The flow cannot run in its image: what it imports has to be among its"
    " dependencies or in include.paths.",
}
"""{what Docker says: what to do}, the first that fits."""


def _work(said: Iterator[str]) -> Iterator[str]:
    """What Docker says of its work."""
    return (line for line in said if not any(text in line for text in _ABOUT_BUILDX))


def _hint(said: str) -> str | None:
    hint = next((hint for text, hint in _HINTS.items() if text in said), None)
    return f"\n{hint}" if hint else None


def _last(lines: Sequence[str] | deque[str], count: int) -> str:
    return "\n".join([line for line in lines if line.strip()][-count:])
