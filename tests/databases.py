"""Databases for the tests: one for each, on a server shared by the whole session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from threading import Thread
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from commonhold.sql import migrate

T = TypeVar("T")


class Databases:
    """Databases on a running server, each made in milliseconds from a template."""

    def __init__(self, dsn: Callable[[str], str], *, copies_files: bool = False) -> None:
        self.dsn = dsn
        # Cheaper than the default where no log is kept; Postgres 14 does not know the word.
        self._strategy = "STRATEGY FILE_COPY" if copies_files else ""
        self._run_id = uuid4().hex[:12]
        self._migrated: str | None = None
        self._admin = Admin(dsn("postgres"))

    def create(self, template: str = "template1") -> str:
        """The name of a new database."""
        name = f"ch_{self._run_id}_{uuid4().hex[:12]}"
        self._admin.run(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {self._strategy}')
        return name

    def create_migrated(self) -> str:
        """The name of a new database with the current schema; only the first one is migrated."""
        if self._migrated is None:
            template = self.create()
            self._admin.wait_for(migrate.upgrade(self.dsn(template)))
            self._migrated = template
        return self.create(self._migrated)

    def drop(self, name: str) -> None:
        """Remove a database.

        Raises:
            AssertionError: five seconds after its end, the test still holds connections to it.
        """
        try:
            self._admin.run(f'DROP DATABASE "{name}"')
        except asyncpg.ObjectInUseError as error:
            self._admin.run(f'DROP DATABASE "{name}" WITH (FORCE)')
            raise AssertionError(f"the test left connections open: {error.detail}") from None

    def close(self) -> None:
        """Remove the template."""
        if self._migrated is not None:
            self.drop(self._migrated)
        self._admin.close()


class Admin:
    """One connection that makes and removes databases.

    It has a loop and a thread of its own: a fixture may be asked for while the test's loop runs.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._connection: asyncpg.Connection | None = None

    def run(self, statement: str) -> None:
        """Execute a statement."""
        self.wait_for(self._run(statement))

    def wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end in that loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """Close the connection, and end the thread."""
        if self._connection is not None:
            self.wait_for(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _run(self, statement: str) -> None:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self._dsn)
        await self._connection.execute(statement)


def on_server(dsn: str) -> Callable[[str], str]:
    """Turn the address of a server into the addresses of its databases."""
    parts = urlsplit(dsn)
    options = f"?{parts.query}" if parts.query else ""
    return lambda database: f"{parts.scheme}://{parts.netloc}/{database}{options}"
