"""`logs`: the lines of all steps in order of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import chain

import click
from lokki.clock import SYSTEM_CLOCK

from .. import ui
from ..context import FlowContext, pass_flow
from ..errors import CommandLineError
from ..flowcommand import FlowCommand
from ..ops.loglines import LogEntry
from ..ops.logs import follow, lines
from ..ops.logsources import Source, sources
from ..ops.machine import read_machine
from ..ops.moments import local, moment
from ..ops.place import Place
from ..ops.runhistory import RunHistory, history_of
from ..target import Target, TargetOptions, target_options
from .waiting import place_of

EXAMPLES = """\b
Examples:
  python birds_flow.py logs --tail
  lokki-cli logs birds_flow.py --run RUN_ID
  lokki-cli logs birds_flow.py --start 2h --step flap_bird
  lokki-cli logs birds_flow.py --start 10:00 --end 10:30 --json
"""

DEFAULT_START = timedelta(hours=1)
"""How far back lines are shown where nothing else is said."""

DEFAULT_TAIL = timedelta(minutes=1)
"""The same with --tail."""

AFTER_END = timedelta(minutes=1)
"""What a run's functions may write after its end."""


@click.command(cls=FlowCommand, epilog=EXAMPLES)
@click.option("--run", "run_id", metavar="RUN_ID", help="Only lines of this run, from its start.")
@click.option("--step", metavar="STEP", help="Only lines of this step.")
@click.option("--start", metavar="WHEN", help="2h (ago), 2026-01-31T10:00, 10:00 (default: 1h).")
@click.option("--end", metavar="WHEN", help="As --start (default: now).")
@click.option("--tail", is_flag=True, help="Go on with what comes, until Ctrl-C or the run's end.")
@click.option("--platform", is_flag=True, help="Also Lambda's own lines: START, END, REPORT.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object per line.")
@target_options
@pass_flow
def logs(
    context: FlowContext,
    run_id: str | None,
    step: str | None,
    start: str | None,
    end: str | None,
    tail: bool,
    platform: bool,
    as_json: bool,
    target: TargetOptions,
) -> int:
    """Print what the steps of the deployed flow wrote, Lambda functions and Batch jobs, in order of time.

    Lines of lokki's runtime are shown in words, those of your own code as they are; on a terminal each step has a
    colour. With --run lines of other runs are left out, as far as it is known whose they are.
    """
    if tail and end is not None:
        raise CommandLineError("--tail goes on with what comes; it has no --end.", hint="Leave one of the two out.")
    now = SYSTEM_CLOCK.now()
    moments = {option: moment(text, now, option) for option, text in (("--start", start), ("--end", end)) if text}
    place = place_of(Target.of(context, target))
    history = history_of(place, run_id) if run_id is not None else None
    begin = moments.get("--start") or _beginning(history, now, tail)
    known = _sources(place, history, step)
    run = history.run_id if history is not None else None
    if tail:
        over = _IsOver(place, history)
        found: Iterable[LogEntry] = follow(place.clients, known, begin, run, is_over=over)
    else:
        found = lines(place.clients, known, begin, moments.get("--end") or _end(history), run)
    shown = (entry for entry in found if platform or not entry.is_platform)
    first = next(iter(shown), None)
    if first is None:
        ui.note(f"There are no lines since {local(begin)}." + ("" if run else " Look further back: --start 1d"))
    else:
        _print(chain([first], shown), [source.step for source in known], as_json)
    return 0


def _sources(place: Place, history: RunHistory | None, step: str | None) -> list[Source]:
    executions = place.executions
    definition = executions.definition(history.last.arn) if history else executions.deployed_definition()
    return sources(read_machine(definition), place.names, step)


def _beginning(history: RunHistory | None, now: datetime, tail: bool) -> datetime:
    if history is not None:
        return history.first.started_at
    return now - (DEFAULT_TAIL if tail else DEFAULT_START)


def _end(history: RunHistory | None) -> datetime | None:
    stopped = history.last.stopped_at if history is not None else None
    return stopped + AFTER_END if stopped is not None else None


class _IsOver:
    """Whether the run that is followed has ended; asked seldom, and never again once it has."""

    def __init__(self, place: Place, history: RunHistory | None) -> None:
        self._place = place
        self._history = history
        self._looks = 0

    def __call__(self) -> bool:
        if self._history is None:
            return False
        self._looks += 1
        if self._history.last.is_under_way and self._looks % 3 == 0:
            self._history = history_of(self._place, self._history.run_id)
        return not self._history.last.is_under_way


def _print(entries: Iterator[LogEntry], steps: list[str], as_json: bool) -> None:
    """Each line as it comes."""
    if as_json:
        for entry in entries:
            ui.json_line(entry.to_dict())
        return
    width = max((len(step) for step in steps), default=0)
    colours = {step: f"step{place % ui.STEP_COLOURS}" for place, step in enumerate(dict.fromkeys(steps))}
    ui.stream(_row(entry, width, colours.get(entry.step, "step0")) for entry in entries)


def _row(entry: LogEntry, width: int, colour: str) -> list[tuple[str, str]]:
    """Time, step and text; further lines of the text stand below the first."""
    at = f"{entry.at.astimezone():%H:%M:%S}.{entry.line.at_ms % 1000:03} "
    indent = " " * (len(at) + width + 2)
    role = {"ERROR": "bad", "WARNING": "busy"}.get(entry.level, "detail" if entry.is_platform else "")
    text = entry.text.replace("\n", f"\n{indent}")
    return [("detail", at), (colour, f"{entry.step:<{width}}  "), (role, text)]
