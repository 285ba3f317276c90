"""`show`: recent runs, or one run step by step."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import click
from lokki.boundary import explain

from .. import ui
from ..context import FlowContext, pass_flow
from ..flowcommand import FlowCommand
from ..ops.invoke import Started
from ..ops.localruns import local_runs, local_view
from ..ops.moments import local, took
from ..ops.runhistory import RunSummary, history_of, recent_runs
from ..ops.show import RunView, StepView, summary_dict, view
from ..target import Target, TargetOptions, target_options
from .again import again
from .waiting import place_of, waited

EXAMPLES = """\b
Examples:
  python birds_flow.py show
  lokki-cli show birds_flow.py --run RUN_ID
  lokki-cli show birds_flow.py --run RUN_ID --wait
  lokki-cli show birds_flow.py --local --json
"""

ROLES = {
    "succeeded": "good",
    "failed": "bad",
    "interrupted": "bad",
    "running": "busy",
    "skipped": "good",
}
"""{status: how it is shown}."""

MARKS = {"succeeded": "✓", "skipped": "✓", "failed": "✗", "interrupted": "✗", "running": "●"}
"""{status of a step: the mark before it}."""

TEXTS = {"skipped": "done before", "each item": ""}
"""{status of a step: what is said instead}."""

Cell = tuple[str, str]
"""How a cell is shown, and its text."""


@click.command(cls=FlowCommand, epilog=EXAMPLES)
@click.option("--n", "count", type=click.IntRange(min=1), default=10, metavar="N", help="How many runs (default: 10).")
@click.option("--run", "run_id", metavar="RUN_ID", help="One run: its steps, and why it failed.")
@click.option("--wait", is_flag=True, help="With --run: show what happens until the run ends, then its result.")
@click.option("--local", "is_local", is_flag=True, help="Runs on this machine instead of deployed ones.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@target_options
@pass_flow
def show(
    context: FlowContext,
    count: int,
    run_id: str | None,
    wait: bool,
    is_local: bool,
    as_json: bool,
    target: TargetOptions,
) -> int:
    """List the last runs of the deployed flow, or show one of them step by step.

    A resumed run is one run, however often it was resumed. For a map the items are counted, in a running one as far
    as it is; maps inside maps are part of the outer one's items. Of a run that failed the step, the item and the
    author's traceback are shown.
    """
    if is_local:
        root = root_of(context)
        return (
            _one(local_view(context.flow.name, run_id, root), as_json, ("run", "--resume"))
            if run_id
            else _list(local_runs(context.flow.name, root, count), as_json, context.flow.name)
        )
    where = Target.of(context, target)
    place = place_of(where)
    if run_id is None:
        return _list(recent_runs(place.executions.newest(), count), as_json, where.names.deployed)
    if wait:
        history = history_of(place, run_id)
        return waited(where, Started(history.run_id, history.last), as_json=as_json)
    return _one(view(place, run_id), as_json)


def root_of(context: FlowContext) -> str:
    """Where runs on this machine are kept: beside the flow file."""
    return os.path.join(context.folder, ".lokki")


def _list(runs: Sequence[RunSummary], as_json: bool, flow: str) -> int:
    if as_json:
        ui.document([summary_dict(run) for run in runs])
    elif runs:
        ui.table(("RUN", "STATUS", "STARTED", "TOOK", "RESUMED"), map(_run_row, runs))
    else:
        ui.note(f"Flow '{flow}' has no runs.")
    return 0


def _run_row(run: RunSummary) -> list[Cell]:
    seconds = (run.stopped_at - run.started_at).total_seconds() if run.stopped_at else None
    resumed = {0: "", 1: "once", 2: "twice"}.get(run.resumed, f"{run.resumed} times")
    return [
        ("name", run.run_id),
        (ROLES.get(run.status, ""), run.status),
        ("", local(run.started_at)),
        ("", took(seconds)),
        ("", resumed),
    ]


def _one(run: RunView, as_json: bool, resume: Sequence[str] = ("resume",)) -> int:
    if as_json:
        ui.document(run.to_dict())
        return 0
    ui.styled(_head(run))
    ui.table(("", "STEP", "STATUS", "TOOK", "ITEMS"), map(_step_row, run.steps))
    if run.failure is not None:
        ui.text(f"\n{explain(run.failure.to_error(run.flow))}\n")
        if run.summary.status != "running":
            ui.note(f"Go on with: {again(*resume, run.summary.run_id)}")
    return 0


def _head(run: RunView) -> Iterable[list[Cell]]:
    summary = run.summary
    yield [("title", f"{run.flow}  {summary.run_id}  "), (ROLES.get(summary.status, ""), summary.status)]
    about = [f"started {local(summary.started_at)}"]
    if summary.stopped_at is not None:
        about.append(f"took {took((summary.stopped_at - summary.started_at).total_seconds())}")
    if summary.resumed:
        about.append("resumed once" if summary.resumed == 1 else f"resumed {summary.resumed} times")
    yield [("detail", ", ".join(about))]
    if run.params:
        yield [("detail", "with " + ", ".join(f"{name}={value!r}" for name, value in run.params.items()))]
    yield []


def _step_row(step: StepView) -> list[Cell]:
    role = ROLES.get(step.status, "detail")
    name = f"{'  ' * step.depth}{step.step}"
    status = TEXTS.get(step.status, step.status)
    if step.attempts > 1:
        status += f" ({step.attempts} attempts)"
    return [
        (role, MARKS.get(step.status, "·")),
        ("name", f"{name} (map)" if step.items else name),
        (role, status),
        ("", took(step.duration_s)),
        ("bad" if step.failed else "", _items(step)),
    ]


def _items(step: StepView) -> str:
    if not step.items or not (step.total or step.status == "succeeded"):
        return ""
    failed = f", {step.failed:,} failed" if step.failed else ""
    return f"{step.done:,} of {step.total:,}{failed}"
