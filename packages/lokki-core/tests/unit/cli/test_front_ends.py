"""Words that other packages serve, and words that nobody knows; `config`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ..conftest import Project

SOURCE = """
    @step
    def first(): return 1
    @flow
    def job(): return first()
"""
FRONT_END = """
def serve(flow, words):
    print("front end", flow.name, words)
    return 7
"""


def isolated(project: Project, *words: str, **env: str) -> Any:
    """Run without anything that happens to be installed: only lokki and the project's folder are importable."""
    import lokki

    source = lokki.__path__[0].removesuffix("/lokki")
    project.write(
        SOURCE,
        head=f"import sys\nsys.path[:] = [p for p in sys.path if 'site-packages' not in p]\n"
        f"sys.path += [{str(project.folder)!r}, {project_link(project, source)!r}]\n",
    )
    return project.cli(*words, env=env)


def project_link(project: Project, source: str) -> str:
    """A folder that holds nothing but the package lokki."""
    folder = project.folder / "only"
    folder.mkdir(exist_ok=True)
    if not (folder / "lokki").exists():
        (folder / "lokki").symlink_to(f"{source}/lokki")
    return str(folder)


def install(project: Project, text: str = FRONT_END, group: str = "lokki.frontends", name: str = "lokki-cli") -> None:
    (project.folder / "front_end.py").write_text(text, encoding="utf-8")
    info = project.folder / "front_end-1.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: front-end\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = front_end:serve\n", encoding="utf-8")


WORDS = "build deploy invoke resume show logs result destroy rollback graph".split()


@pytest.mark.parametrize("word", ["build", "deploy", "graph"])
def test_a_word_of_another_package_names_it(project: Project, word: str) -> None:
    found = isolated(project, word, "--env", "dev")
    assert (found.returncode, found.stdout) == (2, "")
    assert (
        found.stderr
        == f"error: the command '{word}' needs the package lokki-cli. Install it: pip install 'lokki-cli'\n"
    )


def test_every_word_of_the_other_package_is_known(project: Project) -> None:
    from lokki._main import DEPLOY_WORDS

    assert list(DEPLOY_WORDS) == WORDS
    assert f"With the package lokki-cli installed also: {', '.join(WORDS)}." in isolated(project, "help").stdout


@pytest.mark.parametrize("words", [(), ("help",), ("--help",), ("-h",)])
def test_help_without_other_packages(project: Project, words: tuple[str, ...]) -> None:
    found = isolated(project, *words)
    assert (found.returncode, found.stderr) == (0, "")
    assert "usage: python work.py COMMAND" in found.stdout
    assert "run --help" in found.stdout


@pytest.mark.parametrize(("word", "close"), [("rnu", "run"), ("deplyo", "deploy"), ("confg", "config"), ("zzz", None)])
def test_an_unknown_word(project: Project, word: str, close: str | None) -> None:
    found = isolated(project, word)
    assert found.returncode == 2
    hint = f" Did you mean '{close}'?" if close else ""
    assert found.stderr == f"error: there is no command '{word}'.{hint}\n\n"
    assert "usage: python work.py COMMAND" in found.stdout


@pytest.mark.parametrize("words", [("deploy", "--env", "dev"), ("help",), ("config",), ("whatever", "--help"), ()])
def test_a_front_end_gets_flow_and_words(project: Project, words: tuple[str, ...]) -> None:
    install(project)
    found = isolated(project, *words)
    assert (found.returncode, found.stdout) == (7, f"front end job {list(words)}\n"), found.stderr


def test_run_and_version_stay_with_the_core(project: Project) -> None:
    install(project, "raise ImportError('not needed')")
    assert isolated(project, "run").stdout == "1\n"
    assert isolated(project, "version").stdout.startswith("lokki ")


def test_the_first_front_end_by_name_is_taken(project: Project) -> None:
    install(project)
    info = project.folder / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[lokki.frontends]\na-first = json:dumps\n", encoding="utf-8")
    found = isolated(project, "deploy")
    assert found.returncode == 3, "json.dumps is no front end"
    assert "TypeError" in found.stderr


CONFIG = """
[aws]
region = "eu-north-1"
[lambda.env]
API_TOKEN = "very-secret"
GREETING = "hei"
"""


def test_the_configuration_is_shown_without_secrets(project: Project) -> None:
    (project.folder / "lokki.toml").write_text(CONFIG, encoding="utf-8")
    found = isolated(project, "config", LOKKI_LOG_LEVEL="DEBUG")
    assert found.returncode == 0, found.stderr
    assert "very-secret" not in found.stdout
    line = next(line for line in found.stdout.splitlines() if line.startswith("logging.level"))
    assert line.split() == ["logging.level", '"DEBUG"', "env", "LOKKI_LOG_LEVEL"]
    assert "lambda.env.GREETING" in found.stdout
    assert str(project.folder / "lokki.toml") in found.stdout.replace("\n    ", "")
    shown = json.loads(isolated(project, "config", "--json").stdout)
    assert shown["aws"]["region"] == "eu-north-1"
    assert shown["lambda"]["env"]["GREETING"] == "hei"
    assert "very-secret" not in str(shown)


def test_a_configuration_with_a_warning_or_a_mistake(project: Project) -> None:
    (project.folder / "lokki.toml").write_text(CONFIG, encoding="utf-8")
    (project.folder / "lokki.yml").write_text("build_dir: x\n", encoding="utf-8")
    assert isolated(project, "config").stderr.startswith("warning: ")
    (project.folder / "lokki.toml").write_text("[awz]\nregion = 1\n", encoding="utf-8")
    found = isolated(project, "config")
    assert (found.returncode, found.stdout) == (2, "")
    assert "aws" in found.stderr
    found = isolated(project, "config", "--nonsense")
    assert found.returncode == 2
    assert "usage: python work.py config" in found.stderr
