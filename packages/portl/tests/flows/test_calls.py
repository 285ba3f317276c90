"""Steps that call: what is sent, what comes back, what is told when it fails."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jobs import Place
from portl.engine.base import RunReport
from portl.errors import DeliveriesPendingError, StepError
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

HEAD = """\
connections:
  db: { type: sqlite, path: test.db }
  api: { type: http, base_url: "${env:URL}/api", headers: { X-Fixed: one } }
  fn:
    type: aws_lambda
    function: f
    region: eu-west-1
    endpoint_url: "${env:URL}"
    access_key_id: a
    secret_access_key: b
outbox: { create: true }
defaults: { retry: { max_attempts: 2, backoff_ms: 1 } }
steps:
"""
BATCH = "batch: { from: [1, 2, 3], as: n }"


class World:
    """An API and a function that remember what they got."""

    def __init__(self, jobs: Place, server: HTTPServer) -> None:
        self.jobs, self.server = jobs, server
        self.got: list[tuple[str, str, dict[str, str], Any]] = []
        self.answer: Any = lambda path, body: (200, {"echo": body})
        jobs.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, v)")
        server.expect_request(re.compile("/.*")).respond_with_handler(self._serve)

    def _serve(self, request: Request) -> Response:
        data = request.get_data()
        body = json.loads(data) if data else None
        self.got.append((request.method, request.full_path.rstrip("?"), dict(request.headers), body))
        status, answer = self.answer(request.path, body)
        return Response(json.dumps(answer), status, content_type="application/json")

    def run(self, steps: str) -> RunReport:
        return self.jobs.run(HEAD + steps, env={"URL": self.server.url_for("").rstrip("/")})

    def values(self) -> list[Any]:
        return [value for (value,) in self.jobs.rows("SELECT v FROM t ORDER BY id")]


@pytest.fixture
def world(jobs: Place, httpserver: HTTPServer) -> World:
    return World(jobs, httpserver)


def test_a_call_says_what_the_job_says_and_its_answer_is_a_result(world: World) -> None:
    world.run(
        "  - {id: l, type: db.read, sql: 'SELECT 1 AS n UNION SELECT 2 ORDER BY 1'}\n"
        "  - id: c\n    type: api.call\n    connection: api\n    method: PUT\n    path: '/x/{{ row.n }}'\n"
        "    query: {a: '{{ row.n }}', b: null}\n    headers: {X-N: '{{ row.n }}', X-None: null}\n"
        "    idempotency_key: 'k{{ row.n }}'\n    body: {n: '{{ row.n }}'}\n    save_as: r\n"
        "    batch: {from: '{{ steps.l.rows }}'}\n"
        "  - {id: i, type: db.insert, table: t, batch: {from: '{{ steps.l.rows }}'}, "
        "mapping: {v: '{{ item.r.status + item.r.body.echo.n }}'}}\n"
    )
    assert world.values() == [201, 202]
    method, path, headers, body = sorted(world.got, key=lambda call: call[1])[0]
    assert (method, path, body) == ("PUT", "/api/x/1?a=1", {"n": 1})
    assert (headers["X-N"], headers["X-Fixed"], headers["Idempotency-Key"]) == ("1", "one", "k1")
    assert "X-None" not in headers


def test_a_function_is_invoked_once_or_for_each_item(world: World) -> None:
    world.answer = lambda path, body: (200, {"twice": body["n"] * 2})
    world.run(
        "  - {id: one, type: lambda.invoke, connection: fn, payload: {n: 4}, save_as: one}\n"
        "  - {id: many, type: lambda.invoke, connection: fn, payload: {n: '{{ n }}'}, save_as: many, "
        f"{BATCH}}}\n"
        "  - {id: i, type: db.insert, table: t, mapping: {v: '{{ one.twice + many[2].twice }}'}}\n"
    )
    assert world.values() == [14]
    assert [path for _, path, _, _ in world.got] == ["/2015-03-31/functions/f/invocations"] * 4


def test_deliveries_to_an_api_and_to_a_function_leave_after_commit(world: World) -> None:
    steps = (
        f"  - {{id: a, type: outbox.enqueue, connection: api, dedup_key: 'a{{{{ n }}}}', path: /a, {BATCH}, "
        "body: '{{ n }}'}\n"
        "  - {id: f, type: outbox.enqueue, connection: fn, dedup_key: f, payload: {x: 1}}\n"
        "  - {id: i, type: db.insert, table: t, mapping: {v: 1}}\n"
    )
    report = world.run(steps)
    assert report.deliveries is not None
    assert report.deliveries.delivered == 4
    assert sorted(path for _, path, _, _ in world.got) == ["/2015-03-31/functions/f/invocations", *["/api/a"] * 3]
    assert world.run(steps).deliveries is not None
    assert len(world.got) == 4


def test_a_failing_call_is_told_with_step_item_and_url(world: World) -> None:
    world.answer = lambda path, body: (404 if path == "/api/2" else 200, {"why": "not there"})
    with pytest.raises(StepError) as caught:
        world.run(f"  - {{id: c, type: api.call, connection: api, method: GET, path: '/{{{{ n }}}}', {BATCH}}}\n")
    assert (caught.value.step_id, caught.value.idx) == ("c", 1)
    assert "404" in str(caught.value)
    assert caught.value.rendered.endswith("/api/2")


def test_statuses_may_be_expected(world: World) -> None:
    world.answer = lambda path, body: (404, {"gone": True})
    world.run(
        "  - {id: c, type: api.call, connection: api, method: GET, path: /x, expect_status: [200, 404], save_as: r}\n"
        "  - {id: i, type: db.insert, table: t, mapping: {v: '{{ r.status }}'}}\n"
    )
    assert world.values() == [404]


@pytest.mark.parametrize(
    ("step", "what"),
    [
        ("path: '/{{ n if n < 2 else none }}'", "item 1: .*null cannot stand inside text"),
        ("idempotency_key: '{{ \"\" if n == 3 else n }}'", "item 2: The key is empty"),
        ("idempotency_key: '{{ none }}'", "item 0: null cannot stand inside text"),
    ],
)
def test_a_request_that_cannot_be_made(world: World, step: str, what: str) -> None:
    with pytest.raises(StepError, match=f"step 'c', {what}"):
        world.run(f"  - {{id: c, type: api.call, connection: api, {step}, {BATCH}}}\n")


def test_a_call_after_commit_that_fails_says_so(world: World) -> None:
    world.answer = lambda path, body: (500, {})
    with pytest.raises(DeliveriesPendingError, match="The transaction was committed before"):
        world.run(
            "  - {id: i, type: db.insert, table: t, mapping: {v: 1}}\n"
            "  - {id: c, type: api.call, connection: api, method: GET, path: /x}\n"
        )
    assert world.values() == [1]
    assert len(world.got) == 2
