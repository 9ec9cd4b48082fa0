"""An issuer's web server: a real one on the loopback address, that serves what it is told to.

It is the API server of a cluster as well, which is asked about tokens.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from commonhold.auth.issuers import Issuer

KEYS = "/keys"
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
DISCOVERY = "/.well-known/openid-configuration"


@dataclass(slots=True)
class Publisher:
    """Serves `pages` as JSON, counts how often it is asked, and answers nobody while `hold` is clear."""

    url: str = ""
    pages: dict[str, Any] = field(default_factory=dict)
    status: str = "200 OK"
    asked: list[str] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    hold: asyncio.Event = field(default_factory=asyncio.Event)

    def issuer(self, **more: Any) -> Issuer:
        """An issuer whose keys are here."""
        usual = {"alias": "main", "issuer": self.url, "audiences": ("commonhold",)}
        return Issuer(**{**usual, "jwks_url": self.url + KEYS, **more})

    def discovery(self, **more: Any) -> Mapping[str, Any]:
        """What the issuer says of itself."""
        return {"issuer": self.url, "jwks_uri": self.url + KEYS, **more}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ")[1]
        self.asked.append(path)
        self.headers.append(head)
        await self.hold.wait()
        length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
        sent = await reader.readexactly(int(length[1])) if length else b""
        page, status = self.pages.get(path, {}), self.status
        if callable(page):
            page, status = page(head, sent)
        body = page if isinstance(page, bytes) else json.dumps(page).encode()
        told = f"HTTP/1.1 {status}\r\nLocation: {self.url}/moved\r\n"
        writer.write(f"{told}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        writer.close()


@dataclass(slots=True)
class Cluster:
    """What an API server knows: who has which token, and the audiences that it is for.

    It takes a token for the audiences that whoever asks is for too, and answers only whoever shows
    `secret`.
    """

    secret: str
    pods: dict[str, tuple[str, set[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def review(self, head: str, sent: bytes) -> tuple[dict[str, Any], str]:
        """The answer to a TokenReview, and its status."""
        if f"authorization: bearer {self.secret}\r\n" not in head.lower():
            return {"kind": "Status", "status": "Failure", "code": 401}, "401 Unauthorized"
        told = json.loads(sent)
        assert (told["kind"], told["apiVersion"]) == ("TokenReview", "authentication.k8s.io/v1")
        token, audiences = told["spec"]["token"], set(told["spec"]["audiences"])
        self.asked.append(token)
        name, held = self.pods.get(token, ("", set()))
        status: dict[str, Any] = {"user": {}, "error": "[invalid bearer token, it is gone]"}
        if both := sorted(held & audiences):
            user = {"username": name, "uid": "1", "groups": ["system:serviceaccounts"]}
            status = {"authenticated": True, "user": user, "audiences": both}
        return {**told, "status": status}, "201 Created"


@asynccontextmanager
async def publisher(**pages: Any) -> AsyncIterator[Publisher]:
    """A publisher of keys."""
    made = Publisher(pages={KEYS: pages.get("keys", {})})
    made.hold.set()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        made.hold.set()
        server.close()
        await server.wait_closed()
