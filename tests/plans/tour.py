"""Every call of the contract once, on a store that holds more than a handful of rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from commonhold.contract.stores import Backend
from commonhold.errors import Unavailable
from commonhold.model.agent import AgentQuery
from commonhold.model.clock import Micros
from commonhold.model.feedback import FeedbackPatch, FeedbackQuery, StatsQuery
from commonhold.model.opaque import JsonText, dumps
from commonhold.model.otel import OtelSpan, SpanLink
from commonhold.model.scope import Author, Scope
from commonhold.model.score import NewScore, ScorePatch, ScoreQuery
from commonhold.model.score_stats import ScoreStatsQuery
from commonhold.model.session import MessageQuery, NewSession, SessionQuery
from commonhold.model.timeline import TimelineQuery
from commonhold.model.trace import TraceQuery
from commonhold.model.webhook import (
    Conditions,
    DeliveryQuery,
    NewWebhook,
    Outcome,
    Ratio,
    WebhookPatch,
)
from commonhold.sql import SqlBackend
from commonhold.sql.feedback_turns import Turns
from commonhold.sql.forwarding import Forwarder
from commonhold.sql.keys import service_key
from commonhold.sql.webhook_outbox import SqlOutbox
from commonhold.testing.factories import (
    NOON,
    conversation,
    message,
    messages,
    new_feedback,
    request_spans,
    trace,
)
from commonhold.testing.otel import (
    NOON_NS,
    TRACE_ID,
    chat,
    of_resource,
    otel_log,
    otel_span,
    span_id,
    trace_id,
)
from tests.plans import (
    tour_of_agents,
    tour_of_audit,
    tour_of_erasures,
    tour_of_keys,
    tour_of_policies,
)

HOUR = 3_600_000_000
SINCE, SOON, UNTIL = (
    Micros(NOON - 5 * HOUR + 1),
    Micros(NOON + HOUR // 2),
    Micros(NOON + 9999 * HOUR),
)


async def settle(backend: SqlBackend) -> None:
    """Rows of every kind, from which many more are made."""
    backend.database.look_every_s = 0.01
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
                    comment=f"thanks{n} a lot",
                )
            )
        await backend.feedback.create(new_feedback(session_id=f"soon{n}", trace_id=f"soon{n}"))
        await backend.sessions.append(f"soon{n}", conversation(2))
        called = tagged(n, f"m{n % 3}", trace_id=trace_id(n), status_code=2 * (n % 4 == 0))
        await backend.traces.record([called, otel_span(n + 1, parent=n, trace_id=trace_id(n))])
        await backend.traces.record_logs([otel_log(n, trace_id=trace_id(n))])
        if n % 2:
            await backend.feedback.create(new_feedback(rating=-1, trace_id=trace_id(n)))
    await backend.traces.list(TraceQuery(q="word7"))  # which has all of them indexed
    for n in range(20):
        await backend.sessions.fork(f"s{n}")
    for n in range(20):
        metadata = dumps({"customer": f"c{n}", "tier": n % 3})
        new = NewSession(f"labelled{n}", metadata=metadata, title=f"Refund{n}")
        await backend.sessions.create(new)
        agent = backend.bind(Scope(author=Author(agent="worker", user=f"u{n % 2}"))).sessions
        await agent.append(f"labelled{n}", [call_of("c1"), *messages("a", "b", "c")])
        await agent.handoff(f"labelled{n}", "helper", key=f"turn-{n}")
        await agent.patch_state(f"labelled{n}", {"pending_question": n})
        await agent.lease(f"labelled{n}", ttl_s=3600)
    await settle_webhooks(backend)
    await tour_of_keys.settle(backend)
    await tour_of_audit.settle(backend)
    await tour_of_policies.settle(backend)
    await tour_of_agents.settle(backend)
    await tour_of_erasures.settle(backend)


async def sessions(backend: Backend) -> None:
    """Every call about sessions."""
    store = backend.sessions
    await store.create(NewSession("new", parent_session_id="s1"))
    await store.create(NewSession("titled", title="Refund", metadata=JsonText('{"customer":"a"}')))
    await store.find("titled")
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


async def turns(backend: SqlBackend) -> None:
    """Every call about whose turn it is, what happened, and what was said."""
    store = backend.sessions
    lease = await store.lease("fresh", ttl_s=60)
    await store.lease("fresh", ttl_s=60, token=lease.token)
    await store.append("fresh", [call_of("c1"), *messages("m1")], lease=lease.token)
    await store.put("fresh", [call_of("c1"), *messages("m1", "m2")], lease=lease.token)
    await store.repair("fresh", lease=lease.token)
    await store.release("fresh", token=lease.token)
    for _ in range(2):
        await store.handoff("fresh", "helper", key="turn-1")
    await store.participants("labelled3")
    await store.usage("s3")
    page = await store.timeline("s5", TimelineQuery(limit=5))
    await store.timeline("s5", TimelineQuery(limit=5, cursor=page.cursor))
    followed = store.events("s5", after=2)
    async for _ in followed:
        break
    await asyncio.sleep(0.1)  # meanwhile the bell looks for what nobody told it
    assert isinstance(followed, AsyncGenerator)
    await followed.aclose()
    await store.put("long", messages(*(f"m{n}" for n in range(1200))))
    async for _ in (await store.stream("long")).pieces:
        pass
    for query in (
        MessageQuery(limit=20, before=30),
        MessageQuery(last=20, include_superseded=True),
        MessageQuery(limit=20, after=3, before=30, agent="", role="user"),
    ):
        await store.messages("crowded", query)


async def found(backend: Backend) -> None:
    """Every way to find a session."""
    store = backend.sessions
    labels, more = JsonText('{"customer":"c5"}'), JsonText('{"customer":"c5","tier":2}')
    first = await store.list(SessionQuery(limit=20, metadata=labels))
    await store.list(SessionQuery(limit=20, metadata=labels, cursor=first.cursor))
    await store.list(SessionQuery(limit=20, metadata=more, participant="worker", status="running"))
    first = await store.list(SessionQuery(limit=20, participant="worker"))
    await store.list(SessionQuery(limit=20, participant="worker", cursor=first.cursor))
    await store.list(SessionQuery(limit=20, participant="worker", holder="helper", since=SINCE))
    await store.list(SessionQuery(limit=20, holder="helper"))
    for status in ("running", "waiting", "idle"):
        await store.list(SessionQuery(limit=20, status=status))
    await store.list(SessionQuery(limit=20, q="refund5"))
    await store.list(SessionQuery(limit=20, q="refund1*", metadata=more, participant="worker"))


def call_of(call_id: str) -> JsonText:
    """A message that makes a tool call."""
    call = {"id": call_id, "type": "function", "function": {"name": "f", "arguments": "{}"}}
    return dumps({"role": "assistant", "content": None, "tool_calls": [call]})


async def traces(backend: Backend) -> None:
    """Every call about traces."""
    store = backend.traces
    await store.put(trace("new"))
    await store.put(trace("new"))
    await store.get("new")
    await store.record([otel_span(resource=of_resource(service_name="newcomer"))])
    sent = [tagged(1, "m1"), otel_span(2, parent=1, name="late")]
    await store.record(sent[1:])
    await store.record(sent)
    await store.record([otel_span(2, start_ns=NOON_NS - 1), tagged(1, "m2")])
    await store.record_logs([otel_log(1)])
    await store.get(TRACE_ID)
    await store.otlp(TRACE_ID)
    await store.of_session("s7", limit=20)
    await store.of_session("s7", after_trace_id="t7", limit=20)
    await store.agents()
    await store.agents(AgentQuery("weather", since=SINCE, until=SOON))


async def judgements(backend: Backend) -> None:
    """New ones, the same again, and one in the place of another."""
    told = {"name": "n", "score": 1, "explanation": "said so", "identifier": "rubric-1"}
    attributes = {f"annotations.0.annotation.{name}": value for name, value in told.items()}
    for score in (1, 1, 2):
        attributes["annotations.0.annotation.score"] = score
        await backend.traces.record([otel_span(1, attributes=attributes)])
    evaluated = {f"evaluations.0.evaluation.{name}": value for name, value in told.items()}
    kind, target = {"openinference.span.kind": "EVALUATOR"}, SpanLink(TRACE_ID, span_id(1))
    await backend.traces.record([otel_span(3, attributes={**kind, **evaluated}, links=(target,))])


async def lists(backend: SqlBackend) -> None:
    """Every way to list traces, from the top and from further down."""
    store = backend.traces
    for query in (
        TraceQuery(),
        *(TraceQuery(session_id="s7"), TraceQuery(user="u7"), TraceQuery(status="error")),
        *(TraceQuery(feedback="up"), TraceQuery(feedback="down"), TraceQuery(agent="a7")),
        *(TraceQuery(kind="llm"), TraceQuery(sort="duration"), TraceQuery(sort="cost")),
        TraceQuery(agent="a7", sort="cost"),
        TraceQuery(q="word7"),
    ):
        first = await store.list(replace(query, limit=20))
        await store.list(replace(query, limit=20, cursor=first.cursor))
    rest = TraceQuery(limit=20, status="ok", since=SINCE, until=UNTIL, offset=3, min_cost_usd=0.1)
    await store.list(rest)
    for query in (
        *(TraceQuery(feedback="none"), TraceQuery(session_id="s7", status="error")),
        *(TraceQuery(tag="g1", model="m1", since=SINCE), TraceQuery(agent="a7", feedback="down")),
        TraceQuery(q="word7", agent="a7", attributes='{"n": 7}', sort="duration", since=SINCE),
        TraceQuery(agent="a7", model="m1", user="u7", sort="duration", until=UNTIL),
        *(TraceQuery(sort="duration", min_duration_ms=1.0), TraceQuery(sort="cost", user="u7")),
    ):
        await store.list(replace(query, limit=20))


def tagged(number: int, model: str, **fields: Any) -> OtelSpan:
    """A model call that every filter has something to say about."""
    told = {
        "gen_ai.request.model": model,
        "gen_ai.usage.cost": number / 10 + 0.1,
        "gen_ai.agent.name": f"a{number}",
        "user.id": f"u{number}",
        "langfuse.trace.tags": [f"g{number % 5}"],
        "n": number,
    }
    mine = of_resource(service_instance_id=f"pod-{number}")
    return chat(number, name=f"word{number}", attributes=told, resource=mine, **fields)


async def jobs(backend: SqlBackend) -> None:
    """What is done about spans after they were committed, and what a service does for itself."""

    async def take(spans: Sequence[OtelSpan]) -> None:
        """A collector that has time."""

    async def refuse(spans: Sequence[OtelSpan]) -> None:
        raise Unavailable

    with suppress(Unavailable):
        await Forwarder(backend.database, refuse).step()
    assert await Forwarder(backend.database, take).step() > 0
    await backend.trace_memory.index.step()
    await Turns(backend.database).step()
    await service_key(backend.database, "tour")


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
    await store.list(FeedbackQuery(limit=20, agent="tester"))
    await store.list(FeedbackQuery(limit=20, user_id="anonymous", turns=True))
    await store.list(FeedbackQuery(limit=20, rating=-1, since=SINCE, until=UNTIL, turns=True))
    await store.list(FeedbackQuery(limit=20, q="thanks7", turns=True))
    await scores(backend)


async def scores(backend: Backend) -> None:
    """Every call about scores."""
    store = backend.bind(Scope(author=Author(agent="judge", user="ada"))).feedback
    score = NewScore("accuracy", "numeric", 0.5, session_id="s3", turn_index=1)
    [made] = await store.put_scores([score], key="once")
    await store.put_scores([score], key="once")
    own = replace(score, score_id=made.score_id)
    for again in (own, replace(own, value_num=0.25)):
        await store.put_scores([again])
    await store.put_scores([replace(score, turn_index=None, message_id="m3")])
    [late] = await store.put_scores([NewScore(value_num=1, session_id="s3", turn_index=9)])
    [last] = await store.put_scores([NewScore(value_num=0, session_id="s3", message_id="late")])
    await store.put_scores([NewScore(value_num=0, trace_id="t4")])
    await backend.sessions.append("s3", [message(None, "?") for _ in range(9)])
    await backend.sessions.append("s3", [message("late", "!", role="assistant")])
    assert {(await store.get_score(each.score_id)).turn.state for each in (late, last)} == {"bound"}
    await store.patch_score(made.score_id, ScorePatch(1.0, comment="well"))
    await store.patch_score(made.score_id, ScorePatch(comment=""))
    await store.scores(ScoreQuery(limit=20, name="accuracy"))
    for window, group in (("day", "agent"), ("month", "user"), ("hour", "name")):
        soon = ScoreStatsQuery(window, "Asia/Kolkata", group, since=SINCE, until=SOON)
        await store.score_stats(soon)
    await store.delete_score(made.score_id)


async def settle_webhooks(backend: SqlBackend) -> None:
    """Webhooks that are switched off, so that what is copied tells nobody, and votes to look at."""
    store = backend.webhooks
    down = NewWebhook("https://a.example/", Conditions(rating="down"), enabled=False)
    for _ in range(20):
        await store.test((await store.create(down)).webhook_id)
    [hook, *_] = await store.list()
    await store.patch(hook.webhook_id, WebhookPatch(enabled=True))
    for n in range(20):
        await backend.feedback.create(new_feedback(rating=-1, trace_id=None, session_id=f"v{n}"))
    await store.patch(hook.webhook_id, WebhookPatch(enabled=False))


async def webhooks(backend: SqlBackend) -> None:
    """Every call about webhooks, and all that is done for them."""
    backend = backend.bind(Scope("another", Author(agent="told")))
    store, outbox = backend.webhooks, SqlOutbox(backend.database)
    down = NewWebhook("https://a.example/", Conditions(rating="down"))
    hook = await store.create(down)
    told = await store.create(NewWebhook(down.url, Conditions(ratio=Ratio(0.6, 1), agent="told")))
    await store.patch(hook.webhook_id, WebhookPatch("https://b.example/", enabled=True))
    for rating in (-1, 1, 1, 1):
        await backend.feedback.create(new_feedback(rating=rating, trace_id=None, session_id=None))
        while await outbox.evaluate():
            pass
        await outbox.rearm()
    assert len((await store.deliveries(told.webhook_id)).items) == 1
    await store.list()
    test = await store.test(hook.webhook_id)
    await store.retry(hook.webhook_id, test.delivery_id)
    [address, *_] = await outbox.waiting(10)
    batch = await outbox.claim(address, UNTIL)
    assert batch is not None
    await outbox.settle(address, [Outcome(batch.letters[0].delivery_id, "dead", SINCE)])
    await outbox.pending()
    page = DeliveryQuery(limit=1)
    first = await store.deliveries(hook.webhook_id, page)
    await store.deliveries(hook.webhook_id, replace(page, state="pending", cursor=first.cursor))
    await outbox.prune(UNTIL)
    for each in (told, hook):
        await store.patch(each.webhook_id, WebhookPatch(conditions=down.conditions))
        await store.delete(each.webhook_id)


async def visit(backend: SqlBackend) -> None:
    """Every call of the contract."""
    await sessions(backend)
    await turns(backend)
    await found(backend)
    await traces(backend)
    await judgements(backend)
    await lists(backend)
    await jobs(backend)
    await feedback(backend)
    await webhooks(backend)
    await tour_of_audit.visit(backend)
    await tour_of_keys.visit(backend)
    await tour_of_keys.visit_part(backend)
    await tour_of_keys.visit_own(backend)
    await tour_of_keys.visit_shared(backend)
    await tour_of_policies.visit(backend)
    await tour_of_agents.visit(backend)
    await tour_of_agents.visit_as_user(backend)
    await tour_of_erasures.visit(backend)
