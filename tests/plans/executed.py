"""What a store sent to its database, and how that database would go about it."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import pytest

from commonhold import sql
from commonhold.sql.dialect import DialectName
from commonhold.sql.migrate import upgrade
from commonhold.sql.statement import Command, Compiled, load
from tests.plans import tour

NOT_OURS = {"(subquery-1)", "CONSTANT", "json_each"}
"""What a plan of SQLite names that is no table."""

COPIES = 60
"""How often the settled rows are multiplied: thousands of each kind."""

IDS = {
    *("session_id", "trace_id", "feedback_id", "parent_session_id", "emitter", "instance"),
    *("webhook_id", "delivery_id", "key_id", "binding_id", "subject"),
}
MADE = {"text_id", "job_id", "due_id"}
"""Ids that the database makes."""

TIMES = {"created_at", "started_at", "session_at"}
LATER = {"due_at"}
"""What the copies of a table have a little later."""
TABLES = (
    "session",
    "message",
    "session_event",
    "session_request",
    "participant",
    "session_label",
    "message_text",
    "trace",
    "trace_part",
    "span",
    "span_log",
    "span_emitter",
    "span_text",
    "trace_label",
    "trace_agent",
    "agent_instance",
    "span_job",
    "feedback",
    "feedback_text",
    "feedback_due",
    "webhook",
    "webhook_due",
    "webhook_delivery",
    "api_key",
    "agent_binding",
)


@dataclass(frozen=True, slots=True)
class Sent:
    """One shape of a named statement as it was sent, with the values of one call."""

    name: str
    compiled: Compiled
    args: Mapping[str, Any]
    writes: bool

    @property
    def text(self) -> str:
        """The SQL."""
        return self.compiled.text


@dataclass(frozen=True, slots=True)
class Step:
    """One access to a table: how, through which index, and how many rows came of it."""

    table: str
    access: str
    index: str | None
    rows: int = 0


class Database(Protocol):
    """A full database whose plans can be looked at."""

    dialect: DialectName
    sent: tuple[Sent, ...]

    def steps(self, sent: Sent) -> list[Step]:
        """How the database accesses its tables for a statement."""

    def sorts(self, sent: Sent) -> bool:
        """Whether it sorts rows by itself, because no index has them in order."""


@contextmanager
def recorded(dialect: DialectName) -> Iterator[list[Sent]]:
    """Every statement a store of this dialect sends meanwhile."""
    owners = {
        id(command): statement
        for statement in load().values()
        for command in statement.commands[dialect]
    }
    sent: list[Sent] = []
    shape = Command.shape

    def recording(self: Command, args: Mapping[str, Any], bulk: int = 1) -> Compiled:
        compiled = shape(self, args, bulk)
        if id(self) in owners:
            statement = owners[id(self)]
            sent.append(Sent(statement.name, compiled, dict(args), statement.writes))
        return compiled

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Command, "shape", recording)
        yield sent


async def fill(url: str, dialect: DialectName) -> tuple[Sent, ...]:
    """Settle a database, multiply its rows, and record what every call of the contract sends."""
    options = sql.SqlOptions(forwards=True)
    async with await sql.open_backend(url, options=options) as backend:
        await tour.settle(backend)
        await backend.database.write(multiply)
        with recorded(dialect) as sent:
            await tour.visit(backend)
    return tuple({(item.name, item.text): item for item in sent}.values())


async def multiply(tx: Any) -> None:
    """Copy the rows of every table under other ids and times; triggers count what they count."""
    numbers = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {})"
    for table in TABLES:
        columns = [name for name in await columns_of(tx, table) if name not in MADE]
        values = ", ".join(copied(name) for name in columns)
        await tx.script(
            f"INSERT INTO {table} ({', '.join(columns)}) {numbers.format(COPIES)} "
            f"SELECT {values} FROM {table}, n;\nANALYZE {table};\n"
        )  # analysed at once: triggers of the next table look here, once for each of its rows
    await tx.script(
        "UPDATE feedback_due SET due_at = due_at + 4000000000000000 WHERE due_at > 0;\n"
    )
    if not isinstance(tx, sql.connection.SqliteTx):
        await tx.query(CLEAN)
    await tx.script("ANALYZE;\n")


async def columns_of(tx: Any, table: str) -> list[str]:
    """The columns of a table, asked of an empty result."""
    rows = await tx.query(
        f"SELECT name FROM pragma_table_info('{table}')"
        if isinstance(tx, sql.connection.SqliteTx)
        else "SELECT attname FROM pg_attribute "
        f"WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped"
    )
    return [row[0] for row in rows]


def copied(column: str) -> str:
    """The value of a column in the n-th copy of a row."""
    if column in IDS:
        return f"{column} || '-' || n"
    if column in LATER:
        return f"{column} + n"
    return f"{column} + n * 7200000000" if column in TIMES else column


CLEAN = """
SELECT gin_clean_pending_list(i.indexrelid) FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
WHERE a.amname = 'gin' AND c.relkind = 'i'
"""
"""What waits to be put into full-text indexes makes a plan look dear that is not."""


class Sqlite:
    """A SQLite file."""

    dialect: DialectName = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._path = folder / "plans.db"
        self.sent = asyncio.run(fill(f"sqlite:///{self._path}", "sqlite"))

    def analysed(self, folder: Path, fewer: frozenset[str]) -> dict[str, list[str]]:
        """Lines of every plan after somebody ran ANALYZE: there are millions, or of some fewer."""
        path = shutil.copy(self._path, folder / "analysed.db")
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("ANALYZE")
            kept = connection.execute("SELECT rowid, tbl, stat FROM sqlite_stat1").fetchall()
            for number, table, stat in kept:
                rows = 200_000 if table in fewer else 10_000_000
                told = f"{rows} " * stat.count(" ") + "1"  # only the whole key finds few
                connection.execute(
                    "UPDATE sqlite_stat1 SET stat = ? WHERE rowid = ?", (told, number)
                )
        with closing(sqlite3.connect(path)) as connection:
            return {each.text: _plan(connection, each) for each in self.sent}

    def unanalysed(self, folder: Path) -> dict[str, list[str]]:
        """Lines of every plan by name, in a file that nobody analysed: as a service has it."""
        fresh, path = folder / "fresh.db", shutil.copy(self._path, folder / "unanalysed.db")
        asyncio.run(upgrade(f"sqlite:///{fresh}"))
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("DELETE FROM sqlite_stat1")
            connection.execute("ATTACH ? AS fresh", (str(fresh),))
            connection.execute("INSERT INTO sqlite_stat1 SELECT * FROM fresh.sqlite_stat1")
        found: dict[str, list[str]] = {}
        with closing(sqlite3.connect(path)) as connection:
            for each in self.sent:
                found.setdefault(each.name, []).extend(_plan(connection, each))
        return found

    def steps(self, sent: Sent) -> list[Step]:
        """`SEARCH table USING INDEX ...`; anything else of a table is a scan."""
        lines = [line.split() for line in self._lines(sent)]
        made = {words[1] for words in lines if words[0] in {"MATERIALIZE", "CO-ROUTINE"}}
        return [
            Step(
                words[1],
                "SEARCH" if "VIRTUAL" in words else words[0],
                words[words.index("INDEX") + 1] if "INDEX" in words else None,
            )
            for words in lines
            if words[0] in {"SEARCH", "SCAN"} and words[1] not in made | NOT_OURS
        ]

    def sorts(self, sent: Sent) -> bool:
        """A temporary B-tree for ORDER BY."""
        return any("TEMP B-TREE FOR ORDER BY" in line for line in self._lines(sent))

    def _lines(self, sent: Sent) -> list[str]:
        with closing(sqlite3.connect(self._path)) as connection:
            return _plan(connection, sent)


def _plan(connection: sqlite3.Connection, sent: Sent) -> list[str]:
    nothing = (None,) * len(sent.compiled.names)
    rows = connection.execute(f"EXPLAIN QUERY PLAN {sent.text}", nothing).fetchall()
    return [row[3] for row in rows]


class Postgres:
    """A Postgres database."""

    dialect: DialectName = "postgres"

    def __init__(self, url: str, sent: tuple[Sent, ...] = ()) -> None:
        self._url = url
        self.sent = sent or asyncio.run(fill(url, "postgres"))
        self._empty = asyncio.run(self._without_rows())

    async def _without_rows(self) -> set[str]:
        """Partitions of other days: that nothing is in them needs no index to be seen."""
        connection = await asyncpg.connect(self._url)
        rows = await connection.fetch(
            "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' "
            "AND pg_relation_size(oid) = 0"
        )
        await connection.close()
        return {row[0] for row in rows}

    def steps(self, sent: Sent) -> list[Step]:
        """Scan nodes that name a table, wherever they are in the tree."""
        return [
            Step(
                node["Relation Name"],
                node["Node Type"],
                node.get("Index Name"),
                round(node.get("Actual Rows", 0) * node.get("Actual Loops", 0)),
            )
            for node in self._nodes(sent)
            if "Relation Name" in node
            and node["Node Type"] != "ModifyTable"
            and node["Relation Name"] not in self._empty
        ]

    def sorts(self, sent: Sent) -> bool:
        """A sort node."""
        return any("Sort" in node["Node Type"] for node in self._nodes(sent))

    def _nodes(self, sent: Sent) -> list[dict[str, Any]]:
        return list(nodes(asyncio.run(self._explain(sent))))

    async def _explain(self, sent: Sent) -> dict[str, Any]:
        connection = await asyncpg.connect(self._url)
        work = connection.transaction()
        await work.start()
        try:
            values = sent.compiled.values(sent.args)
            # What writes has written already, and is not run again.
            explain = f"EXPLAIN (ANALYZE {not sent.writes}, FORMAT JSON) {sent.text}"
            plan = await connection.fetchval(explain, *values)
        finally:
            await work.rollback()
            await connection.close()
        top: dict[str, Any] = json.loads(plan)[0]["Plan"]
        return top


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan and everything below it."""
    yield node
    for below in node.get("Plans", ()):
        yield from nodes(below)
