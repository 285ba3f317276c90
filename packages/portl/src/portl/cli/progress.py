"""Shows a run while it goes on: a live line on a terminal, one line per step otherwise, or JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..clock import SYSTEM_CLOCK, Clock
from ..logging import Event, Observer, line
from ..secrets import Masker
from . import ui

_ORDER = {"debug": 0, "info": 1, "warning": 2, "error": 3}


@contextmanager
def observer(log_format: str, masker: Masker, *, quiet: bool, clock: Clock = SYSTEM_CLOCK) -> Iterator[Observer]:
    """An observer that writes to stderr."""
    least = "warning" if quiet else "info"
    if log_format == "json":
        yield lambda event: _json(event, masker, least, clock)
    elif ui.is_terminal() and not quiet:
        with live(masker, clock) as watching:
            yield watching
    else:
        yield lambda event: _plain(event, masker, least)


def _json(event: Event, masker: Masker, least: str, clock: Clock) -> None:
    if _ORDER[event.level] >= _ORDER[least]:
        ui.note(line(event, clock.now(), masker))


def _plain(event: Event, masker: Masker, least: str) -> None:
    text = sentence(event)
    if text and _ORDER[event.level] >= _ORDER[least]:
        ui.note(masker.text(text))


@contextmanager
def live(masker: Masker, clock: Clock) -> Iterator[Observer]:
    """A line that follows the step at work, with its rows per second."""
    from rich.console import Console  # noqa: PLC0415  # takes long to import, and is for terminals only

    console = Console(stderr=True, highlight=False)
    started: dict[str, float] = {}
    with console.status("") as status:

        def watching(event: Event) -> None:
            if event.event == "step_started" and event.step_id:
                started[event.step_id] = clock.monotonic()
                status.update(f"{event.step_id} …")
            elif event.event == "step_progress" and event.step_id:
                seconds = max(clock.monotonic() - started.get(event.step_id, 0.0), 1e-9)
                items = int(event.details["items"])
                status.update(f"{event.step_id}: {items:,} items, {items / seconds:,.0f}/s")
            text = sentence(event)
            if text and event.level != "debug":
                console.print(masker.text(text), markup=False)

        yield watching


def sentence(event: Event) -> str:
    """An event for people; "" for one that says nothing to them."""
    details = dict(event.details)
    if event.event == "step_completed":
        seconds = float(details.pop("seconds", 0.0))
        details.pop("type", None)
        items = details.get("items")
        rate = f", {items / seconds:,.0f}/s" if items and seconds > 0.05 else ""
        return f"{event.step_id}: {_facts(details)}{seconds:.2f}s{rate}"
    if event.event == "written":
        return f"{event.step_id}: written, {_facts(details).removesuffix(', ')}"
    if event.event == "step_skipped":
        return f"{event.step_id}: skipped"
    if event.event == "transaction_replayed":
        return f"transaction: run again (attempt {details['attempt']}): {details['cause']}"
    if event.event == "delivery" and event.level != "info":
        return f"delivery: {details['outcome']}: {details['error']}"
    if event.event == "drained":
        return f"deliveries: {details['delivered']} made, {details['pending']} pending, {details['dead']} given up"
    if event.event == "run_known":
        return f"run: done before with the key {details['run_key']}"
    texts = {"committed": "transaction: committed", "rolled_back": "transaction: rolled back"}
    return texts.get(event.event, "")


def _facts(details: dict[str, Any]) -> str:
    facts = [f"{value:,} {name.replace('_', ' ')}" for name, value in details.items() if isinstance(value, int)]
    return f"{', '.join(facts)}, " if facts else ""
