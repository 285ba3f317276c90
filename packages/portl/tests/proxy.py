"""A TCP proxy before a database that cuts connections where a test says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Literal, Self

Verdict = Literal["pass", "cut", "pass_and_cut"]
COMMIT = b"COMMIT\0"


class Proxy:
    """Listens on a port of its own and passes bytes to a Unix socket. Use it as a context manager."""

    def __init__(self, target: str, judge: Callable[[bytes], Verdict]) -> None:
        self._target = target
        self._judge = judge
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.refuses = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                if self.refuses:
                    client.close()
                    continue
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._target)
                threading.Thread(target=self._up, args=(client, server), daemon=True).start()
                threading.Thread(target=self._down, args=(server, client), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        verdict: Verdict = "cut"
        with suppress(OSError):
            while data := client.recv(65536):
                verdict = self._judge(data)
                if verdict != "pass":  # before the server can answer
                    client.shutdown(socket.SHUT_RDWR)
                    client.close()
                if verdict != "cut":
                    server.sendall(data)
                if verdict != "pass":
                    break
        with suppress(OSError):
            # The rest of what was sent is still read; closing alone would not end the other thread's waiting.
            server.shutdown(socket.SHUT_RDWR if verdict == "cut" else socket.SHUT_WR)

    @staticmethod
    def _down(server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                with suppress(OSError):  # of a client that was cut; the server is listened to till its end
                    client.sendall(data)
        server.close()
        with suppress(OSError):
            client.close()
