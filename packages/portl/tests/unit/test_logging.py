"""Events as JSON lines, masked."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

from portl.logging import Event, ignore, line, plain
from portl.secrets import Masker

NOW = datetime(2026, 11, 22, 10, 0, 0, 5000, tzinfo=UTC)


def test_a_line_has_what_logs_have() -> None:
    event = Event("step_failed", "save", 3, "error", {"error": "hunter22 is wrong", "value": Decimal("1.5")})
    found = json.loads(line(event, NOW, Masker(["hunter22"])))
    assert found == {
        "ts": "2026-11-22T10:00:00.005+00:00",
        "level": "error",
        "step_id": "save",
        "idx": 3,
        "event": "step_failed",
        "details": {"error": "*** is wrong", "value": 1.5},
    }
    assert "idx" not in json.loads(line(Event("run_started"), NOW, Masker()))


def test_values_without_a_form_in_json_are_shown_as_text() -> None:
    value = {"a": [date(2026, 1, 1), float("inf"), object], 5: (None, True)}
    assert plain(value) == {"a": ["2026-01-01", "inf", str(object)], "5": [None, True]}
    ignore(Event("nothing"))
