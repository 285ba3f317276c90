"""Shows a run while it goes on: a live line on a terminal, one line per step otherwise, or JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..clock import SYSTEM_CLOCK, Clock
from ..logging import Event, Observer, line
from ..secrets import Masker
from . import progressline, ui
from .progressline import Progress

_ORDER = {"debug": 0, "info": 1, "warning": 2, "error": 3}
_AT_WORK = ("step_progress", "call_made")


@contextmanager
def observer(
    log_format: str, masker: Masker, *, quiet: bool, as_json: bool = False, clock: Clock = SYSTEM_CLOCK
) -> Iterator[Observer]:
    """An observer that writes to stderr. `as_json`: the result is for a program, so that lines about steps are left
    out; a terminal still shows how far the run is."""
    least = "warning" if quiet or as_json else "info"
    if log_format == "json":
        yield lambda event: _json(event, masker, "warning" if quiet else "info", clock)
    elif ui.is_terminal() and not quiet:
        with live(masker, least, clock) as watching:
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
def live(masker: Masker, least: str, clock: Clock) -> Iterator[Observer]:
    """A line that follows the step at work; other lines are written above it."""
    from rich.console import Console  # noqa: PLC0415  # takes long to import, and is for terminals only
    from rich.live import Live  # noqa: PLC0415  # as above
    from rich.text import Text  # noqa: PLC0415  # as above

    console = Console(stderr=True, highlight=False)
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda event: _plain(event, masker, least)
        return
    at_work: list[Progress] = []

    def shown() -> Text:
        text = progressline.line(at_work[-1], clock.monotonic(), console.width - 1) if at_work else ""
        return Text(masker.text(text), style="dim", no_wrap=True, overflow="crop")

    with Live(
        console=console, get_renderable=shown, transient=True, refresh_per_second=8, redirect_stdout=False
    ) as display:

        def watching(event: Event) -> None:
            if event.event == "step_started" and event.step_id:
                at_work.append(Progress(event.step_id, clock.monotonic()))
            elif event.event in _AT_WORK and at_work and at_work[-1].step_id == event.step_id:
                at_work[-1] = at_work[-1].after(event)
            elif event.event in ("step_completed", "step_failed") and event.step_id:
                at_work[:] = [one for one in at_work if one.step_id != event.step_id]
            elif event.event == "delivery":
                at_work[:] = [(at_work or [Progress("deliveries", clock.monotonic())])[-1].after_one()]
            elif event.event in ("transaction_replayed", "drained", "run_completed", "run_failed"):
                at_work.clear()
            text = sentence(event)
            if text and _ORDER[event.level] >= _ORDER[least]:
                style = "yellow" if event.level == "warning" else None
                display.console.print(masker.text(text), markup=False, style=style, soft_wrap=True)

        yield watching
        at_work.clear()


def sentence(event: Event) -> str:
    """An event for people; "" for one that says nothing to them."""
    details = dict(event.details)
    if event.event == "step_completed":
        seconds = float(details.pop("seconds", 0.0))
        details.pop("type", None)
        items = details.get("items")
        rate = f", {items / seconds:,.0f}/s" if items and seconds > 0.05 else ""
        return f"{event.step_id}: {_facts(details)}{seconds:.2f}s{rate}"
    if event.event == "path_outside":
        return f"{event.step_id}: the path {details['path']} leads out of the job's folder"
    if event.event == "written":
        return f"{event.step_id}: written, {_facts(details).removesuffix(', ')}"
    if event.event == "rows_rejected":
        count, place = details["rejected"], details.get("rejected_file")
        written = f" into {place}" if place else ""
        return f"{event.step_id}: {count:,} rejected{written}, the first because: {details['first']}"
    if event.event == "step_skipped":
        return f"{event.step_id}: skipped"
    if event.event == "run_limited":
        return f"LIMITED: only the first {details['limit']:,} of each source's rows are read."
    if event.event == "transaction_replayed":
        return f"transaction: run again (attempt {details['attempt']}): {details['cause']}"
    if event.event == "delivery" and event.level != "info":
        return f"delivery: {details['outcome']}: {details['error']}"
    if event.event == "drained":
        return f"deliveries: {details['delivered']} made, {details['pending']} pending, {details['dead']} given up"
    if event.event == "run_known":
        return f"run: done before with the key {details['run_key']}"
    if "hook" in details:
        return f"{details['hook']}{_of_hook(event.event, details)}"
    texts = {"committed": "transaction: committed", "rolled_back": "transaction: rolled back"}
    return texts.get(event.event, "")


def _facts(details: dict[str, Any]) -> str:
    facts = [f"{value:,} {name.replace('_', ' ')}" for name, value in details.items() if isinstance(value, int)]
    return f"{', '.join(facts)}, " if facts else ""


def _of_hook(event: str, details: dict[str, Any]) -> str:
    if event == "hook_output":
        return f" | {details['line']}"
    if event == "hook_completed":
        return f": {float(details['seconds']):.2f}s"
    return ": left out, it is a dry run" if event == "hook_left_out" else f": {details['error']}"
