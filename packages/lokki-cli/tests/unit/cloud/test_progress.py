"""What is seen of an operation while it is at work, and how it is asked for."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from lokki_cli import consent
from lokki_cli.errors import CommandLineError, StackError
from lokki_cli.ops.events import Begun, Done, Event, Noted, Progress, ResourceMoved, Said
from lokki_cli.progress import sentence, shown

from .terminal import Terminal

FUNCTION = "AWS::Lambda::Function"
EVENTS: list[Event] = [
    Begun("building x"),
    Said("docker", "#1 layer"),
    Said("docker", "  "),
    Done("built x"),
    Noted("look out"),
    ResourceMoved("Flap", FUNCTION, "CREATE_IN_PROGRESS", "", "2026-01-01T00:00:00+00:00"),
    ResourceMoved("Flap", FUNCTION, "CREATE_FAILED", "No role", "2026-01-01T00:00:01+00:00"),
]


def operation() -> Progress[int]:
    yield from EVENTS
    return 7


def failing() -> Progress[int]:
    yield Begun("trying")
    raise StackError("it broke.")


def test_lines_for_those_who_are_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(operation()) == 7
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "building x ...",
        "  docker: #1 layer",
        "built x",
        "warning: look out",
        "  CREATE_IN_PROGRESS           Flap (Lambda::Function)",
        "  CREATE_FAILED                Flap (Lambda::Function): No role",
    ]


def test_json_lines_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(operation(), as_json=True) == 7
    out, err = capsys.readouterr()
    assert err == ""
    records: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]
    assert [record["event"] for record in records] == [event.KIND for event in EVENTS]
    assert records[0] == {"event": "begun", "text": "building x"}
    assert "reason" not in records[5]
    assert records[6]["reason"] == "No role"


@pytest.mark.parametrize("as_json", [True, False])
def test_errors_come_through(as_json: bool) -> None:
    with pytest.raises(StackError, match="it broke"):
        shown(failing(), as_json=as_json)


def test_a_terminal_keeps_what_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    err = Terminal()
    for name, value in {"TERM": "xterm", "COLUMNS": "100"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stderr", err)
    assert shown(operation()) == 7
    with pytest.raises(StackError):
        shown(failing())
    text = err.getvalue()
    assert "\x1b[32m✓ built x\x1b[0m" in text
    assert "\x1b[33mwarning: look out\x1b[0m" in text
    assert "CREATE_FAILED" in text
    assert text.endswith("\x1b[?25h") or "\x1b[?25h" in text  # the cursor is back


def test_an_event_of_another_kind_is_silent() -> None:
    assert sentence(Event()) == ""


@pytest.mark.parametrize(("answer", "wanted"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_a_terminal_is_asked(
    answer: str, wanted: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert consent.given("Deploy it?", confirmed=False) is wanted
    assert "Deploy it? [y/N]: " in "".join(capsys.readouterr())


def test_a_yes_on_the_command_line_is_enough() -> None:
    assert consent.given("Deploy it?", confirmed=True)


@pytest.mark.parametrize("as_json", [True, False])
def test_nobody_to_ask(as_json: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("y\n") if as_json else sys.__stdin__)
    if not as_json:
        import io

        monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(CommandLineError, match=r"this wants a yes \(Deploy it\?\).* Say it with: --confirm"):
        consent.given("Deploy it?", confirmed=False, as_json=as_json)


def interrupted() -> Progress[int]:
    yield Begun("waiting")
    raise KeyboardInterrupt


def test_who_does_not_wait_is_told_what_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        shown(interrupted(), interrupted="It goes on.")
    assert capsys.readouterr().err == "waiting ...\nIt goes on.\n"
    with pytest.raises(KeyboardInterrupt):
        shown(interrupted())
    assert capsys.readouterr().err == "waiting ...\n"
