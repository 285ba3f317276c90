"""What a schedule may say: `rate(...)` or `cron(...)` as EventBridge Scheduler reads them."""

from __future__ import annotations

import re

_RATE = re.compile(r"rate\(([0-9]+) (minute|hour|day)(s?)\)\Z")
_CRON = re.compile(r"cron\((.*)\)\Z")
_FIELDS = ("minutes", "hours", "day-of-month", "month", "day-of-week", "year")
_NAMES = {
    "month": "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(),
    "day-of-week": "SUN MON TUE WED THU FRI SAT".split(),
}
_RANGES = {
    "minutes": (0, 59),
    "hours": (0, 23),
    "day-of-month": (1, 31),
    "month": (1, 12),
    "day-of-week": (1, 7),
    "year": (1970, 2199),
}
_PART = re.compile(r"(\*|L|LW|\w+(?:-\w+)?)(?:/0*([1-9][0-9]*))?\Z", re.ASCII)
MAX_EXPRESSION = 256
"""EventBridge Scheduler's limit for an expression, in characters."""


def lint_schedule(schedule: object, timezone: object) -> list[str]:
    """All that is wrong with a schedule and its time zone; None stands for one that was not given."""
    checked = [
        check_schedule(schedule) if schedule is not None else None,
        check_timezone(timezone) if timezone is not None else None,
        "timezone is given without a schedule" if timezone is not None and schedule is None else None,
    ]
    return [finding for finding in checked if finding is not None]


def check_schedule(expression: object) -> str | None:
    """What is wrong with a schedule expression; None for a good one."""
    if not isinstance(expression, str):
        return f"schedule is a string, not {expression!r}"
    if len(expression) > MAX_EXPRESSION:
        return f"schedule has {len(expression)} characters; {MAX_EXPRESSION} are allowed"
    if cron := _CRON.match(expression):
        return _check_cron(cron.group(1).split())
    rate = _RATE.match(expression)
    if not rate:
        return f"schedule is 'rate(5 minutes)' or 'cron(0 8 * * ? *)', not {expression!r}"
    count, unit, plural = int(rate.group(1)), rate.group(2), rate.group(3)
    if count < 1 or (count == 1) == bool(plural):
        return f"schedule says '{unit}' for 1 and '{unit}s' for 2 and more, not {expression!r}"
    return None


def check_timezone(name: object) -> str | None:
    """What is wrong with a time zone; None for a good one."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_+\-/]{1,50}", name):
        return f"timezone is an IANA name as 'Europe/Helsinki', not {name!r}"
    from zoneinfo import ZoneInfo, available_timezones  # noqa: PLC0415  # only flows with a time zone need it

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # A machine without a time zone database cannot tell.
        return f"there is no time zone {name!r}" if available_timezones() else None
    return None


def _check_cron(fields: list[str]) -> str | None:
    if len(fields) != len(_FIELDS):
        return f"cron has six fields ({' '.join(_FIELDS)}), not {len(fields)}"
    if [place for place, field in enumerate(fields) if field == "?"] not in ([2], [4]):
        return "cron needs '?' in exactly one of day-of-month and day-of-week, and nowhere else"
    for name, field in zip(_FIELDS, fields, strict=True):
        if field != "?" and not all(_part_is_fine(name, part) for part in field.split(",")):
            return f"cron's field {name} cannot be '{field}'"
    return None


def _part_is_fine(name: str, part: str) -> bool:
    if name == "day-of-week" and re.fullmatch(r"[1-7]#[1-5]|[1-7]L", part):
        return True
    if name == "day-of-month" and re.fullmatch(r"[0-9]{1,2}W", part):
        return _in_range(name, part[:-1])
    match = _PART.match(part)
    if not match:
        return False
    value = match.group(1)
    if value in ("L", "LW"):
        return name in ("day-of-month", "day-of-week") and not match.group(2)
    return value == "*" or all(_in_range(name, end) for end in value.split("-"))


def _in_range(name: str, text: str) -> bool:
    if text.upper() in _NAMES.get(name, ()):
        return True
    low, high = _RANGES[name]
    return text.isdigit() and low <= int(text) <= high
