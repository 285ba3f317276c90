"""The tag that starts a release."""

from __future__ import annotations

from pathlib import Path

import pytest
import release_tag
from repository import RepositoryError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository whose one package, some-dist 1.2.0, is ready to be released."""
    folder = tmp_path / "packages" / "some-dist"
    (folder / "src" / "some").mkdir(parents=True)
    (folder / "changelog.d").mkdir()
    (folder / "pyproject.toml").write_text("")
    (folder / "changelog.d" / "README.md").write_text("how to write news")
    (folder / "src" / "some" / "__about__.py").write_text('"""About."""\n\n__version__ = "1.2.0"\n')
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.0 (2026-01-31)\n\n### Added\n\n- This.\n")
    return tmp_path


@pytest.mark.parametrize(
    ("tag", "parsed"),
    [
        ("lokki-core-v0.1.0", ("lokki-core", "0.1.0")),
        ("portl-v10.0.0rc1", ("portl", "10.0.0rc1")),
        ("some-v2-v1.0", ("some-v2", "1.0")),
    ],
)
def test_a_tag_names_distribution_and_version(tag: str, parsed: tuple[str, str]) -> None:
    assert release_tag.parse(tag) == parsed


@pytest.mark.parametrize(
    "tag", ["", "v1.0", "lokki-core", "lokki-core-1.0", "lokki-core-v", "lokki-core-v1 0", "a-v1\nb=2"]
)
def test_other_tags_are_refused(tag: str) -> None:
    with pytest.raises(RepositoryError, match="is not a release tag"):
        release_tag.parse(tag)


def test_facts_of_a_release(root: Path) -> None:
    facts = release_tag.read("some-dist-v1.2.0", root)
    assert facts == {"dist": "some-dist", "version": "1.2.0", "folder": "packages/some-dist"}


def test_the_package_has_to_exist(root: Path) -> None:
    with pytest.raises(RepositoryError, match=r"No package other\. There are: some-dist\."):
        release_tag.read("other-v1.2.0", root)


def test_every_objection_is_named(root: Path) -> None:
    (root / "packages" / "some-dist" / "changelog.d" / "+more.fixed.md").write_text("A fix.")
    with pytest.raises(RepositoryError) as caught:
        release_tag.read("some-dist-v1.20", root)
    message = str(caught.value)
    assert "the tag says 1.20, some/__about__.py says 1.2.0" in message
    assert "changelog.d still holds +more.fixed.md" in message
    assert "CHANGELOG.md has no section for 1.20" in message


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["lokki-core-v0.0.0"], ["two", "tags"]])
def test_refusals_exit_with_2_and_print_no_facts(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert release_tag.main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("release: ")
