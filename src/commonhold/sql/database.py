"""What the stores ask of a driver. Both drivers keep exactly this promise."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from commonhold.errors import Internal
from commonhold.sql.statement import Statement

T = TypeVar("T")
Row = Sequence[Any]


def certain(row: Row | None, why: str) -> Row:
    """A row that must be there.

    Raises:
        Internal: it is not; `why` says what was believed.
    """
    if row is None:
        raise Internal(f"A row is missing that cannot be: {why}.")
    return row


class Tx(Protocol):
    """Statements inside a unit of work.

    A unit awaits nothing but its `tx`: on SQLite it is driven to its end inside the writer thread.
    """

    async def one(self, statement: Statement, /, **args: Any) -> Row | None:
        """The first row, or None."""

    async def all(self, statement: Statement, /, **args: Any) -> Sequence[Row]:
        """Every row."""

    async def run(self, statement: Statement, /, **args: Any) -> int:
        """Execute; the number of rows changed."""

    async def many(
        self, statement: Statement, rows: Sequence[Sequence[Any]], /, **args: Any
    ) -> int:
        """Execute over bulk rows, in the order of the statement's `rows`; rows changed."""

    async def compound(
        self, statement: Statement, rows: Sequence[Sequence[Any]], /, **args: Any
    ) -> Row | None:
        """Execute a statement whose first part decides: its row and the bulk insert, or None."""

    async def script(self, text: str, /) -> None:
        """Execute the commands of a migration."""

    async def query(self, text: str, /, *values: Any) -> Sequence[Row]:
        """Rows of a command that is not a named statement: introspection and migrations."""


Unit = Callable[[Tx], Awaitable[T]]

FEW = 200
"""Rows by an index that are few: read in well under a millisecond."""


class Listener(Protocol):
    """What hears other processes until it is closed."""

    async def aclose(self) -> None:
        """Stop."""


class Database(Protocol):
    """A database: statements of their own, and units of work.

    Every method raises only `commonhold.errors`, whatever the driver raised. `few_rows` is the
    most rows that are read at once where a longer read would hold up others. `writers` is how many
    bulk writes go on at once with profit. `has_partitions` says that spans are kept in one table for
    each day, and the audit log in one for each month. `has_neighbours` says
    that other processes can be told something (`notify`), and heard (`listen`); `look_every_s` is
    how often to look, in seconds, for what was not heard.
    """

    few_rows: int
    writers: int
    has_partitions: bool
    has_neighbours: bool
    look_every_s: float

    def within(self, tenant: str, /) -> Database:
        """The same database for the work of one tenant.

        Where a wall stands between tenants, the database itself then keeps rows of any other
        from being seen and written; elsewhere it is the whole database, and statements choose.
        """

    async def one(self, statement: Statement, /, **args: Any) -> Row | None:
        """The first row of one statement, or None; committed when it writes."""

    async def all(self, statement: Statement, /, **args: Any) -> Sequence[Row]:
        """Every row of one reading statement."""

    async def few(self, statement: Statement, /, **args: Any) -> Sequence[Row]:
        """The rows of a reading statement whose work the caller knows to be small.

        SQLite answers on the event loop, without a hop to a thread.
        """

    async def run(self, statement: Statement, /, **args: Any) -> int:
        """One writing statement, committed; the number of rows changed."""

    async def write(self, unit: Unit[T], /) -> T:
        """A unit of work in one transaction, committed when it returns."""

    async def read(self, unit: Unit[T], /) -> T:
        """A unit that only reads, in one consistent view."""

    async def optimistic(self, unit: Unit[T], /) -> T:
        """A unit whose statements are each atomic by themselves and guard themselves.

        SQLite runs it like any unit; Postgres spares the round trips of BEGIN and COMMIT.
        """

    async def check(self) -> None:
        """Return when the database answers.

        Raises:
            Unavailable: it does not.
        """

    async def notify(self, text: str, /) -> None:
        """Tell every process that listens, this one too. Less than 8000 bytes."""

    def listen(self, heard: Callable[[str | None], None], /) -> Listener:
        """Call `heard` with every text that a process tells, and with None after a gap."""

    def stats(self) -> Mapping[str, float]:
        """Numbers for `/metrics`: queue depth, pool size, rows written."""

    async def aclose(self) -> None:
        """Finish queued work, then close."""
