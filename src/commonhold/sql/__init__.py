"""The one SQL implementation of the contract, over SQLite and Postgres."""

from __future__ import annotations

from commonhold.sql.backend import SqlBackend, SqlOptions, open_backend

__all__ = ["SqlBackend", "SqlOptions", "open_backend"]
