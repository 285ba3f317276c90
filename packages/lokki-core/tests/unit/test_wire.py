"""The wire format, held against messages that do not change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lokki.errors import WireError
from lokki.wire import (
    FlowContext,
    LambdaEvent,
    LambdaReply,
    ManifestRef,
    check_wire_version,
    format_path,
    parse_path,
)

GOLDEN = Path(__file__).parents[4] / "tests-e2e" / "golden" / "wire"


def messages(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("file", sorted(GOLDEN.glob(f"{kind}_*.json")), ids=lambda file: file.stem)


def read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


@messages("event")
def test_a_golden_event_survives_a_round_trip(file: Path) -> None:
    assert LambdaEvent.from_dict(read(file)).to_dict() == read(file)


@messages("reply")
def test_a_golden_reply_survives_a_round_trip(file: Path) -> None:
    assert LambdaReply.from_dict(read(file)).to_dict() == read(file)


@messages("bad")
def test_a_bad_event_is_refused(file: Path) -> None:
    with pytest.raises(WireError):
        LambdaEvent.from_dict(read(file))


@pytest.mark.parametrize("data", [None, [], "text", {"v": True}, {"v": "1"}, {"v": 1}, {"v": 1, "node": ""}])
def test_what_is_no_message_is_refused(data: object) -> None:
    with pytest.raises(WireError):
        LambdaEvent.from_dict(data)
    with pytest.raises(WireError):
        LambdaReply.from_dict(data)


@pytest.mark.parametrize("attempt", [-1, "x", [1]])
def test_an_attempt_is_a_count(attempt: object) -> None:
    event = read(GOLDEN / "event_task.json") | {"attempt": attempt}
    with pytest.raises(WireError, match="malformed"):
        LambdaEvent.from_dict(event)


def test_params_are_an_object() -> None:
    event = read(GOLDEN / "event_first.json") | {"flow": {"run_id": "r", "params": [1]}}
    with pytest.raises(WireError, match="an object is needed"):
        LambdaEvent.from_dict(event)


def test_absent_params_path_and_attempt_have_defaults() -> None:
    event = LambdaEvent.from_dict({"v": 1, "flow": {"run_id": "r"}, "node": "a"})
    assert event == LambdaEvent(FlowContext("r", {}), "a", (), None, 0)


def test_the_message_of_another_version_says_what_to_do() -> None:
    with pytest.raises(WireError, match="LOKKI_WIRE_VERSION has '7'; build and deploy again") as caught:
        check_wire_version("7", "LOKKI_WIRE_VERSION")
    assert (caught.value.expected, caught.value.found) == (1, "7")


paths = st.lists(st.integers(0, 10**9), max_size=4).map(tuple)


@given(paths)
def test_paths_survive_a_round_trip(path: tuple[int, ...]) -> None:
    assert parse_path(format_path(path)) == path


@given(paths, st.text(min_size=1), st.none() | st.builds(ManifestRef, st.text(), st.text(), st.integers(0)))
def test_replies_survive_a_round_trip(path: tuple[int, ...], node: str, manifest: ManifestRef | None) -> None:
    reply = LambdaReply(node, path, "s3://b/k", manifest, skipped=True)
    assert LambdaReply.from_dict(json.loads(json.dumps(reply.to_dict()))) == reply
