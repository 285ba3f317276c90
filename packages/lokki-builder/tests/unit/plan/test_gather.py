"""From a flow to a plan, packages of the host included."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from lokki import flow, step
from lokki.config import LokkiConfig
from lokki.errors import ParamError
from lokki_builder import BuildOptions, BuildPlan, build
from lokki_builder.gather import read_installed
from lokki_builder.tools import Finished, Tools

from ..cfn.variants import SECRET

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


@step
def make(day: str) -> str:
    return day


@flow
def daily_flow(day: str, limit: int = 5) -> Any:
    return make(day)


class Host:
    """A machine whose uv installs one module per requirement, and exports what it is told to."""

    def __init__(self, exported: str = "", *, has_python: bool = True) -> None:
        self.exported = exported
        self.has_python = has_python
        self.installed: list[str] = []

    def __call__(self, command: Sequence[str], folder: str | None, variables: Mapping[str, str]) -> Finished:
        if command[1] == "export":
            return Finished(0, self.exported, "")
        if "compileall" in command:
            root = Path(command[-1])
            for module in root.rglob("*.py"):
                module.with_suffix(".pyc").write_bytes(b"code of " + module.read_bytes())
            return Finished(0, "", "")
        if "install" in command:
            self._install(list(command))
            return Finished(0, "", "")
        return Finished(0 if self.has_python else 1, "python", "")

    def _install(self, command: list[str]) -> None:
        text = Path(command[command.index("-r") + 1]).read_text(encoding="utf-8")
        self.installed.append(" ".join(part for part in command if part.startswith("--")) + f" {text.split()[0]}")
        target = Path(command[command.index("--target") + 1])
        for line in text.splitlines():
            name = line.partition("=")[0].partition("[")[0].replace("-", "_")
            for path, content in {
                f"{name}/__init__.py": line,
                f"{name}-1.dist-info/RECORD": "x",
                f"{name}-1.dist-info/METADATA": "x",
                f"bin/{name}": "x",
                ".lock": "",
            }.items():
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                (target / path).write_text(content, encoding="utf-8")


def built(values: dict[str, object], host: Host, **options: Any) -> BuildPlan:
    tools = Tools(host, ("uv",), "python")
    return build(daily_flow, LokkiConfig(values), {"day": "monday"}, BuildOptions(tools=tools, **options))


def packed(plan: BuildPlan) -> set[str]:
    return {path for path in plan.files if path.startswith(("lambdas/packages", "lambdas/secrets"))}


def test_a_flow_is_built_with_the_parameters_it_needs() -> None:
    plan = built({}, Host())
    assert plan.flow == "daily-flow"
    assert any(path.startswith("lambdas/flow/") and path.endswith("/test_gather.py") for path in plan.files)
    with pytest.raises(ParamError, match="needs a value for 'day'"):
        build(daily_flow, LokkiConfig())


def test_an_image_that_installs_itself_needs_nothing_of_the_host() -> None:
    host = Host()
    assert packed(built({}, host)) == set()
    assert host.installed == []


def test_packages_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host("numpy==2 \\\n  --hash=sha256:aa\n")
    _locked(monkeypatch, host)
    values: dict[str, object] = {"build.dependencies": "host", "secrets.secret_arns": {"TOKEN": SECRET}}
    found = packed(built(values, host, find_links=("wheels",)))
    assert "lambdas/packages/numpy/__init__.py" in found
    assert "lambdas/packages/numpy-1.dist-info/METADATA" in found
    assert "lambdas/secrets/boto3/__init__.py" in found
    assert not any("RECORD" in path or "/bin/" in path or ".lock" in path for path in found)
    assert any("--find-links=wheels" in line and "--require-hashes" in line for line in host.installed)
    assert any(line.endswith("boto3==1.44.5") and "--no-deps" in line for line in host.installed)


def test_a_zip_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host("numpy==2 \\\n  --hash=sha256:aa\n")
    _locked(monkeypatch, host)
    plan = built({"lambda.package_type": "zip", "lambda.python": HERE if HERE != "3.12" else "3.11"}, host)
    assert [line.rpartition(" ")[2] for line in host.installed] == [
        "numpy==2",
        "lokki-core[s3,fast]==0.1.0",
        "lokki-runtime==0.1.0",
    ]
    assert plan.zip_key
    assert not any("byte code" in warning for warning in plan.warnings)


def test_a_zip_without_byte_code_says_so() -> None:
    other = "3.13" if HERE != "3.13" else "3.12"
    plan = built({"lambda.package_type": "zip", "lambda.python": other}, Host(has_python=False))
    assert any("no byte code" in warning for warning in plan.warnings)


def test_a_digest_pins_the_base() -> None:
    plan = built({}, Host(), base_digest="sha256:" + "0" * 64, build_dir=Path("/nowhere"))
    assert plan.files["lambdas/Dockerfile"].startswith(b"ARG BASE_IMAGE=lokki-runtime@sha256:0000")


def test_what_is_read_of_an_installation(tmp_path: Path) -> None:
    for name in (
        "a/__pycache__/x.pyc",
        "a/bin/tool",
        "bin/tool",
        "a-1.dist-info/INSTALLER",
        "a-1.dist-info/licenses/L",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert list(read_installed(tmp_path)) == ["a/bin/tool", "a-1.dist-info/licenses/L"]


def _locked(monkeypatch: pytest.MonkeyPatch, host: Host) -> None:
    """Let the flow's folder have a lock, which the tests' own does not."""
    from lokki_builder.request import Dependencies

    monkeypatch.setattr(
        "lokki_builder.gather.read_dependencies", lambda folder, tools: Dependencies("lock", host.exported)
    )
