"""What is tried again: each error once, within AWS's bounds, jittered only where AWS failed, a map never whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ...limits import LIMITS
from ..model import State
from ..retries import AWS_OWN, MAP_ERRORS
from .scopes import Found

FIELDS = frozenset("ErrorEquals IntervalSeconds MaxAttempts BackoffRate MaxDelaySeconds JitterStrategy".split())


def lint_retry(one: Found) -> Iterator[str]:
    """Faults of the `Retry` of one state."""
    retriers: list[State] = one.state.get("Retry") or []
    yield from map(one.says, _errors(retriers))
    for retrier in retriers:
        yield from map(one.says, _retrier(retrier))
        others = set(retrier.get("ErrorEquals", [])) - set(MAP_ERRORS)
        if one.state.get("Type") == "Map" and others:
            yield one.says(f"Retry of a map on {', '.join(sorted(others))} would start every item again.")


def _errors(retriers: list[State]) -> Iterator[str]:
    names = Counter(error for retrier in retriers for error in retrier.get("ErrorEquals", []))
    for error, times in names.items():
        if times > 1:
            yield f"Retry names {error} {times} times; only the first would count."
    for place, retrier in enumerate(retriers):
        errors = retrier.get("ErrorEquals", [])
        if not errors:
            yield "a retrier has no ErrorEquals."
        if "States.ALL" in errors and (len(errors) > 1 or place + 1 < len(retriers)):
            yield "States.ALL has to stand alone and last in Retry."


def _retrier(retrier: State) -> Iterator[str]:
    for name in sorted(set(retrier) - FIELDS):
        yield f"a retrier has no field '{name}'."
    longest = int(LIMITS["retry_interval"].value)
    interval, most = retrier.get("IntervalSeconds", 1), retrier.get("MaxDelaySeconds")
    if not _whole(interval, 1, longest):
        yield f"IntervalSeconds is 1 to {longest}, not {interval!r}."
    elif most is not None and not _whole(most, interval + 1, longest):
        yield f"MaxDelaySeconds is {interval + 1} to {longest} here, not {most!r}."
    if not _whole(retrier.get("MaxAttempts", 3), 0, int(LIMITS["retry_attempts"].value)):
        yield f"MaxAttempts is a whole number from 0, not {retrier['MaxAttempts']!r}."
    rate = retrier.get("BackoffRate", 2.0)
    if not isinstance(rate, float) or rate < 1:
        yield f"BackoffRate is a number with a decimal point from 1.0, not {rate!r}."
    yield from _jitter(retrier)


def _jitter(retrier: State) -> Iterator[str]:
    if "JitterStrategy" not in retrier:
        return
    others = set(retrier.get("ErrorEquals", [])) - AWS_OWN
    if retrier["JitterStrategy"] != "FULL":
        yield f"JitterStrategy is FULL or absent, not {retrier['JitterStrategy']!r}."
    if others:
        yield f"waits are jittered on {', '.join(sorted(others))}; only AWS's own errors are."


def _whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
