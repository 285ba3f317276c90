"""An AWS for tests: moto over HTTP, and before it a gate that answers chosen requests with faults."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from lokki_cli.aws.clients import AwsSettings, Clients
from moto.server import ThreadedMotoServer

REGION = "us-east-1"
ACCOUNT = "123456789012"


@dataclass(frozen=True)
class Answer:
    """What the gate answers a request with."""

    code: str
    """AWS's name for the refusal."""
    message: str = "no"
    status: int = 400
    headers: Mapping[str, str] | None = None
    body: bytes | None = None
    """The whole body, instead of an error's."""


class Gate:
    """An HTTP server before another one: requests of `answers` {operation: what it makes of one} never get there.

    An operation is what the request says it is: `DescribeStacks`, and for S3 `GET /bucket/key`. An answer of None
    lets the request pass.
    """

    def __init__(self, behind: str) -> None:
        self.behind = behind
        self.answers: dict[str, Callable[[], Answer | None]] = {}
        self.seen: list[str] = []
        """Every operation, in order."""
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                gate.handle(self)

            def __getattr__(self, name: str) -> Any:
                if name.startswith("do_"):  # GET, PUT, …: all alike
                    return self.answer
                raise AttributeError(name)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def refuse(self, operation: str, code: str, message: str = "no", **more: Any) -> None:
        """Answer every such request with this error."""
        self.answers[operation] = lambda: Answer(code, message, **more)

    def refuse_times(self, times: int, operation: str, code: str, **more: Any) -> None:
        """Answer the first requests of this kind with this error."""
        left = iter(range(times))
        self.answers[operation] = lambda: Answer(code, **more) if next(left, None) is not None else None

    def handle(self, request: Any) -> None:
        """Answer one request, or let the server behind do it."""
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        operation, kind = _operation(request, body)
        self.seen.append(operation)
        answer = self.answers.get(operation, lambda: None)()
        if answer is not None:
            _refuse(request, answer, kind)
        else:
            self.forward(request, body)

    def forward(self, request: Any, body: bytes) -> None:
        """Let the server behind answer a request."""
        connection = HTTPConnection(urlsplit(self.behind).netloc, timeout=60)
        connection.request(request.command, request.path, body or None, dict(request.headers.items()))
        found = connection.getresponse()
        content = found.read()
        request.send_response(found.status)
        for name, value in found.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "connection", "server", "date"):
                request.send_header(name, value)
        length = found.getheader("Content-Length") if request.command == "HEAD" else None
        request.send_header("Content-Length", length or str(len(content)))
        request.end_headers()
        request.wfile.write(content)
        connection.close()


def _operation(request: Any, body: bytes) -> tuple[str, str]:
    """(operation, protocol) of a request."""
    target = request.headers.get("X-Amz-Target")
    if target:
        return target.rpartition(".")[2], "json"
    if request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
        return parse_qs(body.decode())["Action"][0], "query"
    return f"{request.command} {urlsplit(request.path).path}", "s3"


def _refuse(request: Any, answer: Answer, kind: str) -> None:
    content = answer.body if answer.body is not None else _error(answer, kind)
    request.send_response(answer.status)
    for name, value in (answer.headers or {}).items():
        request.send_header(name, value)
    request.send_header("Content-Type", "application/json" if kind == "json" else "text/xml")
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(content)


def _error(answer: Answer, kind: str) -> bytes:
    if kind == "json":
        return json.dumps({"__type": answer.code, "message": answer.message}).encode()
    error = f"<Error><Code>{answer.code}</Code><Message>{answer.message}</Message></Error>"
    whole = error if kind == "s3" else f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"
    return whole.encode()


@contextmanager
def moto() -> Iterator[str]:
    """The URL of a moto server."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@contextmanager
def gate(behind: str) -> Iterator[Gate]:
    """A gate before the server at `behind`."""
    with serving(Gate(behind)) as made:
        yield made


G = TypeVar("G", bound=Gate)


@contextmanager
def serving(made: G) -> Iterator[G]:
    """A gate that is open."""
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def reset(url: str) -> None:
    """Make a moto server forget everything."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request("POST", "/moto-api/reset")
    connection.getresponse().read()
    connection.close()


def clients(url: str) -> Clients:
    """Clients of a server."""
    return Clients(AwsSettings(REGION, endpoint=url))
