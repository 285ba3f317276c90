"""The cookbook: each chapter's files and commands give what the page says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pages import Block, Shell, chapters, plain
from portl.cli.app import invoke
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

PAGE = Path(__file__).parents[4] / "docs" / "portl" / "cookbook.md"
CHAPTERS = chapters(PAGE)


@pytest.mark.parametrize("title", CHAPTERS)
def test_a_chapter(
    title: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    httpserver: HTTPServer,
) -> None:
    calls: list[str] = []

    def answer(request: Request) -> Response:
        if request.path.startswith("/2015-03-31/functions/"):
            return Response((tmp_path / "answer.json").read_text(), content_type="application/json")
        calls.append(f"{request.method} {request.path} {json.dumps(request.json, separators=(',', ':'))}\n")
        return Response("{}", content_type="application/json")

    def portl(words: list[str]) -> str:
        invoke(words)
        captured = capsys.readouterr()
        return captured.err + captured.out

    httpserver.expect_request("/people").respond_with_handler(answer)
    httpserver.expect_request("/2015-03-31/functions/people/invocations").respond_with_handler(answer)
    for name, value in {
        "API_URL": httpserver.url_for(""),
        "AWS_ENDPOINT_URL_LAMBDA": httpserver.url_for(""),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    _run(CHAPTERS[title], Shell(tmp_path, portl), calls)


def _run(blocks: list[Block], shell: Shell, calls: list[str]) -> None:
    for block in blocks:
        if block.name:
            (shell.folder / block.name).write_text(block.text, encoding="utf-8")
        elif block.language == "http":
            assert "".join(calls) == block.text
        else:
            assert block.language == "console", "a block is a file, commands, or the calls they make"
            for command, printed in block.commands():
                assert plain(shell.run(command)) == plain(printed), command


def test_each_chapter_runs_something() -> None:
    assert len(CHAPTERS) > 10
    for title, blocks in CHAPTERS.items():
        languages = [block.language for block in blocks]
        assert "console" in languages, title
        assert "job.yaml" in [block.name for block in blocks], title
