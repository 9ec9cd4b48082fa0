"""Lists of traces: each by the index that leads to its page; and what agents did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from commonhold.errors import NotFound
from commonhold.model import clock, ids, opaque
from commonhold.model.agent import Agent, AgentInstance, AgentQuery
from commonhold.model.page import Key, Page, check_window, decode_cursor, page_of
from commonhold.model.scope import Scope
from commonhold.model.span_words import attribute_terms
from commonhold.model.summary import label
from commonhold.model.trace import NANO, TraceQuery, TraceSummary, check_query
from commonhold.model.words import search_terms
from commonhold.sql import rows, trace_search
from commonhold.sql.database import FEW, Database, Row, Tx, certain
from commonhold.sql.feedback_turns import Turns
from commonhold.sql.scope import part_label
from commonhold.sql.span_index import SpanIndex
from commonhold.sql.statement import Statement, statement

LIST = statement("list_traces")
LABELLED = statement("list_traces_labelled")
BY_DURATION = statement("list_traces_by_duration")
BY_COST = statement("list_traces_by_cost")
RANKED = statement("rank_traces_labelled")
GET = statement("get_trace")
OF_SESSION = statement("list_session_traces")
AGENTS = statement("list_agents")
AGENT_STATS = statement("agent_stats")

_LABELS = ("agent", "tool", "tag", "model", "environment", "kind")
"""Filters that are labels, the one that most likely finds least first."""

_KEYS: dict[str, Callable[[Row], Key]] = {
    "time": lambda row: (row[1], row[0]),
    "duration": lambda row: (row[6], row[0]),
    "cost": lambda row: (row[19], row[0]),
}
"""By the row: a summary holds a duration in milliseconds, which may not be the same to the last bit."""


class TraceLists:
    """`list` and `agents`."""

    def __init__(self, database: Database, scope: Scope, index: SpanIndex) -> None:
        self._db = database
        self._tenant = scope.tenant
        self._only = scope.only
        self._part = part_label(scope.only)
        self._index = index
        self._turns = Turns(database)

    async def list(self, query: TraceQuery = TraceQuery(), /) -> Page[TraceSummary]:
        check_window(query.limit, query.offset)
        check_query(query)
        at, last = decode_cursor(query.cursor) if query.cursor else (None, None)
        source, by = _source(query, self._part)
        if source is trace_search.ALL:
            await self._index.catch_up()
        if query.feedback is not None:
            await self._turns.catch_up(self._tenant)
        page = {"at": at, "id": last, "limit": query.limit + 1, "offset": query.offset or None}
        time = {"since": query.since, "until": query.until}
        asked = {"tenant": self._tenant, **time, **page, **_narrowed(query), **by}
        if source is trace_search.ALL and query.sort == "time":
            found = await trace_search.newest(self._db, asked)
        else:
            is_small = source is LIST and query.limit < FEW and _is_indexed(query)
            found = await (self._db.few if is_small else self._db.all)(source, **asked)
        shown = page_of(found, query.limit, _KEYS[query.sort])
        return Page(tuple([rows.summary(row) for row in shown.items]), shown.cursor)

    async def agents(self, query: AgentQuery = AgentQuery(), /) -> tuple[Agent, ...]:
        since, until = query.window(clock.now())
        only = self._only.part_of
        if only is not None and query.agent not in (None, only):
            return ()
        await self._turns.catch_up(self._tenant)

        async def unit(tx: Tx) -> list[Agent]:
            seen: dict[str, list[AgentInstance]] = {}
            for row in await tx.all(AGENTS, tenant=self._tenant, agent=query.agent or only):
                seen.setdefault(row[0], []).append(AgentInstance(*row[1:]))
            window = {"tenant": self._tenant, "since": since, "until": until}
            return [
                _agent(name, instances, await tx.one(AGENT_STATS, agent=name, **window))
                for name, instances in seen.items()
            ]

        found = await self._db.read(unit)
        return tuple(sorted(found, key=lambda each: (-each.last_seen_at, each.agent)))

    async def _after(self, session_id: str, trace_id: str | None) -> tuple[int, str]:
        """Where a session's traces go on.

        Raises:
            NotFound: there is no such trace in the session.
        """
        if trace_id is None:
            return -(2**63), ""
        row = None
        if ids.is_key(trace_id):
            row = await self._db.one(
                GET, tenant=self._tenant, trace_id=trace_id, part_label=self._part
            )
        if row is None or row[4] != session_id:
            raise NotFound(f"Trace {trace_id} not found in this session")
        return row[1], trace_id

    async def _of_session(self, session_id: str, after: str | None, limit: int) -> Sequence[str]:
        at, last = await self._after(session_id, after)
        found = await self._db.all(
            OF_SESSION,
            tenant=self._tenant,
            session_id=session_id,
            at=at,
            id=last,
            limit=limit,
            part_label=self._part,
        )
        return [row[0] for row in found]


def _source(query: TraceQuery, part: str | None) -> tuple[Statement, dict[str, Any]]:
    """The statement whose index leads to the page, and what it wants to know.

    `part` is a label that every trace must have.
    """
    labels = [label(name, value) for name in _LABELS if (value := getattr(query, name))]
    if part is not None and part not in labels:
        labels.insert(0, part)
    terms = [search_terms(query.q)] if query.q is not None else []
    if query.attributes is not None:
        terms += attribute_terms(query.attributes)
    if terms:
        return trace_search.ALL, {"q": " ".join(terms), "by": query.sort, **_listed(labels)}
    if labels:
        first, *rest = labels
        by = {} if query.sort == "time" else {"by": query.sort}
        return RANKED if by else LABELLED, {"label": first, **by, **_listed(rest)}
    return {"time": LIST, "duration": BY_DURATION, "cost": BY_COST}[query.sort], {}


def _listed(labels: Sequence[str]) -> dict[str, Any]:
    """All of which a trace must have, besides what leads to it."""
    if not labels:
        return {"listed": None, "label_count": None}
    return {"listed": opaque.dumps(labels), "label_count": len(labels)}


def _narrowed(query: TraceQuery) -> dict[str, Any]:
    """What else is asked. Literals, of which a partial index must know, are asked for by ones."""
    asked = query.feedback
    cost, duration = query.min_cost_usd, query.min_duration_ms
    return {
        "session_id": query.session_id,
        "user": query.user,
        "status": None if query.status == "error" else query.status,
        "failed": 1 if query.status == "error" else None,
        "voted_up": 1 if asked == "up" else None,
        "voted_down": 1 if asked == "down" else None,
        "unvoted": 1 if asked == "none" else None,
        "min_duration_ns": None if duration is None else round(duration * 1e6),
        "min_cost_nano": None if cost is None else round(cost * NANO),
    }


def _is_indexed(query: TraceQuery) -> bool:
    """Whether an index leads to the page, so that the limit bounds the work."""
    is_plain = query.min_duration_ms is None and query.min_cost_usd is None and not query.offset
    return is_plain and query.feedback != "none" and query.status in (None, "error")


def _agent(name: str, instances: Sequence[AgentInstance], row: Row | None) -> Agent:
    told = certain(row, "a count without rows is zero")
    return Agent(
        name,
        min(each.first_seen_at for each in instances),
        max(each.last_seen_at for each in instances),
        tuple(instances),
        *(told[0], _whole(told[1]) or 0, _ms(told[7]), _ms(told[8])),
        *(_whole(told[2]), _whole(told[3]), _whole(told[4])),
        *(_whole(told[5]) or 0, _whole(told[6]) or 0),
    )


def _whole(total: float | None) -> int | None:
    return None if total is None else int(total)


def _ms(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e6
