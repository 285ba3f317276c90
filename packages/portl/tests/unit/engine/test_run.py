"""Whole jobs on SQLite: batches, branches, conditions, one transaction."""

from __future__ import annotations

from typing import Any

import pytest
from jobs import HEAD, Place
from portl.errors import DeliveriesPendingError, SourceError, StepError, TemplateError

TABLE = "CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT NOT NULL UNIQUE, v, note TEXT)"
READ = "  - {id: read, type: csv.read, path: in.csv, columns: {n: integer}}\n"
ROWS = 'batch: {from: "{{ steps.read.rows }}", as: row}'
KV = '{k: "{{ row.k }}", v: "{{ row.n }}"}'


@pytest.fixture
def shop(jobs: Place) -> Place:
    jobs.sql(TABLE)
    jobs.write("in.csv", "k,n\na,1\nb,2\nc,3\nd,4\n")
    return jobs


def _values(place: Place) -> list[tuple[Any, ...]]:
    return place.rows("SELECT k, v, note FROM t ORDER BY k")


def test_results_are_aligned_and_seen_by_later_steps(shop: Place) -> None:
    shop.sql("INSERT INTO t (k, v) VALUES ('b', 0), ('c', 3)")
    report = shop.run(
        "steps:\n"
        + READ
        + f"  - {{id: up, type: db.upsert, table: t, key: k, {ROWS}, mapping: {KV}, save_as: saved}}\n"
        + f"  - {{id: q, type: db.query_one, {ROWS}, save_as: q, "
        + "sql: 'SELECT k, v FROM t WHERE id = {{ item.saved.id }}'}\n"
        + f"  - id: w\n    type: csv.write\n    path: out.csv\n    {ROWS}\n    mapping:\n"
        + '      k: "{{ item.q.k }}"\n      new: "{{ item.saved.was_inserted }}"\n'
        + '      changed: "{{ item.saved.changed }}"\n'
        + '      same: "{{ steps.up.saved[idx].id == item.saved.id and saved[idx].id == item.saved.id }}"\n'
        + '      count: "{{ steps.q.q | length }}"\n      columns: "{{ steps.read.columns }}"\n'
    )
    assert report.outcome == "committed"
    assert shop.read("out.csv")[1:] == [
        ["a", "true", "true", "true", "4", '["k","n"]'],
        ["b", "false", "true", "true", "4", '["k","n"]'],
        ["c", "false", "false", "true", "4", '["k","n"]'],
        ["d", "true", "true", "true", "4", '["k","n"]'],
    ]
    assert {step.step_id: step.details.get("items") for step in report.steps} == {"read": None, "up": 4, "q": 4, "w": 4}


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_the_size_of_a_chunk_changes_nothing(shop: Place, size: int) -> None:
    batch = f'batch: {{from: "{{{{ steps.read.rows }}}}", as: row, size: {size}}}'
    shop.run(
        "steps:\n"
        + READ
        + f'  - {{id: up, type: db.insert, table: t, {batch}, when: "row.n != 3", mapping: {KV}, save_as: s}}\n'
        + f"  - {{id: w, type: csv.write, path: out.csv, {batch}, mapping: {{k: '{{{{ row.k }}}}', i: '{{{{ idx }}}}', "
        + "id: '{{ coalesce(item.s.id, 0) }}'}}\n"
    )
    assert shop.read("out.csv")[1:] == [["a", "0", "1"], ["b", "1", "2"], ["c", "2", "0"], ["d", "3", "3"]]


NESTED = """\
steps:
  - {id: read, type: csv.read, path: in.csv, columns: {n: integer}}
  - id: outer
    type: conditional
    batch: { from: "{{ steps.read.rows }}", as: row }
    when: row.n % 2 == 0
    then:
      - {id: ins, type: db.insert, table: t, mapping: {k: "{{ row.k }}", note: even}, save_as: ins}
      - id: inner
        type: conditional
        when: "{{ row.n > 2 and item.ins.id }}"
        then:
          - id: upd
            type: db.update
            table: t
            where: {id: "{{ item.ins.id }}"}
            set: {v: big}
            expect_rows: 1
            save_as: upd
        else:
          - {id: small, type: db.update, table: t, when: "row.n == 2", where: {k: "{{ row.k }}"}, set: {v: small}}
    else:
      - {id: odd, type: db.insert, table: t, mapping: {k: "{{ row.k ~ '!' }}", note: odd}, save_as: odd}
  - id: out
    type: csv.write
    path: out.csv
    batch: { from: "{{ steps.read.rows }}", as: row }
    mapping:
      k: "{{ row.k }}"
      ins: "{{ item.ins is not none }}"
      odd: "{{ item.odd is not none }}"
      upd: "{{ coalesce(item.upd.updated, '-') }}"
"""


def test_branches_part_the_items_and_are_merged_by_index(shop: Place) -> None:
    shop.run(NESTED)
    assert _values(shop) == [("a!", None, "odd"), ("b", "small", "even"), ("c!", None, "odd"), ("d", "big", "even")]
    assert shop.read("out.csv")[1:] == [
        ["a", "false", "true", "-"],
        ["b", "true", "false", "-"],
        ["c", "false", "true", "-"],
        ["d", "true", "false", "1"],
    ]


def test_an_empty_source_runs_nothing(shop: Place) -> None:
    shop.write("in.csv", "k,n\n")
    assert shop.run(NESTED).outcome == "committed"
    assert _values(shop) == []
    assert shop.read("out.csv") == [["k", "ins", "odd", "upd"]]


@pytest.mark.parametrize("source", ["[]", "{{ [] }}", "{{ range(0) }}"])
def test_any_list_may_be_a_source(shop: Place, source: str) -> None:
    text = 'steps:\n  - {id: a, type: db.insert, table: t, batch: {from: "SOURCE", as: it}, mapping: {k: "{{ it }}"}}\n'
    shop.run(text.replace('"SOURCE"', f'"{source}"'))
    assert _values(shop) == []
    shop.run(text.replace('"SOURCE"', "[x, y]"))
    shop.run(text.replace("SOURCE", "{{ range(2) }}"))
    assert [row[0] for row in _values(shop)] == ["0", "1", "x", "y"]


@pytest.mark.parametrize("source", ["{{ 5 }}", "{{ 'abc' }}", "{{ none }}", "{{ {'a': 1} }}"])
def test_what_is_no_list_is_no_source(shop: Place, source: str) -> None:
    text = f'steps:\n  - {{id: a, type: db.insert, table: t, batch: {{from: "{source}"}}, mapping: {{k: x}}}}\n'
    with pytest.raises(StepError, match="A batch goes through a list, not through"):
        shop.run(text)


def test_steps_without_items(shop: Place) -> None:
    shop.run(
        """\
params: {key: {type: string}, n: 5}
steps:
  - {id: a, type: db.insert, table: t, mapping: {k: "{{ run.params.key }}", v: "{{ run.params.n }}"}, save_as: a}
  - {id: skip, type: db.insert, table: t, when: "run.params.n > 5", mapping: {k: no}, save_as: skip}
  - {id: q, type: db.query_one, query: "SELECT k, v FROM t WHERE id = :id", params: {id: "{{ a.id }}"}, save_as: q}
  - {id: none, type: db.query_one, sql: "SELECT 1 AS x WHERE 1 = 0", save_as: none_found}
  - id: c
    type: conditional
    when: q.v == 5 and steps.skip.skip is none and none_found is none
    then:
      - {id: d, type: db.insert, table: t, mapping: {k: "then {{ run.job }}", note: "{{ q | tojson }}"}}
    else:
      - {id: e, type: db.insert, table: t, mapping: {k: else}}
  - {id: e2, type: conditional, when: false, else: [{id: f, type: db.insert, table: t, mapping: {k: last}}]}
""",
        key="first",
    )
    assert _values(shop) == [("first", 5, None), ("last", None, None), ("then job", None, '{"k":"first","v":5}')]
    assert [event.step_id for event in shop.told("step_skipped")] == ["skip"]


def test_rows_of_a_query_are_a_source(shop: Place) -> None:
    shop.sql("INSERT INTO t (k, v) VALUES ('x', 1), ('y', 2)")
    shop.run(
        "steps:\n"
        "  - {id: r, type: db.read, sql: 'SELECT k, v FROM t WHERE v >= {{ 1 }} ORDER BY k', save_as: all}\n"
        '  - {id: w, type: csv.write, path: o.csv, batch: {from: "{{ all.rows }}"}}\n'
        '  - {id: u, type: db.update, table: t, batch: {from: "{{ steps.r.rows }}"}, where: {k: "{{ row.k }}"}, '
        'set: {v: "{{ row.v + 1 }}"}}\n'
    )
    assert shop.read("o.csv") == [["k", "v"], ["x", "1"], ["y", "2"]]
    assert [row[1] for row in _values(shop)] == [2, 3]


def test_now_is_one_moment_for_the_whole_run(shop: Place) -> None:
    shop.run(
        "steps:\n"
        + READ
        + f'  - {{id: a, type: db.insert, table: t, {ROWS}, mapping: {{k: "{{{{ row.k }}}}", v: "{{{{ now() }}}}"}}}}\n'
        + '  - {id: b, type: db.insert, table: t, mapping: {k: z, v: "{{ now() }}", note: "{{ run.started_at }}"}}\n'
    )
    assert len({row[1] for row in _values(shop)}) == 1


FAILING = [
    (
        (
            f"  - {{id: x, type: db.insert, table: t, {ROWS}, "
            'mapping: {k: "{{ row.k }}", v: "{{ 1 // (row.n - 3) }}"}}\n'
        ),
        r"job\.yaml:6:\d+: step 'x', item 2 \(in\.csv:4:3\): \{\{ 1 // \(row\.n - 3\) \}\}: This divides by zero",
    ),
    (
        f"  - {{id: x, type: db.insert, table: t, {ROWS}, mapping: {{k: same, v: 1}}}}\n",
        r"step 'x', item 1 \(in\.csv:3\)",
    ),
    (f"  - {{id: x, type: db.insert, table: nope, {ROWS}, mapping: {KV}}}\n", r"step 'x': .*nope"),
    (f"  - {{id: x, type: db.insert, table: t, {ROWS}, mapping: {{kk: x}}}}\n", r"step 'x': .*kk"),
    (
        f"  - {{id: x, type: db.query_one, {ROWS}, required: true, sql: 'SELECT 1 AS x WHERE {{{{ row.n }}}} < 2'}}\n",
        r"step 'x', item 1 \(in\.csv:3\): The query found no row",
    ),
    (
        (
            f"  - {{id: x, type: db.update, table: t, {ROWS}, where: {{k: '{{{{ row.k }}}}'}}, set: {{v: 1}}, "
            "expect_rows: 1}\n"
        ),
        r"step 'x', item 1",
    ),
    (
        (
            f"  - {{id: x, type: db.upsert, table: t, key: k, {ROWS}, "
            "mapping: {k: \"{{ row.k if row.n < 3 else 'a' }}\"}}\n"
        ),
        r"job\.yaml:6:\d+: step 'x', item 0 \(in\.csv:2\) and item 2 \(in\.csv:4\)",
    ),
    (
        (
            f"  - {{id: x, type: db.upsert, table: t, key: k, {ROWS}, "
            'mapping: {k: "{{ none if row.n == 2 else row.k }}"}}\n'
        ),
        r"step 'x', item 1 \(in\.csv:3\)",
    ),
    (
        f"  - {{id: x, type: conditional, {ROWS}, when: row.k, then: [{{id: y, type: db.read, sql: SELECT 1}}]}}\n",
        "cannot be a text",
    ),
    (f'  - {{id: x, type: db.insert, table: t, {ROWS}, when: "row.nn", mapping: {KV}}}\n', "'row' has no column 'nn'"),
    (
        f'  - {{id: x, type: db.insert, table: t, {ROWS}, when: "row.k", mapping: {KV}}}\n',
        r"item 0 \(in\.csv:2\): .*cannot be a text",
    ),
    (
        '  - {id: x, type: db.insert, table: t, mapping: {k: "{{ 1 / 0 }}"}}\n',
        r"step 'x': \{\{ 1 / 0 \}\}: This divides by zero",
    ),
]


@pytest.mark.parametrize(("step", "what"), FAILING)
def test_any_failure_is_told_with_its_place_and_leaves_nothing(shop: Place, step: str, what: str) -> None:
    shop.sql("INSERT INTO t (k) VALUES ('a0')")
    first = "  - {id: before, type: db.insert, table: t, mapping: {k: before}}\n"
    if "expect_rows" in step:
        first = first.replace("k: before", "k: a")
    with pytest.raises(StepError, match=what) as caught:
        shop.run("steps:\n" + READ + first + step)
    assert caught.value.step_id == "x"
    assert _values(shop) == [("a0", None, None)]
    (event,) = shop.told("step_failed")
    assert (event.step_id, event.details["outcome"]) == ("x", "rolled_back")


def test_a_wrong_value_of_the_file_is_the_readers_mistake(shop: Place) -> None:
    shop.write("in.csv", "k,n\na,1\nb,two\n")
    with pytest.raises(StepError, match=r"step 'read': in\.csv:3:3: column 'n': 'two' is not a whole number") as caught:
        shop.run("steps:\n" + READ + f"  - {{id: x, type: db.insert, table: t, {ROWS}, mapping: {KV}}}\n")
    assert caught.value.step_id == "read"
    assert isinstance(caught.value.__cause__, SourceError)
    assert _values(shop) == []


def test_a_rollback_run_changes_nothing(shop: Place) -> None:
    report = shop.run(
        "steps:\n"
        + READ
        + f"  - {{id: x, type: db.insert, table: t, {ROWS}, mapping: {KV}, save_as: x}}\n"
        + f"  - {{id: w, type: csv.write, path: out.csv, {ROWS}, mapping: {{i: '{{{{ item.x.id }}}}'}}}}\n",
        rollback=True,
    )
    assert report.outcome == "rolled_back"
    assert _values(shop) == []
    assert sorted(path.name for path in shop.folder.iterdir()) == ["in.csv", "test.db"]
    assert shop.told("rolled_back")


def test_without_a_transaction_each_step_is_one_of_its_own(shop: Place) -> None:
    text = (
        HEAD
        + "transaction: {scope: none}\nsteps:\n"
        + READ
        + f"  - {{id: x, type: db.insert, table: t, {ROWS}, mapping: {KV}}}\n"
        + f"  - {{id: y, type: db.insert, table: t, {ROWS}, mapping: {{k: same}}}}\n"
    )
    with pytest.raises(StepError, match="step 'y', item 1"):
        shop.run(text)
    assert len(_values(shop)) == 4


def test_a_second_database_may_be_read(shop: Place) -> None:
    shop.sql("INSERT INTO t (k, v) VALUES ('x', 1)")
    report = shop.run(
        "connections: {src: {type: sqlite, path: test.db}, dst: {type: sqlite, path: other.db}}\n"
        "transaction: {connection: dst}\nsteps:\n"
        "  - {id: r, type: db.read, connection: src, sql: SELECT k FROM t}\n"
        "  - {id: q, type: db.query_one, connection: dst, sql: SELECT 1 AS one, save_as: q}\n"
        "  - {id: s, type: db.query_one, connection: src, sql: SELECT count(*) AS n FROM t, save_as: s}\n"
        "  - {id: z, type: db.query_one, connection: dst, sql: 'SELECT {{ s.n + q.one }} AS n'}\n"
    )
    assert report.outcome == "committed"


def test_a_run_with_a_known_key_does_nothing(shop: Place) -> None:
    text = (
        HEAD
        + 'run_key: "{{ run.params.day }}"\noutbox: {create: true}\nparams: {day: {type: date}}\nsteps:\n'
        + '  - {id: x, type: db.insert, table: t, mapping: {k: "{{ run.params.day }}"}}\n'
    )
    assert shop.run(text, day="2026-01-01").outcome == "committed"
    assert shop.run(text, day="2026-01-01").outcome == "done_before"
    assert shop.run(text, day="2026-01-02").outcome == "committed"
    assert len(_values(shop)) == 2
    assert len(shop.told("tables_created")) == 1


def test_portls_own_tables_are_not_made_unasked(shop: Place) -> None:
    text = HEAD + "run_key: x\nsteps: [{id: x, type: db.insert, table: t, mapping: {k: x}}]\n"
    with pytest.raises(
        Exception, match=r"portl's own table portl_runs is not there\. Make it: portl outbox init job\.yaml"
    ):
        shop.run(text)
    with pytest.raises(Exception, match="portl's own table"):
        shop.run(text.replace("steps:", "outbox: {create: true}\nsteps:"), rollback=True)
    assert shop.rows("SELECT name FROM sqlite_master WHERE name LIKE 'portl%'") == []


def test_a_failure_after_commit_says_that_it_is_committed(shop: Place) -> None:
    text = (
        "steps:\n"
        + READ
        + f"  - {{id: x, type: db.insert, table: t, {ROWS}, mapping: {KV}}}\n"
        + f'  - {{id: w, type: csv.write, path: out.csv, {ROWS}, mapping: {{i: "{{{{ 1 / 0 }}}}"}}}}\n'
    )
    with pytest.raises(
        DeliveriesPendingError, match=r"step 'w': 4 items (?s:.*)\nThe transaction was committed before"
    ):
        shop.run(text)
    assert len(_values(shop)) == 4
    assert shop.events[-1].details["outcome"] == "committed"
    shop.sql("DELETE FROM t")
    with pytest.raises(StepError, match="step 'w'"):
        shop.run(text, rollback=True)


def test_a_failing_run_key_is_told(shop: Place) -> None:
    with pytest.raises(TemplateError, match="divides by zero"):
        shop.run(HEAD + 'run_key: "{{ 1 / 0 }}"\nsteps: [{id: x, type: db.insert, table: t, mapping: {k: x}}]\n')
    assert shop.told("run_failed")


def test_a_job_without_database(shop: Place) -> None:
    text = "connections: {}\nsteps:\n" + READ + f"  - {{id: w, type: csv.write, path: out.csv, {ROWS}}}\n"
    assert shop.run(text).outcome == "no_transaction"
    assert len(shop.read("out.csv")) == 5
