"""Distributed Maps: children that are executions of their own, failure thresholds, ResultWriter.

Replaces MiniStack's, which gives children their parent's context, writes no results and never stops early.
"""

from __future__ import annotations

import contextvars
import copy
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import new_uuid, now_iso
from ministack.services import s3, stepfunctions

from .. import access
from ..settings import Settings
from .limits import check_size
from .tally import Tally
from .writer import manifest_key, result_files

Document = dict[str, Any]

_inline = stepfunctions._run_map_items
_children_at_once = 1


def install(settings: Settings) -> None:
    """Take over maps whose mode is DISTRIBUTED."""
    global _children_at_once
    _children_at_once = settings.children
    stepfunctions._run_map_items = run_map


def run_map(state: Document, given: Any, execution: Document, context: Document) -> tuple[Any, str | None]:
    """Run a Map state; its output and the next state's name."""
    processor = state.get("ItemProcessor") or {}
    if (processor.get("ProcessorConfig") or {}).get("Mode") != "DISTRIBUTED":
        inline: tuple[Any, str | None] = _inline(state, given, execution, context)
        return inline
    effective = stepfunctions._apply_input_path(state, given, context)
    result = _MapRun(state, effective, execution, context).run()
    check_size(result)
    output = stepfunctions._apply_result_path(state, given, stepfunctions._apply_result_selector(state, result))
    return stepfunctions._apply_output_path(state, output, context), stepfunctions._next_or_end(state)


@dataclass(frozen=True)
class _Names:
    """The ARNs of a Map Run."""

    machine: str
    """What its children are executions of."""
    run: str
    children: str
    """What a child's name is appended to."""

    @classmethod
    def of(cls, state: Document, execution: Document) -> _Names:
        _, _, _, region, account, _, machine, *_ = execution["stateMachineArn"].split(":")
        name = f"{machine.split('/')[0]}/{state.get('Label') or new_uuid()}"
        base = f"arn:aws:states:{region}:{account}"
        return cls(f"{base}:stateMachine:{name}", f"{base}:mapRun:{name}:{new_uuid()}", f"{base}:execution:{name}:")


class _MapRun:
    """One run of a Map state."""

    def __init__(self, state: Document, effective: Any, execution: Document, context: Document) -> None:
        self.state = state
        self.effective = effective
        self.execution = execution
        self.context = context
        self.names = _Names.of(state, execution)

    def run(self) -> Any:
        """All children. The state's result; raises where too many fail."""
        access.need_start_execution()
        inputs = self._inputs()
        self.tally = Tally(
            len(inputs), self.state.get("ToleratedFailurePercentage"), self.state.get("ToleratedFailureCount")
        )
        self.record = self._register()
        children = [child for child in self._run_children(inputs) if child is not None]
        self.record.update(status="FAILED" if self.tally.exceeded else "SUCCEEDED", stopDate=now_iso())
        result = self._written(children)
        if self.tally.exceeded:
            raise stepfunctions._ExecutionError(
                "States.ExceedToleratedFailureThreshold", "The specified tolerated failure threshold was exceeded"
            )
        return result

    def _inputs(self) -> list[Any]:
        """The input of each child."""
        selector = self.state.get("ItemSelector")
        if selector is None:
            return self._items()
        inputs = []
        for index, item in enumerate(self._items()):
            context = {**self.context, "Map": {"Item": {"Index": index, "Value": item}}}
            inputs.append(stepfunctions._resolve_params_obj(selector, self.effective, context))
        return inputs

    def _items(self) -> list[Any]:
        try:
            items = stepfunctions._read_map_items(self.state["ItemReader"], self.effective, self.context)
        except (ValueError, KeyError, TypeError) as error:
            raise _reader_failed(f"Attempting to read the dataset failed: {error!r}") from error
        if not isinstance(items, list):
            raise _reader_failed("Attempting to map over non-iterable node.")
        return items

    def _register(self) -> Document:
        record = {
            "mapRunArn": self.names.run,
            "executionArn": self.execution["executionArn"],
            "status": "RUNNING",
            "startDate": now_iso(),
            "maxConcurrency": int(self.state.get("MaxConcurrency") or 0),
            "toleratedFailurePercentage": float(self.tally.percentage or 0),
            "toleratedFailureCount": int(self.tally.count or 0),
            "redriveCount": 0,
            "_stateMachineArn": self.names.machine,
        }
        stepfunctions._map_runs[self.names.run] = record
        details = {"mapRunStartedEventDetails": {"mapRunArn": self.names.run}}
        stepfunctions._add_event(self.execution, "MapRunStarted", details)
        self._count(record)
        return record

    def _count(self, record: Document) -> None:
        record["itemCounts"] = record["executionCounts"] = self.tally.document()

    def _run_children(self, inputs: Sequence[Any]) -> list[Document | None]:
        """A record per child, in the order of the items; None for one that was never started."""
        wanted = int(self.state.get("MaxConcurrency") or 0) or len(inputs)
        contexts = [contextvars.copy_context() for _ in inputs]  # a thread of a pool begins without one
        with ThreadPoolExecutor(max(1, min(wanted, _children_at_once))) as pool:
            return list(pool.map(lambda context, given: context.run(self._run_child, given), contexts, inputs))

    def _run_child(self, given: Any) -> Document | None:
        if not self.tally.begin():
            return None
        child = self._child(given)
        self._count(self.record)
        try:
            check_size(given)
            output = self._process(child, given)
            child.update(status="SUCCEEDED", output=json.dumps(output))
        except Exception as error:
            known = isinstance(error, stepfunctions._ExecutionError)
            told: Any = error if known else stepfunctions._ExecutionError("States.Runtime", repr(error))
            child.update(status="FAILED", error=told.error, cause=told.cause)
        child["stopDate"] = now_iso()
        self.tally.end(child["status"].lower())
        self._count(self.record)
        return child

    def _child(self, given: Any) -> Document:
        name = new_uuid()
        child = {
            "executionArn": self.names.children + name,
            "stateMachineArn": self.names.machine,
            "mapRunArn": self.names.run,
            "name": name,
            "status": "RUNNING",
            "startDate": now_iso(),
            "stopDate": None,
            "input": json.dumps(given),
            "inputDetails": {"included": True},
            "output": None,
            "outputDetails": {"included": True},
            "events": [],
            "testCase": "",
            "mockAttempts": {},
        }
        stepfunctions._executions[child["executionArn"]] = child
        return child

    def _process(self, child: Document, given: Any) -> Any:
        """Run the map's body as an execution with a context of its own."""
        processor = self.state["ItemProcessor"]
        context = copy.deepcopy({key: value for key, value in self.context.items() if key != "Map"})
        context["Execution"] |= {
            "Id": child["executionArn"],
            "Name": child["name"],
            "Input": given,
            "StartTime": child["startDate"],
        }
        context["StateMachine"] = {"Id": self.names.machine, "Name": self.names.machine.rsplit(":", 1)[-1]}
        return stepfunctions._run_sub_machine(processor["States"], processor["StartAt"], given, child, context)

    def _written(self, children: Sequence[Mapping[str, Any]]) -> Any:
        """Store what the ResultWriter wants; the state's result."""
        writer = self.state.get("ResultWriter")
        if writer is None:
            return [json.loads(child["output"]) for child in children if child["status"] == "SUCCEEDED"]
        place = stepfunctions._resolve_params_obj(writer["Parameters"], self.effective, self.context)
        parts = [place.get("Prefix", "").rstrip("/"), self.names.run.rsplit(":", 1)[-1]]
        prefix = "/".join(part for part in parts if part)
        for key, content in result_files(children, prefix, place["Bucket"], self.names.run).items():
            _put(place["Bucket"], key, content)
        self.tally.written()
        self._count(self.record)
        details = {"Bucket": place["Bucket"], "Key": manifest_key(prefix)}
        return {"MapRunArn": self.names.run, "ResultWriterDetails": details}


def _put(bucket: str, key: str, content: bytes) -> None:
    access.need("s3:PutObject", f"arn:aws:s3:::{bucket}/{key}", "States.ResultWriterFailed")
    status, *_ = s3._put_object(bucket, key, content, {"content-type": "application/json"})
    if status != 200:
        raise stepfunctions._ExecutionError("States.ResultWriterFailed", f"s3://{bucket}/{key}: {status}")


def _reader_failed(text: str) -> Exception:
    failed: Exception = stepfunctions._ExecutionError("States.ItemReaderFailed", text)
    return failed
