"""An audit log on each database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from commonhold.sql import SqlBackend, open_backend


@pytest.fixture(params=["sqlite", "postgres"])
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqlBackend]:
    """A database of each kind."""
    url = f"sqlite:///{tmp_path}/audit.db"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
    async with await open_backend(url) as opened:
        yield opened
