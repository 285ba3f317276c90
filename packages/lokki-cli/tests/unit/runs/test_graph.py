"""A flow as a picture: characters, mermaid, SVG, and the command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lokki import RetryConfig
from lokki.graph import FlowGraph, MapCloseEntry, MapOpenEntry, MapOptions, StepOptions, TaskEntry
from lokki_cli.ops.drawing.picture import picture, retries
from lokki_cli.ops.drawing.spans import cells, joined, plain, width
from lokki_cli.ops.drawing.text import text_lines
from lokki_cli.ops.graph import drawn, lines

from ..conftest import BIRDS, DAILY, SPELLINGS, Folder

PAGES = """
    from lokki import RetryConfig, flow, main, step

    @step
    def pages(): return []
    @step(retry=RetryConfig(retries=3, exceptions=(ValueError, OSError)), memory_mb=2048, timeout_seconds=60)
    def split(page): return []
    @step
    def parse(part): return part
    @step(job_type="batch", vcpu=4, memory_mb=16384)
    def merge(parts): return parts
    @step
    def report(found): return found

    @flow(schedule="cron(0 6 * * ? *)", timezone="Europe/Berlin")
    def pages_flow():
        inner = split.map(parse, concurrency_limit=10, batch_size=100, tolerated_failure_percentage=5).agg(merge)
        return pages().map(inner).agg(report).next(report)

    if __name__ == "__main__":
        main(pages_flow)
"""

AT_80 = """\
pages-flow
schedule cron(0 6 * * ? *) · Europe/Berlin

pages   Lambda
↓
╭─ for each item of pages ──────────────────────────────────────────────────╮
│ split                                                                     │
│   Lambda · 2,048 MB · at most 60 s · 3 retries on ValueError or OSError   │
│ ↓                                                                         │
│ ╭─ for each item of split · 10 at once · batches of 100 · 5 % may fail ─╮ │
│ │ parse   Lambda                                                        │ │
│ ╰───────────────────────────────────────────────────────────────────────╯ │
│ ↓                                                                         │
│ merge   Batch · 4 vCPU · 16,384 MB                                        │
╰───────────────────────────────────────────────────────────────────────────╯
↓
report   Lambda
↓
report_2   Lambda · step report
"""

IN_ASCII = """\
birds-flow

get_birds   Lambda
v
+- for each item of get_birds -+
| flap   Lambda                |
+------------------------------+
"""

MERMAID = """\
---
title: "birds-flow"
---
flowchart TD
    step1["<b>get_birds</b><br/>Lambda"]
    subgraph map1["for each item of get_birds"]
        step2["<b>flap</b><br/>Lambda"]
    end
    step1 -->|each item| step2
"""


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_picture_of_a_nested_flow(folder: Folder, spelling: str) -> None:
    folder.write(PAGES, "pages_flow.py")
    done = folder.spelled(spelling, "graph", "pages_flow.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, AT_80, "")


def test_a_terminal_without_unicode_gets_ascii(folder: Folder) -> None:
    folder.write(BIRDS)
    done = folder.cli("graph", "birds_flow.py", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout) == (0, IN_ASCII)


def test_mermaid(folder: Folder) -> None:
    folder.write(BIRDS)
    done = folder.cli("graph", "birds_flow.py", "--format", "mermaid")
    assert (done.returncode, done.stdout) == (0, MERMAID)


@pytest.mark.parametrize(("file", "beginning"), [("b.svg", "<svg "), ("b.mmd", "---\n"), ("b.txt", "birds-flow\n")])
def test_a_files_ending_says_the_format(folder: Folder, file: str, beginning: str) -> None:
    folder.write(BIRDS)
    done = folder.cli("graph", "birds_flow.py", "--output", file)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (folder.path / file).read_text(encoding="utf-8").startswith(beginning)


def test_a_format_that_was_asked_for_wins_over_the_ending(folder: Folder) -> None:
    folder.write(BIRDS)
    assert folder.cli("graph", "birds_flow.py", "--output", "b.svg", "--format", "mermaid").returncode == 0
    assert (folder.path / "b.svg").read_text(encoding="utf-8") == MERMAID


def test_mistakes_are_told(folder: Folder) -> None:
    folder.write(BIRDS)
    done = folder.cli("graph", "birds_flow.py", "--output", "birds.png")
    assert done.returncode == 2
    assert "--output birds.png: its ending tells no format. Say --format" in done.stderr
    done = folder.cli("graph", "birds_flow.py", "--output", "no/such/folder.svg")
    assert done.returncode == 1
    assert "no/such/folder.svg: the drawing cannot be written: No such file or directory." in done.stderr


def test_required_parameters_need_not_be_given(folder: Folder) -> None:
    folder.write(DAILY, "daily.py")
    done = folder.start(sys.executable, "daily.py", "graph")
    assert (done.returncode, done.stderr) == (0, "")
    assert "make   Lambda" in done.stdout


def task(node: str, step: str = "", **options: object) -> TaskEntry:
    return TaskEntry(node, step or node, "m", StepOptions(**options))  # type: ignore[arg-type]  # as an author gives them


def test_what_a_drawing_says_is_escaped() -> None:
    graph = FlowGraph("a-flow", (task("a", '<b&"#>'),))
    assert "#60;b#38;#34;#35;#62;" in drawn(graph, "mermaid")
    assert "step &lt;b&amp;" in drawn(graph, "svg")


def test_svg_is_a_document_that_names_everything() -> None:
    body = (task("get"), MapOpenEntry("one", "get", MapOptions(batch_size="auto", express=True)), task("one"))
    graph = FlowGraph("f", (*body, MapCloseEntry("one", task("all", job_type="batch", ephemeral_storage_mb=1024))))
    root = ElementTree.fromstring(drawn(graph, "svg"))  # noqa: S314  # it is ours
    texts = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == "f"
    assert {"get", "one", "all"} <= set(texts)
    assert any("batches chosen by lokki" in text and "for each item of get" in text for text in texts)
    assert any("express" in text for text in texts)
    assert any("1,024 MB of /tmp" in text for text in texts)
    assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) == 4
    shown = [element.get("class") for element in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert shown.count("map") == 3
    assert "box batch" in shown


@pytest.mark.parametrize(
    ("retry", "said"),
    [
        (RetryConfig(), ""),
        (RetryConfig(retries=1), "1 retry"),
        (RetryConfig(retries=2, exceptions=(ValueError, "requests.Timeout")), "2 retries on ValueError or Timeout"),
    ],
)
def test_retries_in_a_phrase(retry: RetryConfig, said: str) -> None:
    assert retries(retry) == said


def test_wide_characters_take_two_columns() -> None:
    assert (cells("abc"), cells("鳥"), cells("e\u0301")) == (3, 2, 1)
    graph = FlowGraph("f", (task("鳥を取る"), MapOpenEntry("飛", "鳥を取る"), task("飛"), MapCloseEntry("飛")))
    rows = [width(line) for line in text_lines(picture(graph), 80)[4:]]
    assert len(set(rows)) == 1


@given(st.lists(st.text("abc ", min_size=1, max_size=12), max_size=6), st.integers(5, 40))
def test_phrases_are_joined_within_the_room(phrases: list[str], room: int) -> None:
    found = joined(phrases, room, "·")
    assert " · ".join(found) == " · ".join(phrases)
    assert all(len(line) <= room or line in phrases for line in found)


names = st.text("abcdefgh_", min_size=1, max_size=20)


@st.composite
def graphs(draw: st.DrawFn) -> FlowGraph:
    """Flows of maps inside maps."""
    entries: list[TaskEntry | MapOpenEntry | MapCloseEntry] = [task(draw(names))]
    depth = draw(st.integers(0, 3))
    for level in range(depth):
        name = f"{draw(names)}{level}"
        size: int | Literal["auto"] = draw(st.sampled_from([1, 7]) | st.just("auto"))
        options = MapOptions(draw(st.sampled_from([None, 3, 1000])), size, draw(st.sampled_from([0, 12.5])))
        entries += [MapOpenEntry(name, "x", options), task(name, memory_mb=draw(st.sampled_from([None, 4096])))]
    for level in range(depth):
        entries.append(MapCloseEntry(str(level), draw(st.sampled_from([None, task("gather")]))))
    return FlowGraph(draw(names), tuple(entries))


@given(graphs(), st.integers(40, 200))
def test_frames_are_closed_and_pictures_the_same_each_time(graph: FlowGraph, columns: int) -> None:
    assert drawn(graph, "text", columns=columns) == drawn(graph, "text", columns=columns)
    found = [plain(line) for line in lines(graph, columns=columns, ascii_only=False)]
    for corner, other in ("╭╮", "╰╯", "╭╰"):
        assert sum(line.count(corner) for line in found) == sum(line.count(other) for line in found)
    framed = [line for line in found if line.startswith(("╭", "│", "╰"))]
    assert len({len(line) for line in framed}) <= 1
    ElementTree.fromstring(drawn(graph, "svg"))  # noqa: S314  # it is ours
    drawn(graph, "mermaid").encode()


def test_a_drawing_is_saved_as_it_is(tmp_path: Path) -> None:
    graph = FlowGraph("f", (task("a"),))
    assert drawn(graph, "text") == "f\n\na   Lambda\n"
