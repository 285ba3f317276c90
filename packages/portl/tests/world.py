"""The world of the two flows: a real database server, an API and a function, both over HTTP on this machine."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from databases import ADDRESS, ServerPlace
from portl.cli.app import invoke
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

EXAMPLES = Path(__file__).parents[3] / "examples" / "portl"
TOKEN = 'tok/en+with "quotes" & more'  # it is looked for in everything that is written


@dataclass
class World:
    """What the flows talk to, and what they did to it."""

    folder: Path
    database: ServerPlace
    calls: list[tuple[str, str, dict[str, Any], str]] = field(default_factory=list)
    """Method, path, body and idempotency key of each call of the API, in order."""
    invocations: list[Any] = field(default_factory=list)
    """Payloads of the function."""
    answer: Callable[[Any], Any] = lambda payload: {}
    """What the function answers."""
    status: Callable[[int], int] = lambda number: 200
    """The API's status for its n-th call, from 1."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, *words: str) -> int:
        """`portl WORDS`; the exit code."""
        return invoke([*words])

    def job(self, name: str = "job.yaml") -> str:
        """The path of the job."""
        return str(self.folder / name)

    def edit(self, old: str, new: str) -> None:
        """Change the job's text."""
        path = self.folder / "job.yaml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def versions(self) -> list[tuple[Any, ...]]:
        """Code, number, status and md5 of each version."""
        return self.database.rows(
            "SELECT r.code, v.version_number, v.status, v.md5 FROM resources_versions v "
            "JOIN resources r ON r.id = v.resource_id ORDER BY 1, 2"
        )

    def resources(self) -> list[tuple[Any, ...]]:
        """Code, source, name and id of each resource."""
        return self.database.rows("SELECT code, source, name, id FROM resources ORDER BY code")

    def outbox(self) -> list[tuple[Any, ...]]:
        """Key and state of each delivery."""
        return self.database.rows("SELECT dedup_key, state FROM portl_outbox ORDER BY id")

    def serve(self, request: Request) -> Response:
        """The API."""
        with self.lock:
            key = request.headers.get("Idempotency-Key", "")
            self.calls.append((request.method, request.path, json.loads(request.get_data()), key))
            status = self.status(len(self.calls))
        return Response(json.dumps({"ok": status < 400}), status, content_type="application/json")

    def function(self, request: Request) -> Response:
        """The function."""
        payload = json.loads(request.get_data())
        with self.lock:
            self.invocations.append(payload)
        return Response(json.dumps(self.answer(payload)), content_type="application/json")


def set_up(
    name: str, tmp_path: Path, database: ServerPlace, server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> World:
    """A copy of the example `name`, its tables, and the servers it calls."""
    folder = tmp_path / name
    shutil.copytree(EXAMPLES / name, folder)
    job = folder / "job.yaml"
    text = job.read_text(encoding="utf-8")
    kind = database.dialect
    connection = f'  pg_main: {{ type: {kind}, {ADDRESS[kind]}: "${{env:PG_DSN}}" }}\n'
    job.write_text(re.sub(r"  pg_main:.*\n(    .*\n)*", lambda _: connection, text))
    schema = (EXAMPLES / ("schema.mysql.sql" if kind == "mysql" else "schema.sql")).read_text(encoding="utf-8")
    database.run(*(statement for statement in schema.split(";") if statement.strip()))
    world = World(folder, database)
    server.expect_request(re.compile("/2015-03-31/functions/.*")).respond_with_handler(world.function)
    server.expect_request(re.compile("/api/.*")).respond_with_handler(world.serve)
    for variable, value in {
        "PG_DSN": database.where,
        "NOTIFY_URL": server.url_for("/api"),
        "NOTIFY_TOKEN": TOKEN,
        "AWS_ENDPOINT_URL_LAMBDA": server.url_for(""),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(variable, value)
    assert world.run("outbox", "init", world.job()) == 0
    return world
