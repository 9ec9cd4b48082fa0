"""Tenants: another tenant's rows do not exist."""

from __future__ import annotations

from commonhold.contract.stores import Backend
from commonhold.errors import NotFound
from commonhold.model.feedback import FeedbackPatch, NewFeedback
from commonhold.model.scope import Scope
from commonhold.model.session import NewSession
from commonhold.model.trace import TraceQuery
from commonhold.testing.factories import message, messages, new_feedback, span, trace
from commonhold.testing.otel import TRACE_ID, otel_log, otel_span
from commonhold.testing.suite.reading import error_of, live_of


def two_tenants(backend: Backend) -> tuple[Backend, Backend]:
    """The backend as two tenants see it."""
    return backend.bind(Scope(tenant="acme")), backend.bind(Scope(tenant="globex"))


async def test_another_tenants_session_is_not_there(backend: Backend) -> None:
    """S8. It can be neither read nor written, whoever knows its id."""
    acme, globex = two_tenants(backend)
    await acme.sessions.put("chat", messages("m1"))
    await acme.sessions.patch_cost("chat", {"turn_count": 1})
    assert await globex.sessions.find("chat") is None
    assert (await globex.sessions.list()).items == ()
    calls = (
        globex.sessions.get("chat"),
        globex.sessions.history("chat"),
        globex.sessions.messages("chat"),
        globex.sessions.cost("chat"),
        globex.sessions.state("chat"),
        globex.sessions.patch_cost("chat", {"turn_count": 9}),
        globex.sessions.patch_state("chat", {"pending": "q"}),
        globex.sessions.fork("chat"),
        globex.sessions.revert("chat", to=0),
        globex.sessions.delete("chat"),
    )
    for call in calls:
        assert type(await error_of(call)) is NotFound
    assert await live_of(acme.sessions, "chat") == ["m1"]
    assert await acme.sessions.cost("chat") == '{"turn_count":1}'


async def test_two_tenants_may_use_the_same_session_id(backend: Backend) -> None:
    """S8. They are two sessions: what one saves or deletes is not the other's."""
    acme, globex = two_tenants(backend)
    await acme.sessions.create(NewSession("chat", title="acme"))
    await globex.sessions.create(NewSession("chat", title="globex"))
    await acme.sessions.put("chat", [message("m1", "of acme")])
    await globex.sessions.put("chat", [message("m1", "of globex")])
    assert (await acme.sessions.history("chat")).messages[0]["content"] == "of acme"
    fork = await globex.sessions.fork("chat")
    await globex.sessions.delete("chat")
    assert (await acme.sessions.get("chat")).title == "acme"
    assert await live_of(acme.sessions, "chat") == ["m1"]
    assert await acme.sessions.find(fork.session_id) is None


async def test_another_tenants_trace_is_not_there(backend: Backend) -> None:
    """T7. The same trace id is two traces, and neither shows in the other's list."""
    acme, globex = two_tenants(backend)
    await acme.traces.put(trace(spans=(span(name="of acme"),)))
    assert await globex.traces.find("trace_1") is None
    assert (await globex.traces.list()).items == ()
    await globex.traces.put(trace(spans=(span(name="of globex"),), model="other"))
    assert [item.name for item in (await acme.traces.get("trace_1")).spans] == ["of acme"]
    (listed,) = (await acme.traces.list()).items
    assert (listed.span_count, listed.model) == (1, "granite-4")


async def test_another_tenants_spans_logs_and_agents_are_not_there(backend: Backend) -> None:
    """T7. However they are asked for, and whoever sends the same ids."""
    acme, globex = two_tenants(backend)
    told = {"session.id": "chat", "secret": 1}
    await acme.traces.record([otel_span(name="acme", attributes=told)])
    await acme.traces.record_logs([otel_log(body="of acme")])
    await acme.feedback.create(new_feedback(rating=-1, trace_id=TRACE_ID))
    assert await globex.traces.agents() == ()
    assert await globex.traces.of_session("chat") == ()
    assert type(await error_of(globex.traces.otlp(TRACE_ID))) is NotFound
    for query in (
        TraceQuery(q="acme"),
        TraceQuery(attributes='{"secret": 1}'),
        TraceQuery(agent="weather"),
        TraceQuery(feedback="down"),
        TraceQuery(sort="duration"),
    ):
        assert len((await acme.traces.list(query)).items) == 1
        assert (await globex.traces.list(query)).items == ()
    await globex.traces.record([otel_span(name="globex", status_code=2)])
    (mine,) = (await acme.traces.list()).items
    (theirs,) = (await globex.traces.list()).items
    assert (mine.name, mine.status, mine.thumbs_down) == ("acme", "ok", 1)
    assert (theirs.name, theirs.status, theirs.thumbs_down) == ("globex", "error", 0)
    assert "of acme" not in (await globex.traces.get(TRACE_ID)).spans[0].events


async def test_another_tenants_feedback_is_not_there(backend: Backend) -> None:
    """F6. It can be neither read nor changed, and is not counted."""
    acme, globex = two_tenants(backend)
    made = await acme.feedback.create(new_feedback())
    assert await globex.feedback.find(made.feedback_id) is None
    assert type(await error_of(globex.feedback.get(made.feedback_id))) is NotFound
    change = globex.feedback.patch(made.feedback_id, FeedbackPatch(rating=-1))
    assert type(await error_of(change)) is NotFound
    assert (await globex.feedback.list()).items == ()
    assert await globex.feedback.stats() == ()
    await globex.feedback.create(NewFeedback(-1))
    (counted,) = await acme.feedback.stats()
    assert (counted.thumbs_up, counted.thumbs_down) == (1, 0)
    assert await acme.feedback.get(made.feedback_id) == made
