"""An HTTP server that does what a test tells it, and remembers what it was asked."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Any, Self


@dataclass(frozen=True)
class Asked:
    """A request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in small letters."""
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What the server says."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    wait_s: float = 0.0
    """Before the answer begins."""
    drip_s: float = 0.0
    """Between its bytes."""
    head_drip_s: float = 0.0
    """Between the bytes of an endless header."""
    size: int | None = None
    """Send so many bytes, made as they are sent, instead of the body."""
    cut: bool = False
    """Close the connection instead of answering."""


Answers = Callable[[Asked], Answer]


class Server:
    """Use it as a context manager."""

    def __init__(self, answer: Answers = lambda asked: Answer(), *, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        self.under_way = 0
        self.most_under_way = 0
        self.answer = answer
        self.ended = threading.Event()
        self.sent = 0
        """Bytes of answers with a size."""
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()

    def answered(self, asked: Asked) -> Answer:
        with self._lock:
            self.asked.append(asked)
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            answer = self.answer(asked)
            self.ended.wait(answer.wait_s)
            return answer
        finally:
            with self._lock:
                self.under_way -= 1


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = server.answered(Asked(self.command, self.path, headers, self.rfile.read(length)))
            if answer.cut:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            self._send(answer)

        def _send(self, answer: Answer) -> None:
            if answer.head_drip_s:
                self.close_connection = True
                _drip(server, self.wfile, answer.head_drip_s)
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(answer.size or len(answer.body)))
            self.end_headers()
            try:
                _write(server, self.wfile, answer)
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            return None

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = handle_any  # noqa: N815  # the library's names

    return Handler


def _drip(server: Server, file: BufferedIOBase, seconds: float) -> None:
    """Send a header that does not end."""
    with suppress(OSError):
        file.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not server.ended.wait(seconds):
            file.write(b"x")
            file.flush()


def _write(server: Server, file: BufferedIOBase, answer: Answer) -> None:
    """Send an answer's body."""
    if answer.size is not None:
        piece = b"7" * 100_000
        for first in range(0, answer.size, len(piece)):
            server.sent += file.write(piece[: answer.size - first])
    elif answer.drip_s:
        for byte in answer.body:
            file.write(bytes([byte]))
            file.flush()
            time.sleep(answer.drip_s)  # noqa: TID251  # a slow server is what is tested
    else:
        file.write(answer.body)


def in_turn(*answers: Answer) -> Answers:
    """The answers one after the other, the last for ever."""
    left = list(answers)
    lock = threading.Lock()

    def answer(asked: Asked) -> Answer:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return answer
