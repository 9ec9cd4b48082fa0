"""The session stores agents use today, as their own documentation uses them.

Runs in the environment of `bench/peers.txt`. What is imported from there is not known to the
environment that checks types, so that it is imported by name.
"""

from __future__ import annotations

import importlib
import time
from typing import Any

from bench.curve.worker import Keeper, Messages

APP, USER = "bench", "somebody"
POSTGRES, SQLITE = "postgresql://", "sqlite:///"


class Fipsagents(Keeper):
    """One row for each session, and in it the whole list."""

    def __init__(self, backend: str, database: str) -> None:
        module = importlib.import_module("fipsagents.server.sessions")
        where = {"sqlite_path": database.removeprefix(SQLITE)}
        if backend == "postgres":
            where = {"database_url": database}
        self._store = module.create_session_store(backend, **where)
        self._held: dict[str, Messages] = {}

    async def open(self) -> None:
        # One first use on its own: several at once do not end.
        await self._store.load("nobody")

    async def fill(self, session: str, messages: Messages) -> None:
        self._held[session] = []
        await self.add(session, messages)

    async def add(self, session: str, new: Messages) -> None:
        self._held[session] += new
        await self._store.save(session, self._held[session])

    async def read(self, session: str) -> int:
        return len(await self._store.load(session))

    async def close(self) -> None:
        await self._store.close()


class OpenAIAgents(Keeper):
    """One row for each item, on an engine that all sessions share."""

    def __init__(self, database: str) -> None:
        asyncio = importlib.import_module("sqlalchemy.ext.asyncio")
        self._engine = asyncio.create_async_engine(sqlalchemy_url(database))
        self._kind = importlib.import_module("agents.extensions.memory").SQLAlchemySession
        self._held: dict[str, Any] = {}

    async def open(self) -> None:
        await self._session("nobody").get_items()

    async def fill(self, session: str, messages: Messages) -> None:
        self._held[session] = self._session(session)
        await self.add(session, messages)

    async def add(self, session: str, new: Messages) -> None:
        await self._held[session].add_items(new)

    async def read(self, session: str) -> int:
        return len(await self._held[session].get_items())

    async def close(self) -> None:
        await self._engine.dispose()

    def _session(self, session: str) -> Any:
        return self._kind(session, engine=self._engine, create_tables=True)


class GoogleAdk(Keeper):
    """One row for each event; a runner holds the session that it got at the start of a turn."""

    def __init__(self, database: str) -> None:
        module = importlib.import_module("google.adk.sessions.database_session_service")
        self._service = module.DatabaseSessionService(sqlalchemy_url(database))
        self._event = importlib.import_module("google.adk.events").Event
        self._types = importlib.import_module("google.genai.types")
        self._held: dict[str, Any] = {}

    async def open(self) -> None:
        await self._service.prepare_tables()

    async def fill(self, session: str, messages: Messages) -> None:
        """Write the rows of the events that `append_event` would, in one transaction."""
        names = {"app_name": APP, "user_id": USER, "session_id": session}
        made = await self._service.create_session(**names)
        schema = self._service._get_schema_classes()  # noqa: SLF001
        start = time.time() - len(messages) / 1000
        async with self._service.database_session_factory() as transaction:
            for number, message in enumerate(messages):
                event = self._of(message, start + number / 1000)
                transaction.add(schema.StorageEvent.from_event(made, event))
            await transaction.commit()
        await self.read(session)

    async def add(self, session: str, new: Messages) -> None:
        for message in new:
            await self._service.append_event(self._held[session], self._of(message, time.time()))

    async def read(self, session: str) -> int:
        found = await self._service.get_session(app_name=APP, user_id=USER, session_id=session)
        self._held[session] = found
        return len(found.events)

    async def close(self) -> None:
        await self._service.close()

    def _of(self, message: dict[str, Any], at: float) -> Any:
        role = "user" if message["role"] == "user" else "model"
        parts = [self._types.Part(text=message["content"])]
        content = self._types.Content(role=role, parts=parts)
        return self._event(author=role, invocation_id="turn", content=content, timestamp=at)


def sqlalchemy_url(database: str) -> str:
    """The address with the asynchronous driver named."""
    named = database.replace(POSTGRES, "postgresql+asyncpg://", 1)
    return named.replace(SQLITE, "sqlite+aiosqlite:///", 1)


def keepers(setup: dict[str, Any]) -> dict[str, Keeper]:
    """Those of this environment by name."""
    databases = setup["databases"]
    return {
        "fipsagents": Fipsagents(setup["backend"], databases["fipsagents"]),
        "openai-agents": OpenAIAgents(databases["openai-agents"]),
        "google-adk": GoogleAdk(databases["google-adk"]),
    }
