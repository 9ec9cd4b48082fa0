"""Every call of the contract once, on a store that holds more than a handful of rows."""

from __future__ import annotations

from commonhold.contract.stores import Backend
from commonhold.model.clock import Micros
from commonhold.model.feedback import FeedbackPatch, FeedbackQuery, StatsQuery
from commonhold.model.scope import Author, Scope
from commonhold.model.session import MessageQuery, NewSession, SessionQuery
from commonhold.model.trace import TraceQuery
from commonhold.testing.factories import (
    NOON,
    conversation,
    messages,
    new_feedback,
    request_spans,
    trace,
)

HOUR = 3_600_000_000
SINCE, SOON, UNTIL = (
    Micros(NOON - 5 * HOUR + 1),
    Micros(NOON + HOUR // 2),
    Micros(NOON + 9999 * HOUR),
)


async def settle(backend: Backend) -> None:
    """Rows of every kind, from which many more are made."""
    for n in range(40):
        await backend.sessions.put(f"s{n}", conversation(8))
        await backend.sessions.put(f"s{n}", conversation(4, start=5))
        await backend.traces.put(
            trace(f"t{n}", session_id=f"s{n}", spans=request_spans(f"t{n}", prefix=f"p{n}"))
        )
        for vote in range(3):
            await backend.feedback.create(
                new_feedback(
                    rating=-1 if vote == 0 else 1,
                    trace_id=f"t{n}",
                    session_id=f"s{n}",
                    agent_type=f"a{vote}",
                )
            )
    for n in range(20):
        await backend.sessions.fork(f"s{n}")


async def sessions(backend: Backend) -> None:
    """Every call about sessions."""
    store = backend.sessions
    await store.create(NewSession("new", parent_session_id="s1"))
    await store.put("started", messages("m1", "m2"))
    await store.put("started", messages("m1", "m2", "m3"))
    await store.put("started", messages("m1", "m2", "m3", "m4"), mode="replace")
    names = ["m1", "m2"]
    await store.append("appended", messages("a1"))
    await store.append("appended", messages("a1", "a2"))
    await store.put("crowded", messages(*names))
    for n in range(25):
        names.insert(1, f"between{n}")
        await store.put("crowded", messages(*names))
    respelt = '{"role": "user", "id":"m1", "content": "the text of m1"}'
    await store.put("started", [respelt, *messages("m2", "m3", "m4")])
    await store.put("started", [respelt, *messages("m4")])
    await store.history("started")
    await store.messages("crowded", MessageQuery(limit=20, include_superseded=True))
    await store.messages("crowded", MessageQuery(limit=20))
    await store.patch_cost("started", {"turn_count": 1})
    await store.patch_state("started", {"pending": "q1"})
    await store.cost("started")
    await store.state("started")
    await store.fork("s3", at=2)
    await store.revert("started", to=1)
    visitor = backend.bind(Scope(author=Author(agent="visitor")))
    await visitor.sessions.put("s4", [*conversation(4, start=5), *messages("v1")])
    await visitor.sessions.revert("s4", to=2)
    first = await store.list(SessionQuery(limit=20))
    await store.list(SessionQuery(limit=20, cursor=first.cursor))
    await store.list(SessionQuery(limit=20, offset=40))
    await store.list(SessionQuery(limit=20, parent="s1", since=SINCE, until=UNTIL))
    await store.list(SessionQuery(limit=20, agent="visitor"))
    await store.list(SessionQuery(limit=20, user="ada"))
    await store.delete("new")


async def traces(backend: Backend) -> None:
    """Every call about traces."""
    store = backend.traces
    await store.put(trace("new"))
    await store.put(trace("new"))
    await store.get("new")
    first = await store.list(TraceQuery(limit=20))
    await store.list(TraceQuery(limit=20, cursor=first.cursor))
    await store.list(TraceQuery(limit=20, session_id="s7"))
    await store.list(TraceQuery(limit=20, status="ok", since=SINCE, until=UNTIL, offset=3))


async def feedback(backend: Backend) -> None:
    """Every call about feedback."""
    store = backend.feedback
    made = await store.create(new_feedback())
    await store.get(made.feedback_id)
    await store.patch(made.feedback_id, FeedbackPatch(rating=-1, comment="no", correction="yes"))
    first = await store.list(FeedbackQuery(limit=20))
    await store.list(FeedbackQuery(limit=20, cursor=first.cursor))
    await store.list(FeedbackQuery(limit=20, rating=-1, since=SINCE, until=UNTIL))
    await store.list(FeedbackQuery(limit=20, trace_id="t5"))
    await store.list(FeedbackQuery(limit=20, session_id="s5", offset=1))
    await store.list(FeedbackQuery(limit=20, user_id="anonymous", agent_type="a1"))
    # Without bounds the answer is about every hour there is; with them, about those hours.
    await store.stats(StatsQuery("day", since=SINCE, until=SOON))
    await store.stats(StatsQuery("week", agent_type="a1", since=SINCE, until=SOON))


async def visit(backend: Backend) -> None:
    """Every call of the contract."""
    await sessions(backend)
    await traces(backend)
    await feedback(backend)
