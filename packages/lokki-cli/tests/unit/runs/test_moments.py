"""Moments and durations as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lokki_cli.errors import CommandLineError
from lokki_cli.ops.moments import moment, took

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("2h", timedelta(hours=2)),
        ("1h30m", timedelta(minutes=90)),
        ("1.5h", timedelta(minutes=90)),
        ("3d", timedelta(days=3)),
        ("1w", timedelta(weeks=1)),
        ("2h ago", timedelta(hours=2)),
        ("2H", timedelta(hours=2)),
    ],
)
def test_how_long_ago(text: str, ago: timedelta) -> None:
    assert moment(text, NOW, "--start") == NOW - ago


def test_moments_without_a_zone_are_meant_here() -> None:
    assert moment("2026-01-31T10:30", NOW, "--start") == datetime(2026, 1, 31, 10, 30).astimezone()  # local
    assert moment("2026-01-31", NOW, "--start") == datetime(2026, 1, 31).astimezone()  # local
    assert moment("2026-01-31T10:30Z", NOW, "--start") == datetime(2026, 1, 31, 10, 30, tzinfo=UTC)
    today = NOW.astimezone()
    assert moment("9:30", NOW, "--start") == today.replace(hour=9, minute=30)


@pytest.mark.parametrize("text", ["", "yesterday", "2x", "h2", "2026-13-01", "25:00", "2h nonsense", "9" * 30 + "w"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(CommandLineError, match=r"--end '.*': this is no moment\. Write how long ago"):
        moment(text, NOW, "--end")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, ""),
        (0, "0.0s"),
        (0.44, "0.4s"),
        (12.2, "12s"),
        (59.9, "1m 00s"),
        (184, "3m 04s"),
        (7500, "2h 05m"),
        (200_000, "2d 07h"),
    ],
)
def test_durations(seconds: float | None, said: str) -> None:
    assert took(seconds) == said


@given(st.floats(0, 1e7))
def test_durations_are_short(seconds: float) -> None:
    assert 0 < len(took(seconds)) <= 9
