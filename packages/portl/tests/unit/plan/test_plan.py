"""What is decided and refused before anything runs."""

from __future__ import annotations

import pytest
from jobs import Place
from portl.errors import JobSpecError
from portl.plan import Phase

READ = "  - {id: read, type: csv.read, path: a.csv}\n"
ROWS = 'batch: {from: "{{ steps.read.rows }}", as: row}'
CONNECTIONS = """\
connections:
  db: {type: sqlite, path: a.db}
  other: {type: sqlite, path: b.db}
  api: {type: http, base_url: "http://localhost"}
  fn: {type: aws_lambda, function: f}
transaction: {connection: db}
"""


def _told(jobs: Place, steps: str, head: str = CONNECTIONS) -> list[str]:
    with pytest.raises(JobSpecError) as caught:
        jobs.plan(f"{head}steps:\n{steps}")
    return [str(finding) for finding in caught.value.findings]


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("{{ nothing }}", "There is no 'nothing' here. There are: steps, run, item, idx, row."),
        ("{{ rwo.a }}", "There is no 'rwo' here. Did you mean 'row'?"),
        ("{{ env.HOME }}", "Expressions cannot read the environment."),
        ("{{ steps }}", "'steps' needs the name of a step."),
        ("{{ steps.raed.rows }}", "There is no step 'raed'. Did you mean 'read'?"),
        ("{{ steps.zzz.rows }}", "There is no step 'zzz'. Steps before this one: read."),
        ("{{ steps.later.x }}", "The step 'later' comes later."),
        ("{{ steps.read.row }}", "'steps.read' has no 'row'. There are: rows, columns."),
        ("{{ steps.read }}", "'steps.read' needs the name of a result."),
        ("{{ item }}", "'item' needs the name of a result."),
        ("{{ item.x }}", "There is no 'item.x'. No step before this one keeps a result for each item."),
        ("{{ run }}", "'run' needs a name. There are: id, job, params, started_at."),
        ("{{ run.nothing }}", "'run' has no 'nothing'."),
        ("{{ row.a | lowr }}", "There is no filter 'lowr'. Did you mean 'lower'?"),
        ("{{ row.a + }}", "The expression is wrong"),
        ("{{ row.a[nothing] }}", "There is no 'nothing' here."),
    ],
)
def test_a_reference_that_means_nothing(jobs: Place, expression: str, what: str) -> None:
    (told,) = _told(
        jobs,
        READ
        + f'  - {{id: a, type: db.insert, table: t, {ROWS}, mapping: {{x: "{expression}"}}}}\n'
        + "  - {id: later, type: db.insert, table: t, mapping: {x: 1}, save_as: x}\n",
    )
    assert what in told
    assert told.startswith("job.yaml:9:")


def test_the_place_is_that_of_the_expression(jobs: Place) -> None:
    steps = (
        READ
        + f"  - id: a\n    type: db.insert\n    table: t\n    {ROWS}\n"
        + "    mapping:\n      x: a {{ row.a }} {{ oops }}\n"
    )
    assert _told(jobs, steps) == ["job.yaml:14:27: There is no 'oops' here. There are: steps, run, item, idx, row."]


def test_everything_is_told_at_once_also_around_broken_steps(jobs: Place) -> None:
    told = _told(
        jobs,
        "  - {id: broken, type: csv.read}\n"
        '  - {id: a, type: db.insert, table: t, mapping: {x: "{{ steps.broken.rows }}", y: "{{ steps.nope.x }}"}}\n'
        '  - {id: b, type: db.insert, table: t, connection: nope, mapping: {x: "{{ 1 + }}"}}\n',
    )
    assert len(told) == 4
    assert "'path' is missing" in told[0]
    assert "no step 'nope'" in told[1]
    assert "no connection 'nope'" in told[2]


@pytest.mark.parametrize(
    ("steps", "what"),
    [
        (READ + READ, "There is a step 'read' already."),
        ("  - {id: a, type: db.read, sql: SELECT 1, save_as: steps}\n", "'steps' has a meaning of its own."),
        (
            READ + f"  - {{id: a, type: db.insert, table: t, {ROWS.replace('row}', 'item}')}, mapping: {{x: 1}}}}\n",
            "'item' has a",
        ),
        (
            READ
            + f"  - {{id: a, type: db.insert, table: t, {ROWS}, mapping: {{x: 1}}, save_as: x}}\n"
            + f"  - {{id: b, type: db.insert, table: t, {ROWS}, mapping: {{x: 1}}, save_as: x}}\n",
            "'item.x' is the result of step 'a' already.",
        ),
        ("  - {id: a, type: csv.write, path: a.csv}\n", "The step has nothing to write."),
        ('  - {id: a, type: db.insert, table: t, mapping: {x: "{{ row.a }}"}}\n', "the step has no batch."),
        ('  - {id: a, type: db.insert, table: t, mapping: {x: "{{ item.a }}"}}\n', "There is no 'item' here"),
        ("  - {id: a, type: api.call, connection: db}\n", "'db' is a sqlite connection. 'api.call' needs: http."),
        ("  - {id: a, type: lambda.invoke, connection: api}\n", "needs: aws_lambda."),
        (
            "  - {id: a, type: db.insert, connection: api, table: t, mapping: {x: 1}}\n",
            "needs: mysql or postgres or sqlite.",
        ),
        ("  - {id: a, type: db.insert, connection: dbb, table: t, mapping: {x: 1}}\n", "Did you mean 'db'?"),
        (
            "  - {id: a, type: db.insert, connection: other, table: t, mapping: {x: 1}}\n",
            "The transaction is on 'db', this step writes to 'other'.",
        ),
        ("  - {id: a, type: db.query_one, sql: 'SELECT :x'}\n", "The query has ':x', but params has no 'x'."),
        ("  - {id: a, type: db.query_one, sql: \"SELECT '{{ 1 }}'\"}\n", "inside quotes or a comment cannot be bound"),
        ("  - {id: a, type: db.query_one, sql: 'SELECT :x', params: {x: '{{ 1 + }}'}}\n", "The expression is wrong"),
        ("  - {id: a, type: db.query_one, sql: 'SELECT {{ oops }}'}\n", "There is no 'oops' here."),
        (
            READ
            + f"  - id: c\n    type: conditional\n    when: true\n    {ROWS}\n    then:\n"
            + "      - {id: d, type: db.insert, table: t, batch: {from: [1]}, mapping: {x: 1}}\n",
            "A step inside a batch cannot have a batch of its own.",
        ),
        (
            (
                "  - {id: a, type: db.insert, table: t, mapping: {x: 1}}\n"
                "  - {id: f, type: lambda.invoke, connection: fn}\n"
                "  - {id: b, type: db.insert, table: t, mapping: {x: 1}}\n"
            ),
            "The function is invoked inside the transaction",
        ),
        (
            (
                "  - {id: a, type: db.insert, table: t, mapping: {x: 1}}\n"
                "  - {id: f, type: api.call, connection: api}\n"
                "  - {id: b, type: db.insert, table: t, mapping: {x: 1}}\n"
            ),
            "The call is made inside the transaction",
        ),
        (
            (
                "  - {id: a, type: db.insert, table: t, mapping: {x: 1}}\n"
                "  - {id: f, type: lambda.invoke, connection: fn, phase: before_transaction}\n"
            ),
            "The step runs after commit",
        ),
        (
            (
                "  - {id: a, type: db.insert, table: t, mapping: {x: 1}, save_as: r}\n"
                '  - {id: b, type: db.insert, table: t, batch: {from: [1]}, mapping: {x: "{{ item.r }}"}}\n'
            ),
            "'item.r' is the result of a step that works on other items.",
        ),
        (
            (
                "  - {id: a, type: db.insert, table: t, mapping: {x: 1}}\n"
                '  - {id: b, type: db.insert, table: t, mapping: {x: "{{ steps.a.x }}"}}\n'
            ),
            "The step 'a' keeps no result.",
        ),
        ('  - {id: a, type: csv.read, path: "{{ row.x }}"}\n', "There is no 'row' here"),
        (
            '  - {id: a, type: db.insert, table: t, when: "a {{ b }}", mapping: {x: 1}}\n',
            "Only one expression can stand here",
        ),
        (
            '  - {id: a, type: db.insert, table: t, batch: {from: "{{ 1 + }}"}, mapping: {x: 1}}\n',
            "The expression is wrong",
        ),
    ],
)
def test_a_job_that_cannot_work(jobs: Place, steps: str, what: str) -> None:
    assert what in "\n".join(_told(jobs, steps))


INSERT = "  - {id: a, type: db.insert, table: t, mapping: {x: 1}}\n"
CALL = "  - {id: c, type: api.call, connection: api, delivery: after_commit, idempotency_key: k}\n"


@pytest.mark.parametrize(
    ("head", "steps", "what"),
    [
        ("connections: {}\n", INSERT, "The step has no database."),
        ("connections: {a: {type: sqlite, path: x}, b: {type: sqlite, path: y}}\n", INSERT, "several databases: a, b."),
        (
            "connections: {a: {type: sqlite, path: x}}\ntransaction: {connection: b}\n",
            INSERT,
            "There is no connection 'b'.",
        ),
        (
            "connections: {a: {type: sqlite, path: x}, b: {type: http, base_url: x}}\ntransaction: {connection: b}\n",
            INSERT,
            "The connection 'b' is no database.",
        ),
        ("connections: {api: {type: http, base_url: x}}\n", CALL, "need a database for the outbox"),
        (CONNECTIONS + "outbox: {connection: other}\n", CALL, "The outbox is on 'other', the transaction on 'db'."),
        (CONNECTIONS.replace("{connection: db}", "{connection: db, scope: none}"), CALL, "need scope: db."),
        (CONNECTIONS + 'run_key: "{{ nothing }}"\n', INSERT, "There is no 'nothing' here."),
    ],
)
def test_a_transaction_that_cannot_be(jobs: Place, head: str, steps: str, what: str) -> None:
    assert what in "\n".join(_told(jobs, steps, head))


def test_phases_are_before_in_and_after_the_transaction(jobs: Place) -> None:
    plan = jobs.plan(
        CONNECTIONS
        + "steps:\n"
        + READ
        + "  - {id: f, type: lambda.invoke, connection: fn, phase: before_transaction, save_as: x}\n"
        + "  - {id: r, type: db.read, connection: other, sql: SELECT 1}\n"
        + '  - {id: c, type: conditional, when: "x is none", then: ['
        + "{id: d, type: db.insert, table: t, mapping: {x: 1}}]}\n"
        + "  - {id: g, type: api.call, connection: api, method: GET}\n"
        + "  - {id: u, type: api.call, connection: api, unsafe: true}\n"
        + "  - {id: e, type: outbox.enqueue, connection: fn, dedup_key: k, payload: {}}\n"
        + "  - {id: h, type: api.call, connection: api}\n"
    )
    assert {step.id: step.phase for step in plan.walk()} == {
        "read": Phase.BEFORE,
        "f": Phase.BEFORE,
        "r": Phase.BEFORE,
        "c": Phase.TRANSACTION,
        "d": Phase.TRANSACTION,
        "g": Phase.TRANSACTION,
        "u": Phase.TRANSACTION,
        "e": Phase.TRANSACTION,
        "h": Phase.AFTER,
    }
    assert plan.uses_outbox
    assert len(plan.notes) == 2
    assert "calls while the transaction holds its locks" in plan.notes[0]


def test_only_results_somebody_refers_to_are_kept(jobs: Place) -> None:
    plan = jobs.plan(
        "steps:\n"
        + READ
        + f"  - {{id: a, type: db.insert, table: t, {ROWS}, mapping: {{x: 1}}, save_as: a}}\n"
        + f'  - {{id: b, type: db.insert, table: t, {ROWS}, mapping: {{x: "{{{{ item.a.id }}}}"}}, save_as: b}}\n'
    )
    assert {step.id: step.keeps for step in plan.walk()} == {"read": True, "a": True, "b": False}
    assert plan.passes == {"steps.read.rows": 2}


def test_the_writing_steps_name_the_transactions_database(jobs: Place) -> None:
    plan = jobs.plan(
        "connections: {a: {type: sqlite, path: x}, b: {type: sqlite, path: y}}\nsteps:\n"
        "  - {id: r, type: db.read, connection: a, sql: SELECT 1}\n"
        "  - {id: w, type: db.insert, connection: b, table: t, mapping: {x: 1}}\n"
    )
    assert plan.connection == "b"
    assert jobs.plan("connections: {}\nsteps:\n" + READ).connection is None
