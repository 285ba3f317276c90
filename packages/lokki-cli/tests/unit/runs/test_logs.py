"""Logs of all steps: merged, of one run, followed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

import pytest
from lokki.clock import SYSTEM_CLOCK
from lokki.testing import FakeClock
from lokki_cli.aws.logs import LogLine, read_lines
from lokki_cli.ops.invoke import start
from lokki_cli.ops.loglines import LogEntry
from lokki_cli.ops.logs import follow, lines, of_run
from lokki_cli.ops.logsources import Source, sources
from lokki_cli.ops.machine import read_machine

from ..conftest import Folder
from .deployed import Cloud, Deployed
from .flows import BIRDS, NESTED

HOUR = timedelta(hours=1)


def deployed(here: Folder, aws: Cloud) -> Deployed:
    here.write(BIRDS)
    return aws.deploy(here.path, "birds_flow.py", "birds_flow")


def of(flow: Deployed, step: str | None = None) -> list[Source]:
    return sources(read_machine(flow.place.executions.deployed_definition()), flow.place.names, step)


def texts(flow: Deployed, run_id: str | None = None, step: str | None = None) -> list[str]:
    start = SYSTEM_CLOCK.now() - HOUR
    found = lines(flow.place.clients, of(flow, step), start, None, run_id)
    return [f"{entry.step} {entry.text}" for entry in found if not entry.is_platform]


def test_all_steps_in_order_of_time(here: Folder, aws: Cloud) -> None:
    flow = deployed(here, aws)
    start(flow.place, {"limit": 2}, "r")
    found = texts(flow)
    assert found[0] == "get_birds looking"
    assert found[1].startswith("get_birds step_success")
    assert "flap flapping goose" in found
    assert found.index("flap flapping goose") < found.index("flap flapping duck")
    assert found[-1].startswith("join step_success")
    assert [text for text in texts(flow, step="flap") if "flapping" in text] == [
        "flap flapping goose",
        "flap flapping duck",
    ]


def test_lines_of_one_run_and_of_none_that_is_known(here: Folder, aws: Cloud) -> None:
    flow = deployed(here, aws)
    start(flow.place, {"limit": 1}, "one")
    start(flow.place, {"limit": 2}, "two")
    ended = ["START RequestId: 99 Version: 1", "half done", "REPORT RequestId: 99\tStatus: timeout"]
    flow.log_lines("/aws/lambda/birds-flow-flap", "2024/01/01/[1]dead", ended)
    found = texts(flow, "one")
    assert [text for text in found if "flapping" in text] == ["flap flapping goose"]
    assert "flap half done" in found
    assert any("Status: timeout" in text for text in found)
    assert sum("looking" in text for text in texts(flow, "two")) == 1


def test_batch_jobs_write_too(here: Folder, aws: Cloud) -> None:
    here.write(NESTED, "nested.py")
    flow = aws.deploy(here.path, "nested.py", "nested_flow")
    start(flow.place, {"count": 1}, "r")
    start(flow.place, {"count": 1}, "s")
    assert sum("report reporting" in text for text in texts(flow)) == 2
    assert sum("report reporting" in text for text in texts(flow, "r")) == 1


def test_a_time_ends_it(here: Folder, aws: Cloud) -> None:
    flow = deployed(here, aws)
    flow.log_lines("/aws/lambda/birds-flow-flap", "s", ["old"], ago_ms=7_200_000)
    flow.log_lines("/aws/lambda/birds-flow-flap", "s", ["new"])
    now = SYSTEM_CLOCK.now()
    found = lines(flow.place.clients, of(flow), now - 3 * HOUR, now - HOUR)
    assert [entry.text for entry in found] == ["old"]


def test_many_lines_come_in_pages(here: Folder, aws: Cloud) -> None:
    flow = deployed(here, aws)
    for place in range(25):
        flow.log_lines("/aws/lambda/birds-flow-flap", "s", [f"line {place:02}"], ago_ms=1000 - place)
    group, start = "/aws/lambda/birds-flow-flap", SYSTEM_CLOCK.now() - HOUR
    found = [line.text for line in read_lines(flow.place.clients, group, start, page=10)]
    assert found == [f"line {place:02}" for place in range(25)]
    assert aws.seen.count("FilterLogEvents") == 3


def test_following_shows_each_line_once_late_ones_too(here: Folder, aws: Cloud) -> None:
    flow = deployed(here, aws)
    group = "/aws/lambda/birds-flow-flap"
    flow.log_lines(group, "s", ["first"], ago_ms=5000)
    clock = Ticking(flow, {1: ("second", 0), 2: ("late", 60_000), 4: ("last", 0)})
    start = SYSTEM_CLOCK.now() - HOUR
    found = list(follow(flow.place.clients, of(flow), start, is_over=lambda: clock.ticks > 4, clock=clock))
    assert [entry.text for entry in found] == ["first", "second", "late", "last"]


class Ticking(FakeClock):
    """A clock at whose ticks lines are written: {tick: (line, how long ago in milliseconds)}."""

    def __init__(self, flow: Deployed, written: dict[int, tuple[str, int]]) -> None:
        super().__init__(SYSTEM_CLOCK.now())
        self.flow = flow
        self.written = written
        self.ticks = 0

    def sleep(self, seconds: float) -> None:
        self.ticks += 1
        if self.ticks in self.written:
            line, ago_ms = self.written[self.ticks]
            self.flow.log_lines("/aws/lambda/birds-flow-flap", "s", [line], ago_ms=ago_ms)


def test_following_a_run_leaves_others_out(here: Folder, aws: Cloud) -> None:
    flow = deployed(here, aws)
    start(flow.place, {"limit": 1}, "one")
    start(flow.place, {"limit": 1}, "two")
    since = SYSTEM_CLOCK.now() - HOUR
    clock = FakeClock(SYSTEM_CLOCK.now())
    found = list(follow(flow.place.clients, of(flow), since, "two", is_over=lambda: True, clock=clock))
    runs = {entry.run_id for entry in found if entry.run_id}
    assert runs == {"two"}
    assert len({entry.line.id for entry in found}) == len(found)


def test_following_asks_less_often_where_there_are_many_groups(here: Folder, aws: Cloud) -> None:
    flow = deployed(here, aws)
    many = [Source(f"s{place}", f"/aws/lambda/none-{place}") for place in range(16)]
    clock = FakeClock(SYSTEM_CLOCK.now())
    assert list(follow(flow.place.clients, many, SYSTEM_CLOCK.now(), is_over=lambda: True, clock=clock)) == []
    assert set(clock.sleeps) == {4.0}


def test_what_has_been_shown_is_forgotten_when_it_is_old(here: Folder, aws: Cloud) -> None:
    flow = deployed(here, aws)
    flow.log_lines("/aws/lambda/birds-flow-flap", "s", ["first"])
    clock = FakeClock(SYSTEM_CLOCK.now() + timedelta(minutes=10))
    found = follow(flow.place.clients, of(flow), SYSTEM_CLOCK.now() - HOUR, clock=clock)
    assert [entry.text for entry in islice(found, 1)] == ["first"]


def entry(text: str, place: int = 0, stream: str = "s") -> LogEntry:
    return LogEntry.of(LogLine(str(place), "g", stream, place, text), "step")


def runtime(run: str, **more: str) -> str:
    extra = "".join(f', "{name}": "{value}"' for name, value in more.items())
    return f'{{"at": "t", "level": "INFO", "event": "step_success", "run_id": "{run}"{extra}}}'


def kept(*texts: str) -> Iterator[str]:
    return (one.line.text for one in of_run((entry(text, place) for place, text in enumerate(texts)), "r"))


def test_a_stream_without_marks_is_told_by_the_runtimes_own_lines() -> None:
    assert list(kept("a", runtime("other"), "b", runtime("r"), "c")) == ["b", runtime("r"), "c"]
    assert list(kept("a", "b")) == ["a", "b"]
    assert list(kept("a", runtime("other"), "b")) == []


def test_a_stream_with_marks_is_told_invocation_by_invocation() -> None:
    begin, end = "START RequestId: 1", "REPORT RequestId: 1"
    assert list(kept(begin, "a", runtime("r"), "b", end)) == [begin, "a", runtime("r"), "b", end]
    assert list(kept(begin, "a", runtime("x"), "b", end, begin, "c", end)) == [begin, "c", end]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ('{"my": "json"}', '{"my": "json"}'),
        ("{broken", "{broken"),
        ("[1]", "[1]"),
        (
            '{"at": "", "level": "I", "event": "step_success", "first": 3, "count": 1, "path": "3", "duration_s": 0.2}',
            "step_success item 3 in 0.2s",
        ),
        (
            '{"at": "t", "level": "I", "event": "batch_saved", "first": 3, "count": 4, "path": "0/3", "attempt": 2}',
            "batch_saved items 3-6 path=0/3 attempt=2",
        ),
        (
            '{"at": "t", "level": "ERROR", "event": "step_failure", "message": "no", "traceback": "T\\nE\\n"}',
            "step_failure: no\nT\nE",
        ),
    ],
)
def test_lines_in_words(text: str, shown: str) -> None:
    assert entry(text).text == shown


def test_lines_know_their_node_and_level() -> None:
    found = entry('{"at": "t", "level": "ERROR", "event": "x", "node": "clean_2", "run_id": 5}')
    assert (found.step, found.level, found.run_id) == ("clean_2", "ERROR", None)
    assert found.to_dict()["data"]["node"] == "clean_2"
    assert (entry("x").level, "data" in entry("x").to_dict()) == ("", False)
    assert entry("START RequestId: 1").is_platform
    assert not entry("REPORT RequestId: 1 Status: timeout").is_platform
