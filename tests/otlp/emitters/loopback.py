"""One server on loopback: the model that agents ask, and the collector they export to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from tests.otlp.emitters.stub_model import ROUTES

KEPT = {
    "/v1/traces": "traces.binpb",
    "/v1/logs": "logs.binpb",
    "/v1/traces/ingest": "ingest.json",
}
"""What is kept of what is posted, by path: how its file ends."""


class Loopback(ThreadingHTTPServer):
    """A free port, and what was exported to it since the last `taken`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.kept: list[tuple[str, bytes]] = []

    @property
    def url(self) -> str:
        """The address, without a slash at the end."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def taken(self) -> dict[str, bytes]:
        """The bodies of exports in their order, by a name for a file each."""
        kept, self.kept = self.kept, []
        return {f"{number:02}-{ending}": body for number, (ending, body) in enumerate(kept, 1)}


@contextmanager
def serving() -> Iterator[Loopback]:
    """A server, while it is needed."""
    with Loopback() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    server: Loopback
    server_version = "stub"
    sys_version = ""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path = self.path.partition("?")[0]
        if path in KEPT:
            self.server.kept.append((KEPT[path], body))
            self._answer(200, "application/x-protobuf", b"")
        elif path in ROUTES:
            self._reply(*ROUTES[path](json.loads(body)))
        else:
            self._answer(404, "text/plain", f"no {path} here".encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the library's name)
        pass

    def _reply(self, status: int, body: dict[str, Any] | list[dict[str, Any]]) -> None:
        if isinstance(body, dict):
            self._answer(status, "application/json", json.dumps(body).encode())
            return
        events = [*map(json.dumps, body), "[DONE]"]
        stream = "".join(f"data: {event}\n\n" for event in events)
        self._answer(status, "text/event-stream", stream.encode())

    def _answer(self, status: int, media_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
