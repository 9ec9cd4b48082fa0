"""How much an agent sent today, counted in memory and written down every few seconds.

Every process adds what it took to one row for each agent, and reads there what all took together.
So a limit holds for all of them, but for what they take between two such times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from commonhold.errors import QuotaExceeded
from commonhold.model import clock
from commonhold.model.clock import Clock
from commonhold.sql.database import Database
from commonhold.sql.statement import statement

ADD = statement("add_usage")
GET = statement("get_usage")
PRUNE = statement("prune_usage")

KEPT_DAYS = 40
_DAY = 86_400_000_000
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class DailyLimits:
    """What one agent may send on a UTC day: spans, and bytes of spans. 0 is no limit."""

    spans: int = 0
    trace_bytes: int = 0

    def __bool__(self) -> bool:
        """Whether there is a limit at all."""
        return bool(self.spans or self.trace_bytes)


class _Key(NamedTuple):
    tenant: str
    day: int
    agent: str


@dataclass(slots=True)
class _Used:
    """What all processes took, and what of it this one has not written down yet."""

    spans: int = 0
    size: int = 0
    new_spans: int = 0
    new_size: int = 0


class Meter:
    """What agents sent today."""

    def __init__(self, database: Database, limits: DailyLimits, now: Clock = clock.now) -> None:
        self._db = database
        self._limits = limits
        self._now = now
        self._used: dict[_Key, _Used] = {}
        self._pruned = 0

    def check(self, tenant: str, agent: str) -> None:
        """Let an agent send more.

        Raises:
            QuotaExceeded: it has sent what it may send today.
        """
        now = self._now()
        used = self._used.setdefault(_Key(tenant, now // _DAY, agent), _Used())
        for name, most, so_far in (
            ("spans", self._limits.spans, used.spans),
            ("bytes of spans", self._limits.trace_bytes, used.size),
        ):
            if most and so_far >= most:
                after_s = (_DAY - now % _DAY) // _SECOND + 1
                raise QuotaExceeded(
                    f"This agent has sent {most:,} {name} today, which is all it may. Nothing was"
                    " kept; the next day begins at midnight UTC.",
                    retry_after_s=after_s,
                )

    def add(self, tenant: str, agent: str, spans: int, size: int) -> None:
        """Count what was committed."""
        key = _Key(tenant, self._now() // _DAY, agent)
        used = self._used.setdefault(key, _Used())
        used.spans += spans
        used.size += size
        used.new_spans += spans
        used.new_size += size

    async def flush(self) -> None:
        """Write down what is new, and read what others took."""
        today = self._now() // _DAY
        for key, used in [*self._used.items()]:
            await self._exchange(key, used)
            if key.day < today and not (used.new_spans or used.new_size):
                del self._used[key]
        if self._pruned < today:
            await self._db.run(PRUNE, before=today - KEPT_DAYS)
            self._pruned = today

    async def _exchange(self, key: _Key, used: _Used) -> None:
        spans, size = used.new_spans, used.new_size
        own = self._db.within(key.tenant)
        if spans or size:
            row = await own.one(ADD, **key._asdict(), spans=spans, bytes=size)
        else:
            row = await own.one(GET, **key._asdict())
        told = (0, 0) if row is None else (row[0], row[1])
        # What came meanwhile is not in it yet.
        used.new_spans -= spans
        used.new_size -= size
        used.spans, used.size = told[0] + used.new_spans, told[1] + used.new_size
