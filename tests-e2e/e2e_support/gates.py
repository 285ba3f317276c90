"""Places where a step waits until a test lets it go on: URLs that answer when they are opened.

So that a test ends a container at a known point of its work, without measuring time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATIENCE_S = 300
"""How long a test waits for what has to come; beyond it the test fails."""


@dataclass
class Gate:
    """One gate. It is closed until it is opened, then open for good."""

    arrivals: int = 0
    """How often somebody has stood before it."""
    is_open: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)

    def await_arrivals(self, count: int) -> None:
        """Wait until so many have come."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.arrivals >= count, PATIENCE_S), f"{self.arrivals} of {count} came"

    def open(self) -> None:
        """Let everybody through, now and later."""
        with self.changed:
            self.is_open = True
            self.changed.notify_all()

    def stand(self) -> None:
        """Wait before it, as a step does."""
        with self.changed:
            self.arrivals += 1
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.is_open, PATIENCE_S)


@dataclass
class Gates:
    """All gates of a test, by name."""

    url: str
    """What a gate's name is appended to."""
    known: dict[str, Gate] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __getitem__(self, name: str) -> Gate:
        with self.lock:
            return self.known.setdefault(name, Gate())


@contextmanager
def gates(address: str) -> Iterator[Gates]:
    """Gates at a free port of `address`; all are open at the end."""
    server = _Server((address, 0), _Handler)
    server.gates = Gates(f"http://{address}:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.gates
    finally:
        for gate in list(server.gates.known.values()):
            gate.open()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    gates: Gates
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever stood here may be dead by now."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:  # the name http.server asks for
        """Answer when the gate is open."""
        self.server.gates[self.path.strip("/")].stand()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
