"""A folder with a flow file and a lokki.toml, and the commands that people type there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lokki import environment
from lokki.decorators import Flow
from lokki_builder.cfn.names import stack_name

from .aws import Aws
from .docker import Docker, Finished
from .places import EXAMPLES, PYTHON

CONFIG: Mapping[str, Mapping[str, object]] = {
    "lambda": {"python": PYTHON, "memory": 256},
    "build": {"dependencies": "host"},
}
"""What every project here has in its lokki.toml; nothing is fetched in a build of an image."""


class CommandError(AssertionError):
    """A command failed; the text is all it wrote."""


@dataclass(frozen=True)
class Project:
    """One flow and where it is deployed to."""

    file: Path
    """The flow file."""
    flow: Flow[Any]
    aws: Aws
    docker: Docker
    bucket: str
    wheels: Path
    """A folder with lokki's own wheels, which no index has yet."""

    @property
    def folder(self) -> Path:
        """Where commands run."""
        return self.file.parent

    @property
    def name(self) -> str:
        """What the flow is deployed as, in the environment that lokki.toml names."""
        settings = tomllib.loads((self.folder / "lokki.toml").read_text(encoding="utf-8"))
        return stack_name(self.flow.name, settings["aws"].get("environment", ""))

    def configure(self, **tables: Mapping[str, object]) -> None:
        """Write lokki.toml: what every project has, the bucket, and `tables` above that."""
        known = {**CONFIG, "aws": {"artifact_bucket": self.bucket}}
        merged = {name: {**known.get(name, {}), **tables.get(name, {})} for name in {**known, **tables}}
        text = "".join(_table(name, values) for name, values in merged.items())
        (self.folder / "lokki.toml").write_text(text, encoding="utf-8")

    def run(self, *arguments: str, code: int = 0) -> Finished:
        """`python flow.py ARGUMENTS`, or `lokki-cli` for a flow file that calls no `main`.

        Raises CommandError where it ends with another code.
        """
        return self.python(*self._door(*arguments), code=code)

    def python(self, *arguments: str, code: int = 0) -> Finished:
        """Any other command of this Python, in this folder. Raises CommandError likewise."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != code:
            raise CommandError(
                f"{' '.join(arguments)}: exit code {done.returncode}, not {code}\n{done.stdout}{done.stderr}"
            )
        return Finished(done.returncode, done.stdout, done.stderr)

    def json(self, *arguments: str, code: int = 0) -> Any:
        """What a command prints with `--json`."""
        return json.loads(self.run(*arguments, "--json", code=code).out)

    def _door(self, verb: str, *rest: str) -> list[str]:
        if "__main__" in self.file.read_text(encoding="utf-8"):
            return [self.file.name, verb, *rest]
        return ["-m", "lokki_cli", verb, self.file.name, *rest]

    def _environment(self) -> dict[str, str]:
        own = {name: value for name, value in environment.variables().items() if not name.startswith("AWS_")}
        if not self.aws.endpoint:
            own = dict(environment.variables())
        return {
            **own,
            **self.aws.variables(),
            "DOCKER_HOST": self.docker.host,
            "HOME": str(self.folder),
            "NO_COLOR": "1",
            "UV_FIND_LINKS": str(self.wheels),
            "PIP_FIND_LINKS": f"{environment.get('PIP_FIND_LINKS', '')} {self.wheels}".strip(),
        }


MakeProject = Callable[..., Project]


def copy_flow(file: Path, folder: Path) -> Path:
    """A copy of a flow file, with its neighbours where it has a folder of its own; where it is."""
    if file.parent.parent == EXAMPLES or file.parent.name == file.stem:
        shutil.copytree(file.parent, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    else:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder)
    return folder / file.name


def _table(name: str, values: Mapping[str, object]) -> str:
    """A table of TOML: JSON writes texts, numbers, booleans and lists of them the same way."""
    return "".join([f"[{name}]\n", *(f"{key} = {json.dumps(value)}\n" for key, value in values.items())])
