"""Flows of every kind a template has to serve, and the requests that build them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lokki.config import LokkiConfig
from lokki.decorators import Flow, flow, step
from lokki.resolve import Resolved, resolve
from lokki_builder.asl.machine import build_machine
from lokki_builder.cfn.stack import Stack
from lokki_builder.image.bundle import make_bundle
from lokki_builder.plan import machine_options, make_stack
from lokki_builder.request import BuildRequest, Dependencies, FlowFiles, Installed

SOURCE = b"# the flow's file\n"


@step(env={"REGION_OF_DATA": "north"}, memory_mb=1024)
def pages() -> list[int]:
    return [1]


@step(retry={"retries": 2})
def fetch(page: int) -> list[int]:
    return [page]


@step
def parse(row: int) -> int:
    return row


@step
def gather_rows(rows: list[int]) -> list[int]:
    return rows


@step(job_type="batch", vcpu=1, memory_mb=2048, timeout_seconds=600, env={"MODE": "fast"})
def crunch(rows: list[int]) -> list[int]:
    return rows


@step(job_type="batch", vcpu=0.5, memory_mb=2048)
def half(rows: list[int]) -> list[int]:
    return rows


@step(job_type="batch", vcpu=3)
def three(rows: list[int]) -> list[int]:
    return rows


@step
def report(rows: Iterator[int]) -> int:
    return len(list(rows))


def plain_flow() -> Any:
    return pages().map(fetch).agg(report)


def line_flow() -> Any:
    return pages().next(report)


def näive_flow() -> Any:
    return pages().next(report)


def open_flow() -> Any:
    return pages().map(fetch, tolerated_failure_percentage=10)


def nested_flow() -> Any:
    return pages().map(fetch.map(parse).agg(gather_rows)).agg(report)


def batch_flow() -> Any:
    return pages().map(crunch).agg(report)


def only_batch_flow() -> Any:
    return crunch([1])


def half_flow() -> Any:
    return pages().next(half)


def three_flow() -> Any:
    return pages().next(three)


def nested_batch_flow() -> Any:
    return pages().map(fetch.map(parse).agg(crunch)).agg(report)


BODIES = (plain_flow, line_flow, open_flow, nested_flow, batch_flow, only_batch_flow, nested_batch_flow)


def resolved(body: Any, schedule: str | None = None, timezone: str | None = None) -> Resolved:
    """The flow whose body is `body`."""
    made: Flow[Any] = flow(schedule=schedule, timezone=timezone)(body)
    return resolve(made, {})


def request(
    body: Any = plain_flow,
    values: Mapping[str, object] | None = None,
    *,
    schedule: str | None = None,
    timezone: str | None = None,
    files: Mapping[str, bytes] | None = None,
    dependencies: Dependencies | None = None,
    installed: Installed | None = None,
    base_digest: str = "",
) -> BuildRequest:
    """The request to build that flow with these configuration values {dotted key: value}."""
    config = LokkiConfig(values or {})
    packed = Installed({"lokki_runtime/handler.py": b""}) if config.lambda_.package_type == "zip" else Installed()
    return BuildRequest(
        resolved(body, schedule, timezone),
        config,
        FlowFiles("some_flow", "some_flow.py", files or {"some_flow.py": SOURCE}),
        dependencies or Dependencies(),
        installed or packed,
        {"lokki-builder": "0.1.0", "lokki-core": "0.1.0", "lokki-runtime": "0.1.0"},
        base_digest,
    )


def stack(body: Any = plain_flow, values: Mapping[str, object] | None = None, **more: Any) -> Stack:
    """The stack of that request."""
    asked = request(body, values, **more)
    machine = build_machine(asked.resolved.graph, machine_options(asked))
    return make_stack(asked, machine, make_bundle(asked))
