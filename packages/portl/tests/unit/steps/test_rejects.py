"""Items that steps cannot use: told all at once, left out, or written to a file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs import Place
from portl.errors import DeliveriesPendingError, JobSpecError, StepError

TABLE = "CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT NOT NULL UNIQUE, n INTEGER NOT NULL, note TEXT)"
ROWS = 'batch: { from: "{{ steps.read.rows }}", as: row }'


@pytest.fixture
def shop(jobs: Place) -> Place:
    jobs.sql(TABLE)
    return jobs


def _letters(place: Place, name: str = "bad.csv") -> list[dict[str, str]]:
    with (place.folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _read(on_error: str = "fail") -> str:
    return f"""\
steps:
  - id: read
    type: csv.read
    path: in.csv
    columns: {{ n: {{ type: integer, required: true }} }}
    on_error: {on_error}
"""


COPY = f"  - {{ id: out, type: csv.write, path: out.csv, {ROWS} }}\n"


def _save(on_error: str, mapping: str = '{ k: "{{ row.k }}", n: "{{ 12 // row.n }}", note: "{{ row.note }}" }') -> str:
    return f"""\
  - id: save
    type: db.upsert
    table: t
    key: k
    {ROWS}
    mapping: {mapping}
    on_error: {on_error}
    save_as: saved
  - id: out
    type: csv.write
    path: out.csv
    {ROWS}
    mapping: {{ k: "{{{{ row.k }}}}", id: "{{{{ coalesce(item.saved.id, 'none') }}}}" }}
"""


def test_all_wrong_rows_of_a_file_are_told(jobs: Place) -> None:
    jobs.write("in.csv", 'k,n\n"a\nb",1\nc,x\n\nd\ne,\n"f, g",2.5\n')
    with pytest.raises(StepError) as caught:
        jobs.run(_read() + COPY)
    assert str(caught.value).splitlines() == [
        "job.yaml:7:19: step 'read': in.csv: 4 rows cannot be used:",
        "  in.csv:4:3: column 'n': 'x' is not a whole number.",
        "  in.csv:6: the row has 1 fields, not 2.",
        "  in.csv:7:3: column 'n': it is required, but the field is empty.",
        "  in.csv:8:8: column 'n': '2.5' is not a whole number.",
    ]
    assert not (jobs.folder / "out.csv").exists()


def test_the_first_twenty_are_told_and_the_others_counted(jobs: Place) -> None:
    jobs.write("in.csv", "k,n\n" + "a,x\n" * 12_000)
    with pytest.raises(StepError) as caught:
        jobs.run(_read() + COPY)
    lines = str(caught.value).splitlines()
    assert lines[0].endswith("in.csv: 12,000 rows cannot be used:")
    assert lines[20:] == ["  in.csv:21:3: column 'n': 'x' is not a whole number.", "  and 11,980 more."]


def test_what_cannot_be_read_after_wrong_rows_does_not_hide_them(jobs: Place) -> None:
    (jobs.folder / "in.csv").write_bytes(b"k,n\n" + b"a,x\n" * 2 + b"a,1\n" * 9_000 + b"\xff,1\n")
    with pytest.raises(StepError, match=r"in\.csv: 2 rows cannot be used"):
        jobs.run(_read() + COPY)


def test_rows_are_skipped_and_told(jobs: Place) -> None:
    jobs.write("in.csv", "k,n\na,1\nb,x\nc,3\n")
    report = jobs.run(_read("skip") + COPY)
    assert jobs.read("out.csv") == [["k", "n"], ["a", "1"], ["c", "3"]]
    (told,) = jobs.told("rows_rejected")
    assert (told.step_id, told.level) == ("read", "warning")
    assert told.details == {"rejected": 1, "first": "column 'n': 'x' is not a whole number."}
    assert report.steps[0].details["rejected"] == 1


def test_places_are_right_behind_rows_that_were_left_out(shop: Place) -> None:
    shop.write("in.csv", "k,n,note\na,x,\nb,1,\nc,0,\n")
    with pytest.raises(StepError, match=r"item 1 \(in\.csv:4:3\): \{\{ 12 // row\.n \}\}: This divides by zero"):
        shop.run(_read("skip") + _save("fail"))


def test_rejected_rows_of_a_file_are_written_down_as_they_were(jobs: Place) -> None:
    jobs.write("in.csv", 'k,n\n"a\nb",1\nc,x\n\nd\n"e ""f""",1,2,"3,4"\ng,2\n')
    report = jobs.run(_read("{ action: dead_letter, path: bad.csv }") + COPY)
    assert jobs.read("out.csv") == [["k", "n"], ["a\nb", "1"], ["g", "2"]]
    assert jobs.read("bad.csv") == [
        ["k", "n", "portl_rest", "portl_step", "portl_place", "portl_reason"],
        ["c", "x", "", "read", "in.csv:4", "column 'n': 'x' is not a whole number."],
        ["d", "", "", "read", "in.csv:6", "the row has 1 fields, not 2."],
        ['e "f"', "1", '["2", "3,4"]', "read", "in.csv:7", "the row has 4 fields, not 2."],
    ]
    assert report.steps[0].details == {"rejected": 3, "rejected_file": str(jobs.folder / "bad.csv")}
    assert sorted(path.name for path in jobs.folder.iterdir()) == ["bad.csv", "in.csv", "out.csv"]


def test_a_mended_file_is_read_by_the_same_step(jobs: Place) -> None:
    jobs.write("in.csv", "k;n\né;1\nü;x\n")
    (jobs.folder / "in.csv").write_bytes("k;n\né;1\nü;x\n".encode("latin-1"))
    options = "{ action: dead_letter, path: bad.csv }\n    delimiter: ';'\n    encoding: latin-1"
    jobs.run(_read(options) + COPY)
    mended = (jobs.folder / "bad.csv").read_bytes().replace(b";x;", b";2;")
    (jobs.folder / "bad.csv").unlink()
    (jobs.folder / "in.csv").write_bytes(mended)
    jobs.run(_read(options) + COPY)
    assert jobs.read("out.csv")[1][:2] == ["ü", "2"]
    assert not (jobs.folder / "bad.csv").exists()


def test_a_source_that_is_gone_through_twice_is_counted_once(jobs: Place) -> None:
    jobs.write("in.csv", "k,n\na,x\n" + "b,1\n" * 3 + "c,\n")
    both = COPY + COPY.replace("out", "out2")
    jobs.run(_read("{ action: dead_letter, path: bad.csv }") + both.replace(", as: row", ", as: row, size: 2"))
    assert len(_letters(jobs)) == 2
    assert jobs.told("rows_rejected")[0].details["rejected"] == 2
    assert len(jobs.read("out.csv")) == len(jobs.read("out2.csv")) == 4


def test_items_of_a_mapping_are_left_out_and_written_down(shop: Place) -> None:
    shop.write("in.csv", "k,n,note\na,1,x\nb,0,y\n,3,z\nd,4,\n")
    report = shop.run(_read() + _save("{ action: dead_letter, path: 'bad-{{ run.job }}.csv' }"))
    assert shop.rows("SELECT k, n FROM t ORDER BY k") == [("a", 12), ("d", 3)]
    assert shop.read("out.csv") == [["k", "id"], ["a", "1"], ["b", "none"], ["", "none"], ["d", "2"]]
    first, second = _letters(shop, "bad-job.csv")
    assert first == {
        "k": "b",
        "n": "0",
        "note": "y",
        "portl_step": "save",
        "portl_place": "in.csv:3",
        "portl_reason": "{{ 12 // row.n }}: This divides by zero.",
    }
    assert (second["portl_place"], second["portl_reason"]) == ("in.csv:4", "column k of the key is NULL.")
    saved = report.steps[1]
    assert (saved.details["items"], saved.details["inserted"], saved.details["rejected"]) == (2, 2, 2)


def test_all_items_that_cannot_be_written_are_told(shop: Place) -> None:
    shop.write("in.csv", "k,n,note\na,1,x\nb,0,y\n,3,z\nd,4,\n")
    with pytest.raises(StepError) as caught:
        shop.run(_read() + _save("fail"))
    assert str(caught.value).splitlines() == [
        "job.yaml:14:41: step 'save': 2 items cannot be used:",
        "  item 1 (in.csv:3:3): {{ 12 // row.n }}: This divides by zero.",
        "  item 2 (in.csv:4:1): column k of the key is NULL.",
    ]
    assert shop.rows("SELECT * FROM t") == []


def test_a_limit_of_wrong_rows(shop: Place) -> None:
    shop.write("in.csv", "k,n,note\na,x,\nb,y,\nc,1,\n")
    action = "{ action: dead_letter, path: bad.csv, max_errors: LIMIT }"
    with pytest.raises(StepError, match=r"2 rows cannot be used, and max_errors allows 1:\n  in\.csv:2:3"):
        shop.run(_read(action.replace("LIMIT", "1")) + _save("fail"))
    assert not (shop.folder / "bad.csv").exists()
    assert shop.run(_read(action.replace("LIMIT", "2")) + _save("fail")).outcome == "committed"
    assert len(_letters(shop)) == 2


def test_a_limit_of_items(shop: Place) -> None:
    shop.write("in.csv", "k,n,note\na,0,\nb,1,\n")
    with pytest.raises(StepError, match=r"1 item cannot be used, and max_errors allows 0:\n  item 0"):
        shop.run(_read() + _save("{ action: skip, max_errors: 0 }"))


def test_a_failed_job_leaves_no_file(shop: Place) -> None:
    shop.write("in.csv", "k,n,note\na,x,\nb,0,\n")
    with pytest.raises(StepError):
        shop.run(_read("{ action: dead_letter, path: bad.csv }") + _save("fail"))
    shop.run(_read("{ action: dead_letter, path: bad.csv }") + _save("skip"), rollback=True)
    assert sorted(path.name for path in shop.folder.iterdir()) == ["in.csv", "test.db"]


def test_the_file_of_an_earlier_run_is_not_lost(jobs: Place) -> None:
    jobs.write("in.csv", "k,n\na,x\n")
    jobs.write("bad.csv", "old\n")
    with pytest.raises(StepError, match=r"bad\.csv: the file for rejected rows is there already\. Look after"):
        jobs.run(_read("{ action: dead_letter, path: bad.csv }") + COPY)
    assert jobs.read("bad.csv") == [["old"]]
    jobs.run(_read("{ action: dead_letter, path: bad.csv, replace: true }") + COPY)
    assert _letters(jobs)[0]["n"] == "x"


def test_two_steps_have_two_files(shop: Place) -> None:
    shop.write("in.csv", "k,n,note\na,x,\n")
    action = "{ action: dead_letter, path: bad.csv }"
    with pytest.raises(StepError, match=r"the rejected rows of step 'read' go there too"):
        shop.run(_read(action) + _save(action))


def test_without_rejected_rows_there_is_no_file(jobs: Place) -> None:
    jobs.write("in.csv", "k,n\na,1\n")
    jobs.run(_read("{ action: dead_letter, path: bad.csv }") + COPY)
    assert not (jobs.folder / "bad.csv").exists()
    assert jobs.told("rows_rejected") == []


def test_formulas_are_written_as_texts(jobs: Place) -> None:
    jobs.write("in.csv", "k,n\n=1+1,x\n-5.5,x\n@A1,x\n +cmd|x,x\na,x\n")
    jobs.run(_read("{ action: dead_letter, path: bad.csv }") + COPY)
    assert [row["k"] for row in _letters(jobs)] == ["'=1+1", "-5.5", "'@A1", "' +cmd|x", "a"]
    jobs.run(_read("{ action: dead_letter, path: bad.csv, replace: true, escape_formulas: false }") + COPY)
    assert [row["k"] for row in _letters(jobs)] == ["=1+1", "-5.5", "@A1", " +cmd|x", "a"]


def test_items_without_columns_are_written_as_json(shop: Place) -> None:
    shop.run(
        "steps:\n"
        '  - { id: save, type: db.insert, table: t, batch: { from: [{a: 1}, "x", 0], as: it }, '
        'mapping: { k: x, n: "{{ 1 // it }}" }, on_error: { action: dead_letter, path: bad.csv } }\n'
    )
    assert [(row["item"], row["portl_place"]) for row in _letters(shop)] == [
        ('{"a":1}', "item 0"),
        ("x", "item 1"),
        ("0", "item 2"),
    ]


def test_columns_that_are_called_as_portls_own(jobs: Place) -> None:
    jobs.write("in.csv", "portl_step,n\n=a,x\n")
    jobs.run(_read("{ action: dead_letter, path: bad.csv }") + COPY)
    assert list(_letters(jobs)[0]) == ["portl_step", "n", "portl_rest", "portl_step_", "portl_place_", "portl_reason_"]


def test_a_file_that_cannot_be_written(jobs: Place) -> None:
    jobs.write("in.csv", "k,n\na,x\n")
    with pytest.raises(StepError, match=r"rejected rows cannot be written: No such file"):
        jobs.run(_read("{ action: dead_letter, path: nowhere/bad.csv }") + COPY)


def test_what_a_step_after_commit_rejects_is_written_too(shop: Place) -> None:
    shop.write("in.csv", "k,n,note\na,x,\nb,1,\n")
    more = """\
  - id: late
    type: csv.write
    path: late.csv
    batch: { from: "{{ steps.read.rows }}", as: row }
    mapping: { n: "{{ 1 // (row.n - 1) }}" }
    on_error: { action: dead_letter, path: late-bad.csv }
"""
    shop.run(_read("{ action: dead_letter, path: bad.csv }") + _save("fail") + more)
    assert len(_letters(shop)) == len(_letters(shop, "late-bad.csv")) == 1
    assert shop.read("late.csv") == [["n"]]


def test_rows_that_are_first_read_after_commit(shop: Place) -> None:
    """The file is in its place by then, and goes on there."""
    shop.write("in.csv", "k,n\na,x\n")
    shop.run(
        _read("{ action: dead_letter, path: bad.csv }")
        + "  - { id: one, type: db.insert, table: t, mapping: { k: z, n: 1 } }\n"
        + COPY
    )
    assert len(_letters(shop)) == 1


def test_without_a_transaction_what_was_done_stays_written_down(shop: Place) -> None:
    shop.write("in.csv", "k,n,note\na,x,\nb,1,\n")
    text = "transaction: { scope: none }\n" + _read("{ action: dead_letter, path: bad.csv }") + _save("fail")
    with pytest.raises(StepError, match="step 'last': The query found no row"):
        shop.run(text + "  - { id: last, type: db.query_one, required: true, sql: 'SELECT 1 WHERE NOT NULL' }\n")
    assert len(_letters(shop)) == 1


def test_conditions_and_rejects_go_together(shop: Place) -> None:
    shop.write("in.csv", "k,n,note\na,0,\nb,1,\nc,2,\nd,0,\ne,3,\n")
    text = _save("skip").replace(
        "    save_as: saved\n", "    when: row.k != 'c' and row.k != 'd'\n    save_as: saved\n"
    )
    shop.run(_read() + text)
    assert shop.read("out.csv")[1:] == [["a", "none"], ["b", "1"], ["c", "none"], ["d", "none"], ["e", "2"]]
    assert shop.told("rows_rejected")[0].details["rejected"] == 1


def test_a_branch_leaves_out_items(shop: Place) -> None:
    shop.write("in.csv", "k,n,note\na,0,\nb,1,\nc,2,\nd,0,\n")
    shop.run(
        _read()
        + f"""\
  - id: part
    type: conditional
    {ROWS}
    when: row.k != 'b'
    then:
      - {{ id: ins, type: db.insert, table: t, mapping: {{ k: "{{{{ row.k }}}}", n: "{{{{ 4 // row.n }}}}" }},
          on_error: skip, save_as: ins }}
      - {{ id: upd, type: db.update, table: t, when: item.ins is not none, where: {{ id: "{{{{ item.ins.id }}}}" }},
          set: {{ note: done }}, expect_rows: 1 }}
  - {{ id: out, type: csv.write, path: out.csv, {ROWS}, mapping: {{ i: "{{{{ coalesce(item.ins.id, '-') }}}}" }} }}
"""
    )
    assert shop.rows("SELECT k, n, note FROM t") == [("c", 2, "done")]
    assert shop.read("out.csv")[1:] == [["-"], ["-"], ["1"], ["-"]]


def test_a_dry_run_shows_what_would_be_left_out(shop: Place) -> None:
    shop.write("in.csv", "k,n,note\na,x,\nb,0,\nc,1,\n")
    shown = shop.preview(_read("{ action: dead_letter, path: bad.csv }") + _save("skip"), check=True)
    assert shown.errors == ()
    first, second = shown.steps[1].items
    assert first == {"idx": 0, "rejected": "{{ 12 // row.n }}: This divides by zero."}
    assert second["mapping"] == {"k": "c", "n": 12, "note": None}
    assert sorted(path.name for path in shop.folder.iterdir()) == ["in.csv", "test.db"]


@pytest.mark.parametrize(
    ("step", "what"),
    [
        ("{ id: a, type: csv.read, path: x, on_error: dead_letter }", "Action: dead_letter and path belong together."),
        ("{ id: a, type: csv.read, path: x, on_error: { path: x } }", "Action: dead_letter and path belong together."),
        ("{ id: a, type: csv.read, path: x, on_error: { max_errors: 1 } }", "Max_errors is for action: skip"),
        ("{ id: a, type: csv.read, path: x, on_error: ignore }", "'ignore' is not allowed here. It is one of"),
        ("{ id: a, type: csv.read, path: x, on_error: { action: skip, max_error: 1 } }", "Did you mean 'max_errors'?"),
        ("{ id: a, type: db.insert, table: t, mapping: {k: 1}, on_error: skip }", "no items that on_error could leave"),
        (
            "{ id: a, type: csv.read, path: x, on_error: { action: dead_letter, path: '{{ nope }}' } }",
            "There is no 'nope' here.",
        ),
        ("{ id: a, type: db.insert, table: t, mapping: {k: 1}, required: [j] }", "Mapping has no column 'j'"),
        ("{ id: a, type: db.update, table: t, set: {k: 1}, where: {id: 1}, required: [id] }", "Set has no column 'id'"),
    ],
)
def test_mistakes_in_the_job(jobs: Place, step: str, what: str) -> None:
    with pytest.raises(JobSpecError) as caught:
        jobs.plan(f"steps:\n  - {step}\n")
    assert what in str(caught.value)


VALUES = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["1", "2", "0", "x", "", "1,1"])), max_size=25)


@given(rows=VALUES, size=st.integers(1, 6), chosen=st.sets(st.sampled_from("abcdefgh")))
def test_what_is_rejected_and_what_is_written_is_the_source(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], size: int, chosen: set[str]
) -> None:
    """Each row is in exactly one place, in order, and results stand at their items."""
    place = Place(tmp_path_factory.mktemp("law"))
    place.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT, n INTEGER)")
    place.write("in.csv", "i,k,n\n" + "".join(f"{i},{k},{n}\n" for i, (k, n) in enumerate(rows)))
    batch = f'batch: {{ from: "{{{{ steps.read.rows }}}}", as: row, size: {size} }}'
    place.run(f"""\
steps:
  - {{ id: read, type: csv.read, path: in.csv, columns: {{ n: integer }},
      on_error: {{ action: dead_letter, path: unread.csv }} }}
  - {{ id: save, type: db.insert, table: t, {batch}, when: "row.k in {sorted(chosen)}", save_as: saved,
      mapping: {{ id: "{{{{ row.i }}}}", k: "{{{{ row.k }}}}", n: "{{{{ 2 // row.n }}}}" }}, required: [n],
      on_error: {{ action: dead_letter, path: unsaved.csv }} }}
  - {{ id: out, type: csv.write, path: out.csv, {batch},
      mapping: {{ i: "{{{{ row.i }}}}", id: "{{{{ coalesce(item.saved.id, '-') }}}}" }} }}
""")
    numbered = [(str(i), k, n) for i, (k, n) in enumerate(rows)]
    unread = [i for i, _, n in numbered if n in ("x", "1,1")]
    unsaved = [i for i, k, n in numbered if i not in unread and k in chosen and n in ("0", "")]
    saved = [i for i, k, _ in numbered if i not in unread and k in chosen and i not in unsaved]
    assert [row["i"] for row in _read_letters(place.folder / "unread.csv")] == unread
    assert [row["i"] for row in _read_letters(place.folder / "unsaved.csv")] == unsaved
    assert [str(row[0]) for row in place.rows("SELECT id FROM t ORDER BY id")] == saved
    assert place.read("out.csv")[1:] == [[i, i if i in saved else "-"] for i, _, _ in numbered if i not in unread]


def _read_letters(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_file_that_cannot_be_moved_is_kept_and_named(shop: Place) -> None:
    shop.write("in.csv", "k,n,note\na,x,\nb,1,\n")
    (shop.folder / "bad.csv").mkdir()
    action = "{ action: dead_letter, path: bad.csv, replace: true }"
    with pytest.raises(
        DeliveriesPendingError, match=r"done, but .*bad\.csv: rejected rows .* They are in (.*)\.$"
    ) as told:
        shop.run(_read(action) + _save("fail"))
    kept = Path(str(told.value).partition("They are in ")[2].rstrip("."))
    assert [row["k"] for row in _read_letters(kept)] == ["a"]
    assert shop.rows("SELECT k FROM t") == [("b",)]
