"""Answers one event: the whole runtime, free of transport.

Input: an event as a dict, and a Runtime. Output: the reply as a dict, or one of `LokkiRetryable`, `LokkiFatal` and
`LokkiContinue`. Runs the author's step; reads and writes the store; logs one line per event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from lokki.errors import StepFailedError
from lokki.wire import LambdaEvent, LambdaReply, format_path

from .errors import LokkiContinue, LokkiFatal, LokkiRetryable, Outcome, Terminated
from .invocation import Invocation
from .items import run_items, sealed_batch
from .plain import run_judge, run_plain
from .report import cause_text, error_record
from .runtime import Runtime


def execute(
    event: Mapping[str, Any],
    runtime: Runtime,
    *,
    remaining_s: Callable[[], float] | None = None,
    request_id: str | None = None,
) -> dict[str, Any]:
    """Do what `event` says and return the reply.

    `remaining_s` tells how many seconds are left; None where nothing ends the invocation. Raises LokkiRetryable,
    LokkiFatal or LokkiContinue, and Terminated where the process was told to stop.
    """
    return _Execution(event, runtime, remaining_s, request_id).run()


class _Execution:
    def __init__(
        self,
        event: Mapping[str, Any],
        runtime: Runtime,
        remaining_s: Callable[[], float] | None,
        request_id: str | None,
    ) -> None:
        self._raw = event
        self._runtime = runtime
        self._remaining_s = remaining_s
        self._request_id = request_id
        self._event: LambdaEvent | None = None
        self._job: Invocation | None = None
        self._began_s = runtime.clock.monotonic()
        self._log = runtime.log.bind(request_id=request_id)

    def run(self) -> dict[str, Any]:
        try:
            reply = self._answer()
        except LokkiContinue as outcome:
            self._say("step_continues", outcome.record)
            raise
        except Outcome as outcome:
            self._fail(type(outcome), dict(outcome.record))
            raise
        except Terminated as error:
            self._fail(LokkiFatal, error_record(error) | {"message": "the container was told to stop"})
            raise
        except StepFailedError as error:
            raise self._step_failed(error) from None
        except Exception as error:  # ours or not: Step Functions has to be told by a name it knows
            raise self._failed(LokkiFatal, error) from None
        self._say("step_skipped" if reply.skipped else "step_success", {})
        return reply.to_dict()

    def _answer(self) -> LambdaReply:
        event = self._event = LambdaEvent.from_dict(self._raw)
        runtime = self._runtime
        role = runtime.role(event)
        job = self._job = Invocation(runtime, event, role, self._remaining_s, self._request_id)
        self._log = job.log
        if role.task is not None and _is_done(job):
            return job.reply(skipped=True)
        runtime.prepare()
        if role.task is None:
            return run_judge(job)
        return run_items(job) if role.in_leaf else run_plain(job)

    def _step_failed(self, error: StepFailedError) -> Outcome:
        """The author's exception: another attempt, where the policy allows one."""
        retryable = self._job is not None and self._job.allows_another(error)
        return self._failed(LokkiRetryable if retryable else LokkiFatal, error)

    def _failed(self, kind: type[Outcome], error: Exception) -> Outcome:
        record = error_record(error)
        if kind is LokkiRetryable or isinstance(error, StepFailedError):
            record["attempts"] = self._attempts(error)
        self._fail(kind, record)
        return kind(cause_text(record), record)

    def _attempts(self, error: Exception) -> int:
        """How many attempts are known to have failed, this one included."""
        job = self._job
        if job is None or job.in_process:
            return int(getattr(error, "attempts", 1))
        return job.known_attempts + 1

    def _fail(self, kind: type[Outcome], record: dict[str, Any]) -> None:
        """Keep the error beside the results and say it; a store that fails must not hide what went wrong."""
        event = self._event
        place: dict[str, Any] = {"raised": kind.__name__, "at": self._runtime.clock.now().isoformat()}
        if event is not None:
            place |= {"run_id": event.flow.run_id, "step": event.node, "path": format_path(event.path)}
        for name, value in (place | {"request_id": self._request_id}).items():
            record.setdefault(name, value)
        if event is not None:
            with suppress(Exception):
                job_store, flow = self._runtime.store, self._runtime.flow_name
                job_store.write_error(flow, event.flow.run_id, event.node, record, path=event.path)
        retry = kind is LokkiRetryable
        say = self._log.warning if retry else self._log.error
        shown = {name: record[name] for name in ("error_type", "message", "traceback") if record.get(name)}
        say("step_retryable" if retry else "step_failure", **shown, duration_s=self._taken_s())

    def _say(self, what: str, fields: Mapping[str, Any]) -> None:
        self._log.info(what, **{**_items(self._raw), **fields}, duration_s=self._taken_s())

    def _taken_s(self) -> float:
        return round(self._runtime.clock.monotonic() - self._began_s, 3)


def _is_done(job: Invocation) -> bool:
    if job.role.in_leaf:
        return sealed_batch(job)
    return job.store.exists(job.output_url if job.role.feeds is None else job.manifest_url)


def _items(event: Mapping[str, Any]) -> dict[str, Any]:
    """The range of a manifest row, for the log."""
    row = event.get("input")
    if not isinstance(row, Mapping):
        return {}
    return {"first": row.get("first"), "count": row.get("count")}
