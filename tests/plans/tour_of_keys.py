"""Every call about keys and tenants, and those calls of the contract that reach fewer rows for some."""

from __future__ import annotations

from commonhold.auth.key_form import Pepper
from commonhold.model.clock import Micros
from commonhold.model.feedback import FeedbackPatch, FeedbackQuery, StatsQuery
from commonhold.model.key import NewKey
from commonhold.model.scope import Author, Only, Scope
from commonhold.model.score import ScorePatch, ScoreQuery
from commonhold.model.score_stats import ScoreStatsQuery
from commonhold.model.session import MessageQuery, SessionQuery
from commonhold.model.timeline import TimelineQuery
from commonhold.model.trace import TraceQuery
from commonhold.service.keys import BOOTSTRAP, KeyRing
from commonhold.sql import SqlBackend
from commonhold.sql.api_keys import SqlKeys
from commonhold.sql.tenants import SqlTenants
from commonhold.testing.factories import messages, new_feedback

AGENT = "worker"

MANY = """INSERT INTO tenant (tenant, status, created_at)
WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 800)
SELECT 't' || n, 'active', 1 FROM counted;"""


def ring(backend: SqlBackend) -> KeyRing:
    """The keys of a database."""
    keys = SqlKeys(backend.database)
    return KeyRing(lambda: keys, [Pepper(b"a pepper of thirty-two bytes, or so")])


async def settle(backend: SqlBackend) -> None:
    """Keys and tenants enough that no planner reads all of them for one."""
    for n in range(40):
        await ring(backend).create(BOOTSTRAP, NewKey("agent", f"a{n}"))
    await backend.database.write(lambda tx: tx.script(MANY))


async def visit(backend: SqlBackend) -> None:
    """Every call about keys and tenants."""
    keys, store = ring(backend), SqlKeys(backend.database)
    made = await keys.create(BOOTSTRAP, NewKey("agent", AGENT))
    await store.touch(made.key.key_id, Micros(2), Micros(1))
    after = await keys.rotate(BOOTSTRAP, made.key.key_id)
    await keys.revoke(BOOTSTRAP, after.key.key_id)
    assert len(await keys.list(BOOTSTRAP)) > 40
    tenants = SqlTenants(backend.database)
    await tenants.create("acme", Micros(1))
    await tenants.set_status("acme", "disabled")
    assert await tenants.find("acme") in await tenants.list()


async def visit_part(backend: SqlBackend) -> None:
    """What an agent reads that sees only what it had a part in."""
    part = backend.bind(Scope(author=Author(agent=AGENT), only=Only(part_of=AGENT)))
    first = await part.traces.list(TraceQuery(limit=20))
    await part.traces.list(TraceQuery(limit=20, cursor=first.cursor))
    await part.traces.list(TraceQuery(limit=20, session_id="s7"))
    await part.traces.find("t7")
    await part.traces.of_session("s7", limit=20)
    await part.traces.agents()
    await part.feedback.list(FeedbackQuery(limit=20))
    await part.feedback.scores(ScoreQuery(limit=20))
    await part.feedback.find("none")
    await part.feedback.stats(StatsQuery("day"))
    await part.feedback.score_stats(ScoreStatsQuery("day"))
    await part.sessions.timeline("s5", TimelineQuery(limit=5))


async def visit_shared(backend: SqlBackend) -> None:
    """What an agent does where sessions are not for the whole fleet."""
    for only in (Only(held_by=AGENT), Only(of_user="ada"), Only(of_user="", held_by=AGENT)):
        author = Author(agent=AGENT, user=only.of_user or "")
        log = backend.bind(Scope(author=author, only=only)).sessions
        ident = f"shared-{only.held_by}-{only.of_user}"
        await log.put(ident, messages("shared"))
        await log.append(ident, messages("more"))
        await log.put(ident, messages("shared", "less"), mode="replace")
        first = await log.list(SessionQuery(limit=20))
        await log.list(SessionQuery(limit=20, cursor=first.cursor, offset=1))
        for query in (SessionQuery(q="shared"), SessionQuery(participant=AGENT)):
            await log.list(query)
        await log.messages(ident)
        await log.messages(ident, MessageQuery(before=9))
        await log.history(ident)
        await log.timeline(ident, TimelineQuery(limit=5))
        await log.patch_cost(ident, {"n": 1})
        await log.patch_state(ident, {"n": 1})
        turn = await log.lease(ident, ttl_s=60)
        await log.lease(ident, ttl_s=60, token=turn.token)
        await log.release(ident, token=turn.token)
        await log.fork(ident)


async def visit_own(backend: SqlBackend) -> None:
    """What an agent changes that may change only what it wrote, or holds."""
    mine = backend.bind(Scope(author=Author(agent=AGENT), only=Only(owned_by=AGENT)))
    await mine.sessions.append("mine", messages("a"))
    await mine.sessions.handoff("mine", AGENT)
    await mine.sessions.delete("mine")
    made = await mine.feedback.create(new_feedback())
    await mine.feedback.patch(made.feedback_id, FeedbackPatch(comment="c"))
    await mine.feedback.patch_score(made.feedback_id, ScorePatch(comment="d"))
    await mine.feedback.delete(made.feedback_id)
