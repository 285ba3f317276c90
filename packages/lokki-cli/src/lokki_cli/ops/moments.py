"""Moments as people write them: `2h` (ago), `2026-01-31`, `2026-01-31T10:30`, `10:30` (today). Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from ..errors import CommandLineError

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
"""{letter: what it stands for}."""

HINT = "Write how long ago, as 90s, 15m, 2h, 3d or 1w, or a moment, as 2026-01-31T10:30, 2026-01-31 or 10:30."


def moment(text: str, now: datetime, option: str) -> datetime:
    """The moment `text` means, aware; one without a zone is meant in this machine's. Raises CommandLineError."""
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([smhdw])", text.lower())
    try:
        if parts and "".join(f"{n}{u}" for n, u in parts) == re.sub(r"[\s-]|ago", "", text.lower()):
            return now - sum((timedelta(**{UNITS[unit]: float(number)}) for number, unit in parts), timedelta())
        if re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", text):
            return datetime.fromisoformat(f"{now.astimezone():%Y-%m-%d}T{text.zfill(5)}").astimezone()
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise CommandLineError(f"{option} '{text}': this is no moment.", hint=HINT) from error
    return found if found.tzinfo else found.astimezone()


def took(seconds: float | None) -> str:
    """A duration for people: `0.4s`, `12s`, `3m 04s`, `2h 05m`, `3d 04h`; empty for None."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}m {rest:02}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}h {minutes:02}m"
    return f"{hours // 24}d {hours % 24:02}h"


def local(moment: datetime) -> str:
    """A moment in this machine's zone: `2026-01-31 10:30:05`."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
