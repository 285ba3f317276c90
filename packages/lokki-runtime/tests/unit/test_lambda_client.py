"""AWS's own Lambda client serves the handler, against a stand-in for Lambda's runtime interface."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

import pytest
from lokki import environment
from lokki_runtime.report import CAUSE_CHARS
from lokki_runtime.testing import StateMachine

CAUSE_LIMIT = 32_768
"""What Step Functions carries of a cause, in characters."""

FLOW = """
    @step
    def get(limit: int = 2) -> list:
        if limit > 5:
            raise ValueError("too many: " + "é" * 100_000)
        return list(range(limit))
    @step
    def work(x: int) -> int:
        return x
    @flow
    def main_flow():
        return get(limit=2).map(work)
    """


class Interface:
    """Lambda's runtime interface: hands out events and takes answers."""

    def __init__(self) -> None:
        self.events: Queue[Any] = Queue()
        self.answers: Queue[tuple[str, Any]] = Queue()
        interface = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                event = json.dumps(interface.events.get()).encode()
                self.send_response(200)
                deadline = int(time.time_ns() / 1_000_000) + 60_000
                self.send_header("Lambda-Runtime-Aws-Request-Id", "request-1")
                self.send_header("Lambda-Runtime-Deadline-Ms", str(deadline))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:1:function:f")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(event)))
                self.end_headers()
                self.wfile.write(event)

            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"] or 0))
                interface.answers.put((self.path.rpartition("/")[2], json.loads(data or "null")))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        Thread(target=self.server.serve_forever, daemon=True).start()

    def ask(self, event: dict[str, Any]) -> tuple[str, Any]:
        """("response" or "error", the answer) to an event."""
        self.events.put(event)
        try:
            return self.answers.get(timeout=60)
        except Empty:
            raise AssertionError("no answer came") from None


@pytest.fixture
def function(deploy: Callable[..., StateMachine], s3_variables: dict[str, str]) -> Iterator[Interface]:
    """A function in a process of its own, as `python -m lokki_runtime <handler>` starts it in an image."""
    root: Path = deploy(FLOW).root
    interface = Interface()
    known = {
        **environment.variables(),
        **s3_variables,
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{interface.server.server_port}",
        "LAMBDA_TASK_ROOT": str(root),
        "LOKKI_NODE": "get",
        "LOKKI_FLOW_NAME": "main-flow",
        "LOKKI_WIRE_VERSION": "1",
    }
    command = [sys.executable, "-m", "lokki_runtime", "lokki_runtime.handler.lambda_handler"]
    process = subprocess.Popen(command, env=known, stdout=subprocess.DEVNULL)
    yield interface
    process.kill()
    process.wait()
    interface.server.shutdown()
    interface.server.server_close()


def event(run_id: str, **params: Any) -> dict[str, Any]:
    return {
        "v": 1,
        "flow": {"run_id": run_id, "params": params},
        "node": "get",
        "path": "",
        "input": None,
        "attempt": 0,
    }


def test_awss_client_serves_the_handler(function: Interface) -> None:
    kind, reply = function.ask(event("client"))
    assert (kind, reply["manifest"]["count"], reply["skipped"]) == ("response", 2, False)
    kind, reply = function.ask(event("client"))
    assert (kind, reply["skipped"]) == ("response", True)


def test_an_error_keeps_its_name_and_fits_into_a_cause(function: Interface) -> None:
    kind, answer = function.ask(event("failing", limit=6))
    assert (kind, answer["errorType"]) == ("error", "LokkiFatal")
    record = json.loads(answer["errorMessage"])
    assert record["error_type"] == "ValueError"
    assert record["error_message"].startswith("too many")
    assert "raise ValueError" in record["traceback"]
    assert len(json.dumps(answer)) < CAUSE_LIMIT
    assert len(json.dumps(answer["errorMessage"])) <= CAUSE_CHARS


def test_what_is_no_event_is_an_error_by_name(function: Interface) -> None:
    kind, answer = function.ask({"hello": "world"})
    assert (kind, answer["errorType"]) == ("error", "LokkiFatal")
    assert json.loads(answer["errorMessage"])["error_type"] == "lokki.errors.WireError"
