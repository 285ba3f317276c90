"""Runs on this machine, as `show` shows deployed ones.

Input: the folder that holds them. Output: `RunSummary` and `RunView`. Reads only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from lokki import Run
from lokki.failure import ItemFailure
from lokki.graph import MapLink, TaskEntry
from lokki.places import depth, find
from lokki.store.local import LocalStore

from .failures import Failure
from .runhistory import RunSummary, Status
from .show import RunView, StepView, waiting

DOCUMENT = "run.json"


def local_runs(flow: str, root: str, count: int) -> list[RunSummary]:
    """The last `count` runs of a flow that are kept, the newest first."""
    store = LocalStore(root, flow_name=flow)
    documents = [store.read_json(flow, run_id, DOCUMENT) for run_id in store.runs(flow)]
    found = [_summary(document) for document in documents if document is not None]
    return sorted(found, key=lambda run: run.started_at, reverse=True)[:count]


def local_view(flow: str, run_id: str, root: str) -> RunView:
    """One run: which of its steps have a result. Raises ObjectMissingError where there is no such run."""
    store = LocalStore(root, flow_name=flow)
    run = Run(flow, run_id, root=root)
    steps = tuple(_step(run, store, step) for step in waiting(run.graph))
    summary = _summary(store.read_json(flow, run_id, DOCUMENT))
    return RunView(summary, flow, run.params, steps, _failure(run, store, root))


def _summary(document: Mapping[str, Any]) -> RunSummary:
    finished = document.get("finished_at")
    return RunSummary(
        document["run_id"],
        cast("Status", document["status"]),
        datetime.fromisoformat(document["started_at"]),
        datetime.fromisoformat(finished) if finished else None,
        0,
    )


def _step(run: Run, store: LocalStore, step: StepView) -> StepView:
    """A step outside maps, or a map that is in no other; of what is inside, the map tells."""
    if step.depth:
        return step
    if not step.items:
        if run[step.step].has_output:
            return replace(step, status="succeeded")
        return replace(step, status="failed" if run[step.step].error is not None else "not reached")
    if not run[step.step].has_output:
        return replace(step, status="not reached")
    total = len(run[step.step])
    link = find(run.graph.chain, step.step).inside
    if link is None or link.nested:
        return replace(step, status=run.status, total=0)
    journals = [store.read_journal(run.flow, run.run_id, node) for node in _body(link)]
    done, failed = journals[-1].count, len({index for journal in journals for index in journal.failures})
    return replace(step, status=_status(run, done, failed, total), done=done, failed=failed, total=total)


def _status(run: Run, done: int, failed: int, total: int) -> str:
    if done + failed == total and (not failed or run.status == "succeeded"):
        return "succeeded"
    return run.status


def _failure(run: Run, store: LocalStore, root: str) -> Failure | None:
    """Why the run failed, with the first failed item's traceback, or the failed step's."""
    if run.error is None:
        return None
    for task in run.graph.tasks():
        link = find(run.graph.chain, task.node).inside
        if link is None:
            found = run[task.node].error
        elif depth(run.graph.chain, task.node) == 1 and not link.nested:
            failures = store.read_journal(run.flow, run.run_id, task.node).failures
            found = next(iter(failures.values()), None) or _failed_item(run, root, task.node)
        else:
            continue
        if found is not None:
            index = found.index if link is not None else None
            path = () if index is None else (index,)
            return Failure(run.error, task.node, path, index, found.error_type, found.traceback, found.attempts)
    return Failure(run.error)


def _failed_item(run: Run, root: str, node: str) -> ItemFailure | None:
    """Of a map that tolerates nothing the item that the run's error names, else the first one that failed."""
    folder = Path(root, run.flow, "runs", run.run_id, node)
    indices = sorted(int(one.name) for one in folder.glob("*") if one.name.isdigit())  # only failed items have one
    found = {index: run[node][index].error for index in indices}
    named = [error for index, error in found.items() if error and f"item {index}:" in str(run.error)]
    return next(iter([*named, *filter(None, found.values())]), None)


def _body(link: MapLink) -> list[str]:
    return [one.node for one in link.body if isinstance(one, TaskEntry)]
