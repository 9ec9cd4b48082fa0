"""The erasure of a user who left something in every place that has room for it."""

from __future__ import annotations

from commonhold.model.feedback import NewFeedback
from commonhold.model.opaque import dumps
from commonhold.model.scope import Author, Scope
from commonhold.model.session import NewSession
from commonhold.sql import SqlBackend
from commonhold.sql.database import Tx
from commonhold.sql.erasures import SqlErasures
from commonhold.sql.meter import DailyLimits, Meter
from commonhold.testing.factories import messages, trace
from commonhold.testing.otel import chat, of_resource, otel_log, trace_id

AGENT, USER = "worker", "eve"
NAMED, SHARED = trace_id(500), trace_id(501)
JUDGED = {"gen_ai.evaluation.name": "tone", "gen_ai.evaluation.score.value": 0.5}
FOR_USER = Scope(author=Author(AGENT, USER, f"agent:{AGENT}", "asserted"))

_MANY = """
INSERT INTO erasure (
    tenant, erasure_id, erased_user, asked_by, stage, sessions, messages, blanked_messages,
    feedback, blanked_feedback, traces, spans, logs, started_at, updated_at, finished_at, busy_until
)
WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2000)
SELECT 'default', 'er-' || n, 'u' || n, '', 'done', 0, 0, 0, 0, 0, 0, 0, 0, n, n,
    CASE WHEN n % 20 > 0 THEN n END, 9000000000000000000
FROM n;
INSERT INTO usage_day (tenant, day, agent, spans, bytes)
WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2000)
SELECT 'default', 90000 + n / 20, 'a' || (n % 20), 1, 1 FROM n;
"""
"""Erasures and days enough that no planner reads all of them for one."""


async def settle(backend: SqlBackend) -> None:
    """Erasures that others did, and some that others do."""

    async def unit(tx: Tx) -> None:
        await tx.script(_MANY)

    await backend.database.write(unit)


async def visit(backend: SqlBackend) -> None:
    """A user speaks, and is erased."""
    await _speak(backend)
    await _work(backend)
    await backend.erasures.survey(USER)
    done = await backend.erasures.create(USER, key="once")
    assert done.status == "done"
    assert done.counts.sessions == 3
    assert done.counts.blanked_messages == 4
    assert await backend.erasures.create(USER, key="once") == done
    page = await backend.erasures.list(limit=20)
    await backend.erasures.list(limit=20, cursor=page.cursor or "")
    hasty = SqlErasures(backend.database.within("default"), Scope(), backend.eraser, patience_s=0.0)
    assert (await hasty.create("adam")).status == "running"
    assert await backend.eraser.claim() is not None
    await _send(backend)


async def _speak(backend: SqlBackend) -> None:
    """In sessions of the user's own, in one of somebody else, and in votes."""
    eve = backend.bind(FOR_USER)
    await eve.sessions.append("eve", messages("a", "b"))
    await backend.sessions.append("eve", messages("c"))
    await backend.bind(Scope(author=Author(AGENT, "bob"))).sessions.fork("eve")
    await backend.sessions.create(NewSession("named", metadata=dumps({"user_id": USER})))
    await eve.sessions.append("s1", messages("d"))
    await eve.sessions.handoff("s1", AGENT)
    await eve.feedback.create(NewFeedback(rating=-1, comment="bad", trace_id="t1"))
    await backend.feedback.create(
        NewFeedback(rating=1, comment="dull", session_id="eve", turn_index=0)
    )


async def _work(backend: SqlBackend) -> None:
    """In traces that name the user, and in those of others."""
    eve, told = backend.bind(FOR_USER), {"user.id": USER, "session.id": "loose"}
    await backend.sessions.append("loose", messages("e"))
    mine = of_resource(owner=USER)
    await backend.traces.record([chat(0, trace_id=NAMED, attributes=told, resource=mine)])
    await eve.traces.record_logs([otel_log(0, trace_id=NAMED)])
    await backend.traces.record([chat(0, trace_id=SHARED, attributes={"user.id": "bob"})])
    await eve.traces.record([chat(1, trace_id=SHARED)])
    await eve.traces.put(trace("eve", session_id="eve"))
    await backend.feedback.create(NewFeedback(rating=1, comment="dull", trace_id=NAMED))
    judged = otel_log(1, trace_id=SHARED, event_name="gen_ai.evaluation.result", attributes=JUDGED)
    await eve.traces.record_logs([judged])


async def _send(backend: SqlBackend) -> None:
    """What an agent sends in a day."""
    meter = Meter(backend.database, DailyLimits(spans=1))
    meter.check("default", AGENT)
    await meter.flush()
    meter.add("default", AGENT, 1, 1)
    await meter.flush()
