"""A secret that is planted in the connections appears nowhere: not in logs, plans, errors, the outbox or JSON."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from world import TOKEN, World

PASSWORD = "correct horse/battery+staple"  # planted to be looked for


@pytest.fixture
def planted(flow_a: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Flow A whose API wants a password in the URL's place, too."""
    monkeypatch.setenv("API_PASSWORD", PASSWORD)
    flow_a.edit(
        "    timeout_ms: 10000\n", '    timeout_ms: 10000\n    auth: { user: me, password: "${env:API_PASSWORD}" }\n'
    )
    flow_a.edit("      Authorization: Bearer ${env:NOTIFY_TOKEN}\n", '      X-Token: "${env:NOTIFY_TOKEN}"\n')
    return flow_a


def _forms(secret: str) -> set[str]:
    encoded = base64.b64encode(secret.encode()).decode()
    return {
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        encoded.rstrip("="),
        base64.b64encode(f"me:{secret}".encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="),
        secret.encode().hex(),
    }


def _assert_clean(text: str) -> None:
    assert text
    for secret in (TOKEN, PASSWORD):
        for form in _forms(secret):
            assert form not in text


RUNS = [
    ["run"],
    ["run", "--json"],
    ["run", "--log-format", "json"],
    ["run", "--debug"],
    ["run", "--dry-run"],
    ["run", "--dry-run", "--json"],
    ["run", "--dry-run=check"],
    ["validate"],
]


@pytest.mark.parametrize("words", RUNS, ids=" ".join)
def test_a_good_run_shows_no_secret(planted: World, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert planted.run(words[0], planted.job(), *words[1:]) == 0
    said = capsys.readouterr()
    _assert_clean(said.out + said.err)


@pytest.mark.parametrize("words", [["run"], ["run", "--log-format", "json"], ["run", "--debug"]], ids=" ".join)
@pytest.mark.parametrize("echo", [TOKEN, PASSWORD])
def test_an_error_that_repeats_the_secret_shows_none(
    planted: World, words: list[str], echo: str, capsys: pytest.CaptureFixture[str]
) -> None:
    planted.answer = lambda payload: {"md5": echo, "labels": []}
    planted.edit('md5: "{{ coalesce(item.meta.md5, md5(row | tojson)) }}"', 'md5: "{{ int(item.meta.md5) }}"')
    assert planted.run(words[0], planted.job(), *words[1:]) == 1
    said = capsys.readouterr()
    _assert_clean(said.out + said.err)
    assert "***" in said.err


def test_failed_deliveries_keep_no_secret(planted: World, capsys: pytest.CaptureFixture[str]) -> None:
    planted.status = lambda number: 401
    assert planted.run("run", planted.job(), "--drain-wait", "0") == 4
    stored = str(planted.database.rows("SELECT * FROM portl_outbox"))
    _assert_clean(stored)
    assert planted.run("outbox", "list", planted.job()) == 0
    said = capsys.readouterr()
    _assert_clean(said.out + said.err)


def test_a_database_that_cannot_be_reached_shows_no_password(
    planted: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scheme = {"postgres": "postgresql"}.get(planted.database.dialect, "mysql")
    monkeypatch.setenv("PG_DSN", f"{scheme}://me:{quote(PASSWORD, safe='')}@127.0.0.1:1/none")
    planted.edit("  isolation: read_committed", "  isolation: read_committed\n  retry: { max_attempts: 1 }")
    assert planted.run("run", planted.job(), "--debug") == 1
    said = capsys.readouterr()
    _assert_clean(said.out + said.err)
