"""What a map says: it is distributed, reads its manifest, writes its record, and its children can do what they must."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ...limits import LIMITS
from ..model import State
from ..states import S3_READ, S3_WRITE
from .scopes import Found, config
from .tasks import compare_keys

DISTRIBUTED_ONLY = ("ItemReader", "ResultWriter", "Label", "ToleratedFailurePercentage")
DISTRIBUTED_NEEDS = ("ItemReader", "ItemSelector", "ResultWriter", "Label", "MaxConcurrency", "Retry")
CHILD_KEYS = frozenset({"flow", "path", "row"})


def lint_map(one: Found) -> Iterator[str]:
    """Faults of one map."""
    state = one.state
    if config(state).get("Mode") != "DISTRIBUTED":
        yield from map(one.says, _inline(state))
        return
    for field in DISTRIBUTED_NEEDS:
        if field not in state:
            yield one.says(f"the field '{field}' is missing.")
    for rule in (_execution_type, _label, _concurrency, _tolerance):
        yield from map(one.says, rule(state))
    for text in _source_and_record(state):
        yield one.says(text)
    yield from map(one.says, compare_keys(state.get("ItemSelector"), CHILD_KEYS, CHILD_KEYS, "ItemSelector"))
    if one.scope.express:
        yield one.says("an EXPRESS execution cannot hold a Distributed Map.")


def _inline(state: State) -> Iterator[str]:
    yield "ProcessorConfig.Mode has to be DISTRIBUTED."
    for field in DISTRIBUTED_ONLY:
        if field in state:
            yield f"'{field}' means nothing on a map that is not DISTRIBUTED."


def _execution_type(state: State) -> Iterator[str]:
    kind = config(state).get("ExecutionType")
    if kind not in ("STANDARD", "EXPRESS"):
        yield f"ExecutionType is STANDARD or EXPRESS, not {kind!r}."


def _label(state: State) -> Iterator[str]:
    label = state.get("Label")
    longest = int(LIMITS["map_label"].value)
    if not isinstance(label, str) or not re.fullmatch(rf"[A-Za-z0-9._-]{{1,{longest}}}", label):
        yield f"Label is 1 to {longest} letters, digits, '.', '_' and '-', not {label!r}."


def _concurrency(state: State) -> Iterator[str]:
    value = state.get("MaxConcurrency")
    most = int(LIMITS["map_concurrency"].value)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        yield f"MaxConcurrency is 1 to {most}, not {value!r}."


def _tolerance(state: State) -> Iterator[str]:
    value = state.get("ToleratedFailurePercentage", 0.0)
    if not isinstance(value, float) or not 0 <= value <= 100:
        yield f"ToleratedFailurePercentage is a number with a decimal point from 0.0 to 100.0, not {value!r}."


def _source_and_record(state: State) -> Iterator[str]:
    reader: Any = state.get("ItemReader") or {}
    writer: Any = state.get("ResultWriter") or {}
    yield from compare_keys(reader, (), {"Resource", "ReaderConfig", "Parameters"}, "ItemReader")
    yield from compare_keys(writer, (), {"Resource", "Parameters"}, "ResultWriter")
    if reader.get("Resource") != S3_READ:
        yield f"ItemReader.Resource is {S3_READ}, not {reader.get('Resource')!r}."
    if reader.get("ReaderConfig") != {"InputType": "JSON"}:
        yield f"ItemReader.ReaderConfig is InputType JSON, not {reader.get('ReaderConfig')!r}."
    if writer.get("Resource") != S3_WRITE:
        yield f"ResultWriter.Resource is {S3_WRITE}, not {writer.get('Resource')!r}."
    yield from _exactly(reader.get("Parameters"), {"Bucket", "Key"}, "ItemReader.Parameters")
    yield from _exactly(writer.get("Parameters"), {"Bucket", "Prefix"}, "ResultWriter.Parameters")


def _exactly(parameters: Any, keys: set[str], what: str) -> Iterator[str]:
    yield from compare_keys(parameters, keys, keys, what)
