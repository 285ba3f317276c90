"""CSV files and paths that nobody means well with: a clear error or the right rows, in bounded memory and time."""

from __future__ import annotations

import tracemalloc

import pytest
from jobs import Place
from portl.errors import JobSpecError, PortlError, StepError

COPY = """\
steps:
  - {id: read, type: csv.read, path: in.csv}
  - {id: write, type: csv.write, path: out.csv, batch: {from: "{{ steps.read.rows }}", as: row}}
"""
TEN_MB = 10_000_000


def _copied(jobs: Place, content: bytes, *, encoding: str = "utf-8") -> list[list[str]]:
    (jobs.folder / "in.csv").write_bytes(content)
    jobs.run(COPY.replace("path: in.csv", f"path: in.csv, encoding: {encoding}"))
    return jobs.read("out.csv")


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"\xef\xbb\xbfa,b\n1,2\n", [["a", "b"], ["1", "2"]]),
        (b'a,b\r\n1,"x\ny"\r2,"p\r\nq"\n\n\r\n3,z', [["a", "b"], ["1", "x\ny"], ["2", "p\r\nq"], ["3", "z"]]),
        (b"a\nx\0y\n", [["a"], ["x\0y"]]),
        (b"a\n\xe2\x80\xa8x\x85y\x1c\n", None),
        ('a\n"\u2028x\x0by"\n'.encode(), [["a"], ["\u2028x\x0by"]]),
        (b"a\n{{ 7 * 7 }}\n=1+1\n", [["a"], ["{{ 7 * 7 }}"], ["=1+1"]]),
        (b'"items","__class__"\n1,2\n', [["items", "__class__"], ["1", "2"]]),
    ],
)
def test_odd_files(jobs: Place, content: bytes, rows: list[list[str]] | None) -> None:
    if rows is not None:
        assert _copied(jobs, content) == rows
    else:
        with pytest.raises(StepError, match=r"in\.csv:2:\d: the file is not utf-8"):
            _copied(jobs, content)
        assert not (jobs.folder / "out.csv").exists()


@pytest.mark.parametrize(
    ("content", "encoding", "what"),
    [
        ("a\n1\n".encode("utf-16-le"), "utf-16", "the file is not utf-16"),
        ("a\n1\n".encode("utf-16"), "utf-8", "in.csv:1:1: the file is not utf-8"),
        (b"a\n\xe9\n", "utf-8", "in.csv:2:1: the file is not utf-8"),
        (b"a\n\x81\n", "shift_jis", "the file is not shift_jis"),
        (b"a\n1\n", "rot13", "rot13"),
    ],
)
def test_wrong_encodings(jobs: Place, content: bytes, encoding: str, what: str) -> None:
    with pytest.raises(PortlError) as caught:
        _copied(jobs, content, encoding=encoding)
    assert what in str(caught.value)


def test_cells_of_ten_megabytes_pass_one_by_one(jobs: Place) -> None:
    assert _peak(jobs, 4) < _peak(jobs, 1) + 15_000_000


def _peak(jobs: Place, count: int) -> int:
    """The memory that a copy of so many rows takes."""
    with (jobs.folder / "in.csv").open("wb") as file:
        file.writelines([b"a,b\n", *(b"%d,%s\n" % (number, b"x" * TEN_MB) for number in range(count))])
    tracemalloc.start()
    jobs.run(COPY)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (jobs.folder / "out.csv").stat().st_size == (jobs.folder / "in.csv").stat().st_size
    return peak


def test_large_rows_lie_in_a_file_when_they_are_needed_again(jobs: Place) -> None:
    again = COPY.splitlines()[2].replace("write", "again", 1).replace("out.csv", "o2.csv, mapping: {n: '{{ row.a }}'}")
    (jobs.folder / "in.csv").write_bytes(b"a,b\n" + b"".join(b"%d,%s\n" % (n, b"x" * 1_000_000) for n in range(50)))
    tracemalloc.start()
    jobs.run(f"{COPY}{again}\n")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40_000_000
    assert jobs.read("o2.csv") == [["n"], *([str(n)] for n in range(50))]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"a\n" + b"x" * 70_000_000, "in.csv:1:1: this is no CSV: a record is longer than 64,000,000 characters"),
        (b'a\n"' + (b"x" * 999 + b"\n") * 17_000, "this is no CSV: field larger than field limit (16000000)"),
        (b'a,b\n"x,1\n' * 3, "this is no CSV"),
    ],
)
def test_records_without_an_end(jobs: Place, content: bytes, what: str) -> None:
    with pytest.raises(StepError) as caught:
        _copied(jobs, content)
    assert what in str(caught.value)


def test_many_columns(jobs: Place) -> None:
    names = [f"c{number}" for number in range(2_000)]
    rows = _copied(jobs, (",".join(names) + "\n" + ",".join("1" for _ in names) + "\n").encode())
    assert rows == [names, ["1"] * 2_000]
    names = [f"c{number}" for number in range(50_000)]
    with pytest.raises(StepError, match="the header names 'c0' twice"):
        _copied(jobs, (",".join([*names, "c0"]) + "\n").encode())


def test_a_path_out_of_the_folder_is_told(jobs: Place, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "in.csv"
    outside.write_text("a\n1\n")
    (jobs.folder / "link.csv").symlink_to(outside)
    jobs.write("in.csv", "a\n1\n")
    upwards = f"{'../' * len(jobs.folder.parts)}{outside.relative_to('/')}"
    for path in (str(outside), upwards, "link.csv"):
        jobs.events.clear()
        with_path = "params: {path: {}}\n" + COPY.replace("path: in.csv", "path: '{{ run.params.path }}'")
        jobs.run(with_path, path=path)
        (told,) = jobs.told("path_outside")
        assert (told.step_id, told.level, told.details["path"]) == ("read", "warning", path)
    jobs.events.clear()
    (jobs.folder / "x").mkdir()
    jobs.run(COPY.replace("path: in.csv", "path: x/../in.csv"))
    assert jobs.told("path_outside") == []


@pytest.mark.parametrize("path", ["/etc/x.csv", "../x.csv", "a/../../x.csv"])
def test_a_path_that_the_job_itself_leads_out_is_noted_before_it_runs(jobs: Place, path: str) -> None:
    notes = jobs.plan(COPY.replace("path: in.csv", f"path: {path}")).notes
    assert notes == (f"job.yaml:4:38: The path {path} leads out of the job's folder.",)


@pytest.mark.parametrize("value", ["", "a\0b", "x" * 5_000])
def test_what_is_no_path(jobs: Place, value: str) -> None:
    text = "params: {path: {}}\n" + COPY.replace("path: out.csv", "path: '{{ run.params.path }}'")
    jobs.write("in.csv", "a\n1\n")
    with pytest.raises(PortlError):
        jobs.run(text, path=value)
    assert sorted(path.name for path in jobs.folder.iterdir()) == ["in.csv"]


def test_a_job_file_that_explodes(jobs: Place) -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
    )
    for text in (bomb, "[" * 10_000, "{" * 10_000, "a: " * 10_000, "? " * 10_000, "- " * 10_000):
        with pytest.raises(JobSpecError):
            jobs.plan(f"connections: {{}}\n{text}")
