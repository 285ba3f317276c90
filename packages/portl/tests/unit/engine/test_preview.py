"""Dry runs: what would be done is shown, nothing is done."""

from __future__ import annotations

import pytest
from jobs import HEAD, Place

TEXT = """\
connections:
  db: { type: sqlite, path: test.db }
  api: { type: http, base_url: "http://user:swordfish@localhost:1/v1" }
  fn: { type: aws_lambda, function: enrich }
params: { day: { type: date } }
steps:
  - {id: read, type: csv.read, path: in.csv, columns: {n: integer}}
  - id: enrich
    type: lambda.invoke
    connection: fn
    batch: { from: "{{ steps.read.rows }}", as: row }
    payload: { k: "{{ row.k }}", day: "{{ run.params.day }}" }
    save_as: meta
    mock: { md5: "{{ row.k | md5 }}" }
  - id: save
    type: db.upsert
    table: t
    key: k
    batch: { from: "{{ steps.read.rows }}", as: row }
    mapping: { k: "{{ row.k }}", v: "{{ row.n * 2 }}", note: "{{ item.meta.md5[:4] }}" }
    save_as: saved
  - id: which
    type: conditional
    batch: { from: "{{ steps.read.rows }}", as: row }
    when: item.saved.was_inserted
    then:
      - id: look
        type: db.query_one
        sql: "SELECT v FROM t WHERE id = :id"
        params: { id: "{{ item.saved.id }}" }
        save_as: found
    else:
      - {id: change, type: db.update, table: t, where: {k: "{{ row.k }}"}, set: {v: 0}}
  - id: tell
    type: api.call
    connection: api
    batch: { from: "{{ steps.read.rows }}", as: row }
    delivery: after_commit
    path: "/things/{{ item.saved.id }}"
    query: { k: "{{ row.k }}" }
    idempotency_key: "{{ row.k }}-{{ item.saved.id }}"
    body: { id: "{{ item.saved.id }}", list: ["{{ row.n }}", fixed] }
  - {id: all, type: db.read, sql: SELECT k FROM t}
  - {id: out, type: csv.write, path: out.csv, batch: {from: "{{ steps.all.rows }}", as: x}, mapping: {k: "{{ x.k }}!"}}
  - {id: last, type: api.call, connection: api, method: GET, path: "/done/{{ run.params.day }}"}
"""


@pytest.fixture
def shop(jobs: Place) -> Place:
    jobs.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT NOT NULL UNIQUE, v, note TEXT)")
    jobs.write("in.csv", "k,n\na,1\nb,2\nc,3\nd,4\n")
    return jobs


def test_offline_everything_that_is_known_is_shown(shop: Place) -> None:
    shown = shop.preview(TEXT, sample=2, day="2026-01-02")
    steps = {step.step_id: step for step in shown.steps}
    assert shown.errors == ()
    assert [step.phase for step in shown.steps][:3] == ["before the transaction"] * 2 + ["in the transaction"]
    assert list(steps["enrich"].items[0].items()) == [
        ("idx", 0),
        ("call", "INVOKE enrich"),
        ("payload", {"k": "a", "day": steps["enrich"].items[0]["payload"]["day"]}),
    ]
    assert [dict(item["mapping"]) for item in steps["save"].items] == [
        {"k": "a", "v": 2, "note": "0cc1"},
        {"k": "b", "v": 4, "note": "92eb"},
    ]
    assert any(statement.startswith("INSERT") for statement in steps["save"].statements)
    assert steps["look"].items[1] == {"idx": 1, "params": {"id": "‹item.saved.id›"}}
    assert (steps["look"].inside, steps["which"].condition) == ("which", "item.saved.was_inserted")
    assert steps["change"].items[0]["where"] == {"k": "a"}
    assert steps["tell"].items[0] == {
        "idx": 0,
        "call": "POST http://localhost:1/v1?k=a/things/‹item.saved.id›",
        "body": {"id": "‹item.saved.id›", "list": [1, "fixed"]},
        "idempotency_key": "a-‹item.saved.id›",
        "delivery": "after_commit",
    } or steps["tell"].items[0]["call"].endswith("‹item.saved.id›")
    assert steps["out"].items == ({"idx": None, "mapping": {"k": "‹x.k›!"}, "path": "out.csv"},)
    assert steps["last"].items == ({"call": "GET http://localhost:1/v1/done/2026-01-02"},)
    assert "swordfish" not in str(shown)
    assert shop.rows("SELECT count(*) FROM t") == [(0,)]


def test_without_a_mock_the_answer_of_a_call_is_not_known(shop: Place) -> None:
    text = TEXT.replace('    mock: { md5: "{{ row.k | md5 }}" }\n', "")
    (save,) = (step for step in shop.preview(text, sample=1, day="2026-01-02").steps if step.step_id == "save")
    assert save.items[0]["mapping"]["note"] == "‹item.meta.md5[:4]›"


def test_a_check_lets_the_database_look(shop: Place) -> None:
    shown = shop.preview(TEXT, check=True, day="2026-01-02")
    assert len(shown.errors) == 1
    assert "portl's table portl_outbox is not there" in shown.errors[0]
    wrong = TEXT.replace("table: t\n", "table: tt\n", 1).replace("SELECT v FROM t WHERE", "SELECT vv FROM t WHERE")
    errors = shop.preview(wrong, check=True, day="2026-01-02").errors
    assert "step 'save'" in errors[0]
    assert "tt" in errors[0]
    assert "step 'which'" in errors[1] or "vv" in errors[1]
    assert shop.rows("SELECT count(*) FROM t") == [(0,)]


def test_mistakes_in_the_first_items_are_shown_and_the_rest_goes_on(shop: Place) -> None:
    shop.write("in.csv", "k,n\na,1\nb,x\n")
    shown = shop.preview(TEXT, day="2026-01-02")
    assert "in.csv:3:3: column 'n': 'x' is not a whole number" in shown.errors[0]
    shop.write("in.csv", "k,n\na,1\n")
    shown = shop.preview(TEXT.replace("row.n * 2", "row.n // 0"), day="2026-01-02")
    assert "step 'save'" in shown.errors[0]
    assert [step.step_id for step in shown.steps][-1] == "last"


def test_a_rollback_run_needs_mocks_only_where_results_are_used(shop: Place) -> None:
    text = TEXT.replace("  - id: tell", "  - id: tell\n    when: false")
    shop.run(
        HEAD + "steps: [{id: x, type: db.insert, table: t, mapping: {k: x}}]\noutbox: {create: true}\nrun_key: x\n"
    )
    report = shop.run(text, rollback=True, day="2026-01-02")
    assert report.outcome == "rolled_back"
    assert {step.step_id: step.details.get("calls_left_out") for step in report.steps}["enrich"] == 4
    with pytest.raises(Exception, match="Give the step an answer: mock"):
        shop.run(text.replace('    mock: { md5: "{{ row.k | md5 }}" }\n', ""), rollback=True, day="2026-01-02")
    assert shop.rows("SELECT k FROM t") == [("x",)]
