"""The pages for users: what is made of code is up to date, blocks do what they say, links lead somewhere."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import docs_api
import lokki
import pytest
from docs_blocks import Block, PageError, blocks, pages
from docs_runner import BlockError, Reader, matches
from repository import ROOT

import docs

RUN = [page for page in pages() if page.name != "cli.md"]
"""All but the page whose commands are run to make it."""

ALL = pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))

NOT_RUN_HERE = {
    ("README.md", "elsewhere"): 1,
    ("README.md", "aws"): 1,
    ("docs/api.md", "not run"): 1,
    ("docs/concepts.md", "not run"): 1,
    ("docs/quickstart.md", "emulator"): 8,
    ("docs/quickstart.md", "elsewhere"): 1,
    ("docs/quickstart.md", "aws"): 3,
}
"""{(page, why): how many blocks}: every block that no test in this file runs. tests-e2e runs those of the emulator."""


def test_pages_made_from_the_code_are_up_to_date() -> None:
    assert docs.stale() == [], "run python dev/docs.py"


@ALL
@pytest.mark.timeout(600)
def test_blocks_do_what_the_page_says(page: Path, tmp_path: Path) -> None:
    Reader(tmp_path).follow(page)


def test_blocks_that_do_not_run_here_are_listed_with_a_reason() -> None:
    found: dict[tuple[str, str], int] = {}
    for page in RUN:
        for block in blocks(page):
            if block.kind in ("", "file", "part of"):
                continue
            assert block.argument or block.kind == "emulator", f"{block.where}: say why."
            key = (str(page.relative_to(ROOT)), block.kind)
            found[key] = found.get(key, 0) + 1
    assert found == NOT_RUN_HERE


def test_the_page_about_the_api_has_every_public_name() -> None:
    documented = docs_api.documented()
    found = {getattr(import_module(module), name) for module, _, name in (one.rpartition(".") for one in documented)}
    missing = [name for name in lokki.__all__ if name != "__version__" and getattr(lokki, name) not in found]
    assert missing == []


def test_every_public_name_is_explained() -> None:
    text = docs_api.page()
    for name in docs_api.documented() - {"lokki.LokkiError"}:
        section = text.partition(f"### `{name}`")[2].partition("\n### ")[0].partition("\n## ")[0]
        words = [line for line in section.splitlines() if line and not line.startswith(("`", "- "))]
        assert words, f"{name} has no docstring."


LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)")


@pytest.mark.parametrize(
    "page",
    [*pages(), ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "dev" / "README.md"],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(file), f"{page.name}: {target}#{anchor}"


def anchors(file: Path) -> set[str]:
    """The anchors of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    ("expected", "found", "same"),
    [
        (["a"], ["a"], True),
        (["a"], ["b"], False),
        (["a"], ["a", "b"], False),
        ([], ["a"], False),
        (["…", "b"], ["x", "y", "b"], True),
        (["…", "b"], ["b", "y"], False),
        (["b", "…"], ["b"], True),
        (["started 2026-01-01 10:00:00, took 0.1s"], ["started 2031-11-12 23:59:01, took 12.75s"], True),
        (["[INFO] a"], ["[INFO] b"], False),
        (["a"], ["[INFO] noise", "a"], True),
        (["a"], ["[ERROR] noise", "a"], False),
        (["5 items"], ["6 items"], False),
    ],
)
def test_what_counts_as_the_same_output(expected: list[str], found: list[str], same: bool) -> None:
    assert matches(expected, found) is same


@pytest.mark.parametrize(
    "text",
    ["```\na\n```\n", "```rust\na\n```\n", "```sh\na\n", "<!-- perhaps -->\n```sh\na\n```\n"],
)
def test_a_block_that_nothing_would_test_is_refused(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(PageError):
        blocks(page)


@pytest.mark.parametrize(
    "block",
    [
        Block(docs.DOCS / "page.md", 1, "sh", "false\n"),
        Block(docs.DOCS / "page.md", 1, "console", "$ echo a\nb\n"),
        Block(docs.DOCS / "page.md", 1, "python", "raise ValueError\n"),
        Block(docs.DOCS / "page.md", 1, "text", "words\n"),
        Block(
            ROOT / "examples" / "nested" / "README.md", 1, "python", "what.is(not there)\n", "part of", "nested_flow.py"
        ),
    ],
    ids=lambda block: block.language,
)
def test_a_block_that_does_something_else_is_told(tmp_path: Path, block: Block) -> None:
    reader = Reader(tmp_path)
    reader.prepare(docs.DOCS / "page.md")
    with pytest.raises(BlockError, match=re.escape(block.where)):
        reader.do(block)
