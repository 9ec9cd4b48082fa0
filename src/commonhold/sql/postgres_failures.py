"""Exceptions of asyncpg become errors of our own tree; none escapes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import asyncpg

from commonhold.errors import (
    CommonholdError,
    Conflict,
    Internal,
    InvalidRequest,
    SchemaOutdated,
    StorageFull,
    Unavailable,
)

_LOST = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
GONE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.QueryCanceledError,
    asyncpg.InternalClientError,
)
"""What asyncpg raises when the server cannot be had."""


class Lost(Conflict):
    """Another transaction was faster; the unit may be run again."""


NOT_ALLOWED = (
    "The role with which the database was opened may not do this. Name the URL of the owner of its"
    " tables; what the service's own role may do, `commonhold db secure` gives it again after an"
    " upgrade."
)


def from_postgres(error: Exception) -> CommonholdError:
    """The error of our own that an exception of asyncpg stands for."""
    if isinstance(error, CommonholdError):
        return error
    for kinds, make in _MEANINGS:
        if isinstance(error, kinds):
            return make(error)
    return Internal()


def _taken(error: Any) -> CommonholdError:
    return Conflict(f"The database refused the row: {error.constraint_name} is taken.")


_MEANINGS: Sequence[tuple[tuple[type[Exception], ...], Callable[[Exception], CommonholdError]]] = (
    (_LOST, lambda _: Lost("Other writers were faster again and again. Try again.")),
    ((asyncpg.DiskFullError,), lambda _: StorageFull()),
    ((asyncpg.UniqueViolationError,), _taken),
    (
        (asyncpg.IntegrityConstraintViolationError,),
        lambda _: Conflict("The database refused the row."),
    ),
    ((asyncpg.InsufficientPrivilegeError,), lambda _: Unavailable(NOT_ALLOWED)),
    ((asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError), lambda _: SchemaOutdated()),
    (
        (asyncpg.DataError, UnicodeError, OverflowError),
        lambda _: InvalidRequest("A number or a text is outside of what the database can hold."),
    ),
    (
        (asyncpg.LockNotAvailableError,),
        lambda _: Unavailable("Others are at work on these tables and do not end. Try again."),
    ),
    (
        (asyncpg.InvalidAuthorizationSpecificationError,),
        lambda _: Unavailable("The database refused the login. Check user and password."),
    ),
    (
        (asyncpg.InvalidCatalogNameError,),
        lambda _: Unavailable("The database does not exist on that server. Create it first."),
    ),
    (
        (asyncpg.ReadOnlySQLTransactionError,),
        lambda _: Unavailable("The database is read-only now. Try again."),
    ),
    (
        (asyncpg.exceptions.ClientConfigurationError, ValueError),
        lambda _: InvalidRequest("The database URL cannot be used: check host, port, options."),
    ),
    (GONE, lambda _: Unavailable("The database cannot be reached. Try again.")),
)
"""What each exception means, most specific first."""
