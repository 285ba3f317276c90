"""Each package has what a package needs, and the places that list packages agree."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from build_dist import build, findings
from repository import ROOT, Package, RepositoryError, packages, select

ALL = pytest.mark.parametrize("package", packages(), ids=lambda package: package.dist)


def test_there_are_packages() -> None:
    assert "lokki-core" in [package.dist for package in packages()]


def test_an_unknown_package_is_named() -> None:
    with pytest.raises(RepositoryError, match="No package nonsense"):
        select(["nonsense"])


@ALL
@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "LICENSE", "NOTICE", "changelog.d/README.md"])
def test_a_package_has_its_papers(package: Package, name: str) -> None:
    assert (package.folder / name).read_text(encoding="utf-8").strip()


@ALL
def test_a_package_bears_the_licence_of_the_repository(package: Package) -> None:
    assert (package.folder / "LICENSE").read_text(encoding="utf-8") == (ROOT / "LICENSE").read_text(encoding="utf-8")


@ALL
def test_the_changelog_can_take_the_next_news(package: Package) -> None:
    settings = package.pyproject()["tool"]["towncrier"]
    assert settings["start_string"] in (package.folder / settings["filename"]).read_text(encoding="utf-8")
    types = {kind["directory"] for kind in settings["type"]}
    for name in package.fragments:
        match = re.fullmatch(r"\+[a-z0-9-]+\.([a-z]+)\.md", name)
        assert match, f"{name} should read +<a-few-words>.<type>.md"
        assert match[1] in types


@ALL
def test_the_installed_version_is_the_one_in_about(package: Package) -> None:
    assert version(package.dist) == package.version


@ALL
def test_archives_hold_what_they_should(package: Package, tmp_path: Path) -> None:
    assert findings(package, *build(package, tmp_path)) == []


@ALL
def test_a_package_is_listed_where_packages_are_listed(package: Package) -> None:
    imported = package.import_folder.name
    listed = (ROOT / "dev" / "packages.txt").read_text(encoding="utf-8")
    assert re.search(rf"^\./packages/{re.escape(package.dist)}(\[|$)", listed, re.MULTILINE)
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    assert imported in contracts["importlinter"]["root_packages"].split()
    coverage = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["coverage"]
    assert imported in coverage["run"]["source_pkgs"]
    assert imported in coverage["paths"]


def test_the_readme_starts_with_one_command_to_run_and_one_to_test() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = re.search(r"^## Start$(.*?)(?=^## |\Z)", readme, re.MULTILINE | re.DOTALL)
    assert section, "README.md has no section '## Start'"
    run, test = re.findall(r"^```sh\n(.*?)\n```$", section[1], re.MULTILINE | re.DOTALL)[:2]
    started = re.fullmatch(r"\./dev/bootstrap && \.venv/bin/python (\S+) run( --executor process)?", run)
    assert started, run
    assert (ROOT / started[1]).is_file()
    assert test == "./dev/bootstrap && .venv/bin/tox"


SKIPPING = "import pytest\n\n@pytest.mark.skip(reason='no database')\ndef test_nothing():\n    pass\n"
EXPECTED = "import pytest\n\n@pytest.mark.xfail(reason='known')\ndef test_fails():\n    raise ValueError\n"
SKIPPED_MODULE = "import pytest\n\npytest.skip('no database', allow_module_level=True)\n"


@pytest.mark.parametrize(
    ("source", "options", "code", "said"),
    [
        (SKIPPING, ["--fail-on-skip"], 1, "no database"),
        (SKIPPED_MODULE, ["--fail-on-skip"], 2, "no database"),
        (EXPECTED, ["--fail-on-skip"], 0, "1 xfailed"),
    ],
)
def test_a_skip_can_be_made_a_failure(tmp_path: Path, source: str, options: list[str], code: int, said: str) -> None:
    (tmp_path / "conftest.py").write_text((ROOT / "conftest.py").read_text(encoding="utf-8"))
    (tmp_path / "test_one.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-ra", *options, str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, said in done.stdout) == (code, True), done.stdout + done.stderr
