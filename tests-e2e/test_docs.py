"""The quickstart and every other page, followed by somebody who has an AWS emulator; dev/tests follows the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs_blocks import blocks, pages
from docs_runner import Reader
from e2e_support.aws import Aws
from e2e_support.docker import Docker

PAGES = [page for page in pages() if any(block.kind == "emulator" for block in blocks(page))]


def test_there_is_such_a_page() -> None:
    assert "quickstart.md" in [page.name for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_with_an_emulator(
    page: Path, docker: Docker, aws: Aws, runtime_image: str, managed_image: str, tmp_path: Path
) -> None:
    """As written, from its first block to its last."""
    if not aws.endpoint:
        pytest.skip("pages are not followed in an account: they make a bucket with a name of their own")
    try:
        Reader(tmp_path, {**aws.variables(), "DOCKER_HOST": docker.host}).follow(page)
    finally:  # a reader who stops half-way leaves nothing for other tests to fall over
        aws.client("cloudformation").delete_stack(StackName="birds-flow")
