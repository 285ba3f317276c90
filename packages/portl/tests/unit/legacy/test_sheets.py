"""Old jobs on Google Sheets, in the spellings of two dialects."""

from __future__ import annotations

from pathlib import Path

import pytest
from jobs import Place
from portl.cli.app import invoke
from pytest_httpserver import HTTPServer
from sheets_server import BOOK, SheetsServer

READ = f"""\
source: {{type: google_sheets, spreadsheet_id: {BOOK}, sheet_name: Sheet1, range_name: "A1:C",
  credentials_path: ./key.json}}
destination: {{type: csv, path: out.csv}}
conflict: overwrite
schema_mapping: {{user_id: id, secret: null}}
transformations: [{{column: name, operation: trim}}]
"""
WRITE = f"""\
source: {{type: csv, path: in.csv}}
destination: {{type: google_sheet, sheet_id: {BOOK}, tab_name: Sheet1}}
conflict: overwrite
mapping: {{user_id: id}}
"""


@pytest.fixture
def server(jobs: Place, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> SheetsServer:
    monkeypatch.chdir(jobs.folder)
    server = SheetsServer(httpserver)
    server.write_key(jobs.folder)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "key.json")
    return server


def migrated(jobs: Place, server: SheetsServer, text: str) -> Path:
    """The steps job, which talks to the test's server."""
    jobs.write("old.yaml", text)
    assert invoke(["migrate", "old.yaml"]) == 0
    path = jobs.folder / "old.steps.yaml"
    endpoint = server.server.url_for("").rstrip("/")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("    type: google_sheets\n", f"    type: google_sheets\n    endpoint: {endpoint}\n"))
    return path


def test_a_sheet_is_read(jobs: Place, server: SheetsServer) -> None:
    server.grids["Sheet1"].fill([["user_id", "name", "secret"], [1, " Ann ", "x"], [2, "Bo", "y"]])
    path = migrated(jobs, server, READ)
    assert invoke(["run", str(path)]) == 0
    assert sorted(zip(*jobs.read("out.csv"), strict=True)) == [("id", "1", "2"), ("name", "Ann", "Bo")]


def test_a_sheet_is_written(jobs: Place, server: SheetsServer) -> None:
    jobs.write("in.csv", "user_id,name\n1,Ann\n")
    server.grids["Sheet1"].fill([["id", "name"], ["9", "old"], ["8", "older"]])
    path = migrated(jobs, server, WRITE)
    assert 'credentials_path: "${env:GOOGLE_APPLICATION_CREDENTIALS}"' in path.read_text(encoding="utf-8")
    for _ in range(2):
        assert invoke(["run", str(path)]) == 0
        assert server.grids["Sheet1"].values() == [["id", "name"], ["1", "Ann"]]


@pytest.mark.parametrize("text", [READ, WRITE])
def test_they_are_right_as_they_are(jobs: Place, server: SheetsServer, text: str) -> None:
    jobs.write("old.yaml", text)
    assert invoke(["validate", "old.yaml"]) == 0


@pytest.mark.parametrize("conflict", ["skip", "merge", "fail"])
def test_a_sheet_has_no_key(
    jobs: Place, server: SheetsServer, conflict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs.write("old.yaml", WRITE.replace("overwrite", conflict))
    assert invoke(["run", "old.yaml"]) == 2
    told = (
        f"old.yaml:3:11: A sheet has no key by which rows could be found, so there is no {conflict}. Use conflict: over"
    )
    assert told in capsys.readouterr().err
