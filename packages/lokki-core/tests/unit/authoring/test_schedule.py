"""Schedules and time zones as EventBridge Scheduler reads them."""

from __future__ import annotations

import sys

import pytest
from lokki.schedule import MAX_EXPRESSION, check_schedule, check_timezone


@pytest.mark.parametrize(
    "expression",
    [
        "rate(1 minute)",
        "rate(5 minutes)",
        "rate(1 hour)",
        "rate(24 hours)",
        "rate(1 day)",
        "rate(100 days)",
        "cron(0 8 * * ? *)",
        "cron(0/15 8-18 ? * MON-FRI *)",
        "cron(0,30 0 1,15 * ? 2026-2030)",
        "cron(59 23 31 12 ? 1970)",
        "cron(0 0 L * ? *)",
        "cron(0 0 LW * ? *)",
        "cron(0 0 15W JAN,dec ? *)",
        "cron(0 0 ? * 2#1 *)",
        "cron(0 0 ? * 5L *)",
        "cron(0 0 ? * L *)",
        "cron(0 0 ? */2 1,7 2199)",
        "cron(0 0 ? 1-6/2 sun *)",
        "cron(  0  8 * * ? * )",
    ],
)
def test_good_schedules(expression: str) -> None:
    assert check_schedule(expression) is None


@pytest.mark.parametrize(
    ("expression", "finding"),
    [
        (None, "schedule is a string, not None"),
        ("", "schedule is 'rate(5 minutes)' or 'cron(0 8 * * ? *)', not ''"),
        ("daily", "schedule is 'rate(5 minutes)' or 'cron(0 8 * * ? *)', not 'daily'"),
        ("at(2026-01-01T00:00:00)", "schedule is 'rate(5 minutes)' or"),
        ("rate(5 minutes) ", "schedule is 'rate(5 minutes)' or"),
        ("rate(5 seconds)", "schedule is 'rate(5 minutes)' or"),
        ("rate(1.5 hours)", "schedule is 'rate(5 minutes)' or"),
        ("rate(٥ minutes)", "schedule is 'rate(5 minutes)' or"),
        ("rate(1 minutes)", "schedule says 'minute' for 1 and 'minutes' for 2 and more, not 'rate(1 minutes)'"),
        ("rate(2 hour)", "schedule says 'hour' for 1 and 'hours' for 2 and more, not 'rate(2 hour)'"),
        ("rate(0 days)", "schedule says 'day' for 1 and 'days' for 2 and more, not 'rate(0 days)'"),
        ("rate(0 day)", "schedule says 'day' for 1"),
        ("cron(0 8 * * *)", "cron has six fields (minutes hours day-of-month month day-of-week year), not 5"),
        ("cron(0 8 * * * *)", "cron needs '?' in exactly one of day-of-month and day-of-week, and nowhere else"),
        ("cron(0 8 ? * ? *)", "cron needs '?' in exactly one of day-of-month and day-of-week, and nowhere else"),
        ("cron(0 8 * ? ? *)", "cron needs '?' in exactly one of day-of-month and day-of-week, and nowhere else"),
        ("cron(60 8 * * ? *)", "cron's field minutes cannot be '60'"),
        ("cron(0 24 * * ? *)", "cron's field hours cannot be '24'"),
        ("cron(0 8 0 * ? *)", "cron's field day-of-month cannot be '0'"),
        ("cron(0 8 32W * ? *)", "cron's field day-of-month cannot be '32W'"),
        ("cron(0 8 * 13 ? *)", "cron's field month cannot be '13'"),
        ("cron(0 8 * JANUARY ? *)", "cron's field month cannot be 'JANUARY'"),
        ("cron(0 8 ? * 0 *)", "cron's field day-of-week cannot be '0'"),
        ("cron(0 8 ? * 8 *)", "cron's field day-of-week cannot be '8'"),
        ("cron(0 8 ? * 2#6 *)", "cron's field day-of-week cannot be '2#6'"),
        ("cron(0 8 ? * MON *)x", "schedule is 'rate(5 minutes)' or"),
        ("cron(0 8 * * ? 1969)", "cron's field year cannot be '1969'"),
        ("cron(0 8 * * ? 2200)", "cron's field year cannot be '2200'"),
        ("cron(MON 8 * * ? *)", "cron's field minutes cannot be 'MON'"),
        ("cron(0/0 8 * * ? *)", "cron's field minutes cannot be '0/0'"),
        ("cron(² 8 * * ? *)", "cron's field minutes cannot be '²'"),
        ("cron(1,,2 8 * * ? *)", "cron's field minutes cannot be '1,,2'"),
        ("cron(1-2-3 8 * * ? *)", "cron's field minutes cannot be '1-2-3'"),
        ("cron(L 8 * * ? *)", "cron's field minutes cannot be 'L'"),
        ("cron(0 8 L/2 * ? *)", "cron's field day-of-month cannot be 'L/2'"),
        ("cron(0 8 ?,1 * ? *)", "cron's field day-of-month cannot be '?,1'"),
        ("rate(" + "1" * MAX_EXPRESSION + " days)", "schedule has 267 characters; 256 are allowed"),
    ],
)
def test_bad_schedules(expression: object, finding: str) -> None:
    found = check_schedule(expression)
    assert found is not None
    assert found.startswith(finding)


def test_the_longest_schedule() -> None:
    assert check_schedule("rate(" + "1" * (MAX_EXPRESSION - 11) + " days)") is None


@pytest.mark.parametrize("name", ["UTC", "Europe/Helsinki", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_good_time_zones(name: str) -> None:
    assert check_timezone(name) is None


@pytest.mark.parametrize(
    ("name", "finding"),
    [
        (5, "timezone is an IANA name as 'Europe/Helsinki', not 5"),
        ("", "timezone is an IANA name as 'Europe/Helsinki', not ''"),
        ("../etc/passwd", "timezone is an IANA name as 'Europe/Helsinki', not '../etc/passwd'"),
        ("x" * 51, f"timezone is an IANA name as 'Europe/Helsinki', not '{'x' * 51}'"),
        ("Europe/Atlantis", "there is no time zone 'Europe/Atlantis'"),
        ("Europe", "there is no time zone 'Europe'"),
        ("/etc/passwd", "there is no time zone '/etc/passwd'"),
    ],
)
def test_bad_time_zones(name: object, finding: str) -> None:
    assert check_timezone(name) == finding


def test_a_machine_without_a_time_zone_database_cannot_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    import zoneinfo

    before = zoneinfo.TZPATH
    monkeypatch.setitem(sys.modules, "tzdata", None)
    zoneinfo.reset_tzpath(to=())
    try:
        assert check_timezone("Europe/Atlantis") is None
    finally:
        zoneinfo.reset_tzpath(to=before)
