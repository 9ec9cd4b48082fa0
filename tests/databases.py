"""Databases for the tests: one for each, on a server shared by the whole session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
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

    def create(self, template: str = "template1") -> str:
        """The name of a new database."""
        name = f"ch_{self._run_id}_{uuid4().hex[:12]}"
        self._admin(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {self._strategy}')
        return name

    def create_migrated(self) -> str:
        """The name of a new database with the current schema; only the first one is migrated."""
        if self._migrated is None:
            template = self.create()
            _in_own_loop(migrate.upgrade(self.dsn(template)))
            self._migrated = template
        return self.create(self._migrated)

    def drop(self, name: str) -> None:
        """Remove a database.

        Raises:
            AssertionError: five seconds after its end, the test still holds connections to it.
        """
        try:
            self._admin(f'DROP DATABASE "{name}"')
        except asyncpg.ObjectInUseError as error:
            self._admin(f'DROP DATABASE "{name}" WITH (FORCE)')
            raise AssertionError(f"the test left connections open: {error.detail}") from None

    def close(self) -> None:
        """Remove the template."""
        if self._migrated is not None:
            self.drop(self._migrated)

    def _admin(self, statement: str) -> None:
        _in_own_loop(_execute(self.dsn("postgres"), statement))


def on_server(dsn: str) -> Callable[[str], str]:
    """Turn the address of a server into the addresses of its databases."""
    parts = urlsplit(dsn)
    options = f"?{parts.query}" if parts.query else ""
    return lambda database: f"{parts.scheme}://{parts.netloc}/{database}{options}"


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _in_own_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end in another thread: a fixture may be asked for while the test's loop runs."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
