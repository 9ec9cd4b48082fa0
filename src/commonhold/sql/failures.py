"""Driver exceptions become errors of our own tree; none escapes."""

from __future__ import annotations

import sqlite3

from commonhold.errors import (
    CommonholdError,
    Conflict,
    Internal,
    InvalidRequest,
    SchemaOutdated,
    StorageFull,
    Unavailable,
)

_FULL = {sqlite3.SQLITE_FULL}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_STORAGE = {
    sqlite3.SQLITE_IOERR: "the storage reported an I/O error",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
    sqlite3.SQLITE_READONLY: "the file or its folder is read-only",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; run `commonhold db verify`",
    sqlite3.SQLITE_NOTADB: "the file is not a SQLite database",
}


def from_sqlite(error: Exception) -> CommonholdError:
    """The error of our own that an exception of `sqlite3` stands for."""
    if isinstance(error, CommonholdError):
        return error
    if isinstance(error, OverflowError | UnicodeError):
        return InvalidRequest("A number or a text is outside of what the database can hold.")
    if isinstance(error, sqlite3.IntegrityError):
        return Conflict(f"The database refused the row: {error}.")
    if isinstance(error, sqlite3.DataError):
        return InvalidRequest(f"The database refused a value: {error}.")
    if isinstance(error, sqlite3.Error):
        return _from_code(error)
    return Internal()


def _from_code(error: sqlite3.Error) -> CommonholdError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _FULL:
        return StorageFull()
    if code in _BUSY:
        return Unavailable("The database is busy with another process. Try again.")
    if code in _STORAGE:
        return Unavailable(f"The SQLite database cannot be used: {_STORAGE[code]}.")
    if "no such table" in str(error) or "no such column" in str(error):
        return SchemaOutdated()
    return Internal()
