"""Two builds of one tree are byte-identical: on other paths, in other time zones, with other hash seeds."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from lokki import environment

FLOW = """\
from lokki import flow, step
import helper

@step(env={"B1": "1", "A1": "2"})
def first(x: int = 1) -> list[int]:
    return [x]

@step(retry={"retries": 2, "exceptions": (ValueError, KeyError)})
def each(x: int) -> int:
    return x

@step(job_type="batch")
def last(xs: list[int]) -> int:
    return sum(xs)

@flow(schedule="rate(1 day)")
def some_flow(n: int = 3):
    return first(n).map(each, tolerated_failure_percentage=5).agg(last)
"""

BUILD = """\
import sys
sys.path.insert(0, sys.argv[1])
import some_flow
from lokki.config import LokkiConfig
from lokki_builder import BuildOptions, build, write_build
from lokki_builder.tools import Finished, Tools

def run(command, folder, variables):
    if "install" in command:
        import pathlib
        target = pathlib.Path(command[command.index("--target") + 1])
        for name in sorted(["b", "a"], reverse=len(sys.argv[1]) % 2 == 0):
            (target / name).mkdir(parents=True)
            (target / name / "__init__.py").write_text(f"NAMES = {{'{name}', 'x', 'y'}}")
        return Finished(0, "", "")
    from lokki_builder import tools
    return tools.run(command, folder, variables)

values = {
    "lambda.package_type": sys.argv[3], "lambda.python": "%d.%d" % sys.version_info[:2], "include.paths": ["data/*"],
    "batch.job_queue": "work", "batch.image": "jobs:1", "aws.tags": {"z": "1", "a": "2"},
    "secrets.secret_arns": {"Z": "arn:aws:ssm:x:1:parameter/z", "A": "arn:aws:ssm:x:1:parameter/a"},
    "lambda.env": {"Z9": "1", "A9": "2"}, "aws.policies": [{"Effect": "Allow", "Action": "x:Y", "Resource": "*"}],
}
plan = build(some_flow.some_flow, LokkiConfig(values), {}, BuildOptions(tools=Tools(run, ("uv",))))
write_build(plan, sys.argv[2])
"""


def built(root: Path, package: str, **variables: str) -> dict[str, tuple[str, int, float]]:
    """{path: (hash, mode, time)} of a build of the tree in `root`, by a process of its own."""
    source = root / "source"
    (source / "data").mkdir(parents=True)
    source.joinpath("some_flow.py").write_text(FLOW, encoding="utf-8")
    source.joinpath("helper.py").write_text("NAMES = {'one', 'two', 'three'}\n", encoding="utf-8")
    for name in ("b", "a", "c"):
        source.joinpath("data", name).write_text(name, encoding="utf-8")
    script = root / "build.py"
    script.write_text(BUILD, encoding="utf-8")
    env = {**environment.variables(), **variables}
    command = [sys.executable, str(script), str(source), str(root / "out"), package]
    subprocess.run(command, check=True, env=env, cwd=root)
    files = sorted(path for path in (root / "out").rglob("*") if path.is_file())
    return {
        path.relative_to(root / "out").as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mode,
            path.stat().st_mtime,
        )
        for path in files
    }


@pytest.mark.parametrize("package", ["image", "zip"])
def test_two_builds_of_one_tree(tmp_path: Path, package: str) -> None:
    one = built(tmp_path / "one", package, PYTHONHASHSEED="1", TZ="Pacific/Auckland", LC_ALL="C")
    other = built(tmp_path / "a longer path", package, PYTHONHASHSEED="2", TZ="America/Denver", LC_ALL="C.UTF-8")
    assert len(one) >= 6
    assert one == other
