"""Commonhold, over HTTP and in process, and the compared service, as an agent would use them."""

from __future__ import annotations

import json
from typing import Any

import httpx2

import commonhold
from bench.curve.worker import Keeper, Messages
from commonhold.contract.stores import Stores


class Service(Keeper):
    """A service that is appended to."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Any = None

    async def open(self) -> None:
        self._client = httpx2.AsyncClient(base_url=self._url, timeout=120, trust_env=False)

    async def fill(self, session: str, messages: Messages) -> None:
        await self._send("PUT", f"/v1/sessions/{session}", messages)

    async def add(self, session: str, new: Messages) -> None:
        await self._send("POST", f"/v1/sessions/{session}/messages", new)

    async def read(self, session: str) -> int:
        answer = await self._client.get(f"/v1/sessions/{session}")
        answer.raise_for_status()
        return len(answer.json()["messages"])

    async def close(self) -> None:
        await self._client.aclose()

    async def _send(self, method: str, path: str, messages: Messages) -> None:
        answer = await self._client.request(method, path, json={"messages": messages})
        answer.raise_for_status()


class ServiceOfLists(Service):
    """A service that gets the whole list each time."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._held: dict[str, Messages] = {}

    async def fill(self, session: str, messages: Messages) -> None:
        self._held[session] = messages
        await super().fill(session, messages)

    async def add(self, session: str, new: Messages) -> None:
        self._held[session] += new
        await self._send("PUT", f"/v1/sessions/{session}", self._held[session])


class ServiceOfBodies(ServiceOfLists):
    """A service that gets the whole list each time, in a body that is encoded beforehand."""

    _body = b""

    def prepare(self, session: str, new: Messages) -> None:
        self._held[session] += new
        self._body = json.dumps({"messages": self._held[session]}).encode()

    async def add(self, session: str, new: Messages) -> None:
        headers = {"Content-Type": "application/json"}
        path = f"/v1/sessions/{session}"
        answer = await self._client.put(path, content=self._body, headers=headers)
        answer.raise_for_status()


class InProcess(Keeper):
    """Stores of this process that are appended to."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stores: Stores | None = None

    @property
    def stores(self) -> Stores:
        """The stores, which must be open."""
        assert self._stores is not None
        return self._stores

    async def open(self) -> None:
        self._stores = await commonhold.connect(self._url, agent="bench")

    async def fill(self, session: str, messages: Messages) -> None:
        await self.stores.sessions.put(session, texts(messages))

    async def add(self, session: str, new: Messages) -> None:
        await self.stores.sessions.append(session, texts(new))

    async def read(self, session: str) -> int:
        return len((await self.stores.sessions.history(session)).messages)

    async def close(self) -> None:
        await self.stores.aclose()


class InProcessLists(InProcess):
    """Stores of this process that get the whole list each time."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._held: dict[str, Messages] = {}

    async def fill(self, session: str, messages: Messages) -> None:
        self._held[session] = messages
        await super().fill(session, messages)

    async def add(self, session: str, new: Messages) -> None:
        self._held[session] += new
        await self.stores.sessions.put(session, texts(self._held[session]))


def texts(messages: Messages) -> list[str]:
    """Each message as JSON."""
    return [json.dumps(message) for message in messages]


def keepers(setup: dict[str, Any]) -> dict[str, Keeper]:
    """Those of this environment by name."""
    urls, databases = setup["urls"], setup["databases"]
    return {
        "append": Service(urls["append"]),
        "put": ServiceOfLists(urls["put"]),
        "put-body": ServiceOfBodies(urls["put"]),
        "fipsagents-body": ServiceOfBodies(urls["fipsagents-body"]),
        "process": InProcess(databases["process"]),
        "process-put": InProcessLists(databases["process-put"]),
    }
