"""What is sent: the very text of opaque parts, ids that cannot leave their place in the path."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from urllib.parse import quote

import pytest

from commonhold import (
    Author,
    CommonholdError,
    FeedbackPatch,
    FeedbackQuery,
    InvalidRequest,
    MessageQuery,
    NewFeedback,
    NewSession,
    NotFound,
    Scope,
    SessionQuery,
    StatsQuery,
    TraceQuery,
    Unsupported,
)
from commonhold.client import HttpBackend, open_backend, requests, trace_requests
from commonhold.client.call import Call as Request
from commonhold.model.clock import Micros
from commonhold.model.opaque import JsonText
from commonhold.testing import factories
from tests.client.misbehaving import Reply, serving

ODD = '{ "b" : 1.10,\n"a":"\\u00fc", "c":[1e2, -0.0, 123456789012345678901234567890] }'
IMPOSSIBLE = ("", "a/b", "a?b", "a#b", "a\\b", "a\0b", ".", "..", "x" * 129, "a\ud800")

Call = Callable[[HttpBackend, str], Awaitable[object]]
READS: dict[str, Call] = {
    "get": lambda backend, key: backend.sessions.get(key),
    "history": lambda backend, key: backend.sessions.history(key),
    "messages": lambda backend, key: backend.sessions.messages(key),
    "cost": lambda backend, key: backend.sessions.cost(key),
    "patch_cost": lambda backend, key: backend.sessions.patch_cost(key, {}),
    "state": lambda backend, key: backend.sessions.state(key),
    "patch_state": lambda backend, key: backend.sessions.patch_state(key, {}),
    "fork": lambda backend, key: backend.sessions.fork(key),
    "revert": lambda backend, key: backend.sessions.revert(key, to=0),
    "delete": lambda backend, key: backend.sessions.delete(key),
    "trace": lambda backend, key: backend.traces.get(key),
    "feedback": lambda backend, key: backend.feedback.get(key),
    "patch_feedback": lambda backend, key: backend.feedback.patch(key, FeedbackPatch(rating=1)),
}


@pytest.mark.parametrize(
    "key",
    ["a b", "100%", "%2F", "a+b", "a&b=c;d", "'\"{}", "ü-会话-😀", "...", "arn:aws:s3", "me@x.org"],
)
async def test_an_unusual_id_arrives_as_one_segment(key: str) -> None:
    """Nothing in it is read as a part of the URL, on a real socket."""
    async with serving(Reply(200, b'{"cost_data":{}}')) as server:
        backend = open_backend(server.url)
        await backend.sessions.cost(key)
        await backend.aclose()
    *_, segment, last = server.seen[0].target.split("/")
    assert last == "cost_data"
    assert quote(key, safe="") == segment
    assert server.seen[0].target.count("/") == 4


@pytest.mark.parametrize("call", READS.values(), ids=READS)
async def test_an_impossible_id_is_not_sent(call: Call) -> None:
    """It would be another path; what it names cannot exist."""
    async with serving(Reply()) as server:
        backend = open_backend(server.url)
        for key in IMPOSSIBLE:
            with pytest.raises(NotFound):
                await call(backend, key)
        await backend.aclose()
    assert server.seen == []


async def test_what_no_store_takes_is_not_sent() -> None:
    """The refusal is the one of a local store."""
    bad_span = factories.span(attributes=JsonText('{}, "status": "ok"'))
    bad_events = factories.span(events=JsonText("{}"))
    backend = open_backend("http://nobody.invalid")
    refused: list[Awaitable[object]] = [
        *(backend.sessions.put(key, []) for key in IMPOSSIBLE),
        backend.sessions.put("s1", ["{}, {}"]),
        backend.sessions.put("s1", ["[]"]),
        backend.sessions.put("s1", ['{"a":"\ud800"}']),
        backend.sessions.create(NewSession(title="\ud800")),
        backend.sessions.patch_cost("s1", "[]"),
        backend.sessions.patch_state("s1", {"a": object()}),
        backend.sessions.list(SessionQuery(limit=0)),
        backend.sessions.list(SessionQuery(cursor="made up")),
        backend.sessions.list(SessionQuery(agent="\ud800")),
        backend.sessions.messages("s1", MessageQuery(limit=1001)),
        backend.traces.list(TraceQuery(offset=-1)),
        backend.traces.put(factories.trace(spans=(bad_span,))),
        backend.traces.put(factories.trace(spans=(bad_events,))),
        backend.feedback.list(FeedbackQuery(limit=1001)),
    ]
    for call in refused:
        with pytest.raises(InvalidRequest):
            await call
    await backend.aclose()


async def test_statistics_are_not_an_id_of_feedback() -> None:
    """Their route looks like one."""
    backend = open_backend("http://nobody.invalid")
    assert await backend.feedback.find("stats") is None
    with pytest.raises(NotFound):
        await backend.feedback.patch("stats", FeedbackPatch(comment="x"))
    await backend.aclose()


def test_opaque_parts_are_sent_as_they_are_spelt() -> None:
    """Messages, metadata, patches, attributes and events."""
    span = factories.span(attributes=JsonText(ODD), events=JsonText(f"[{ODD}]"))
    calls = [
        requests.put_messages("s1", [ODD, ODD], "merge", None),
        requests.patch_cost("s1", ODD),
        requests.patch_state("s1", ODD),
        trace_requests.put_trace(factories.trace(spans=(span,))),
    ]
    for call in calls:
        assert call.body is not None
        assert ODD.encode() in call.body


def test_a_replacement_says_so() -> None:
    """By its mode, or by the version it replaces."""
    merge = requests.put_messages("s1", [], "merge", None)
    replace = requests.put_messages("s1", [], "replace", 4)
    assert (merge.target, merge.headers) == ("/v1/sessions/s1", {})
    assert (replace.target, replace.headers) == (
        "/v1/sessions/s1?mode=replace",
        {"If-Match": '"4"'},
    )


def test_only_what_was_given_is_sent() -> None:
    """None is not the same as nothing."""
    assert _body(requests.create_session(NewSession(), None)) == {"metadata": {}}
    assert _body(requests.fork("s1", None, None)) == {}
    assert _body(requests.fork("s1", 0, None)) == {"from_message_index": 0}
    assert _body(requests.create_feedback(NewFeedback(rating=-1, turn_index=0))) == {
        "rating": -1,
        "turn_index": 0,
    }
    assert _body(requests.patch_feedback("fb_1", FeedbackPatch(comment=""))) == {"comment": ""}


def _body(call: Request) -> object:
    assert call.body is not None
    return json.loads(call.body)


def test_filters_are_written_so_that_no_server_misreads_them() -> None:
    """A plus sign is escaped, a time keeps its microseconds."""
    query = FeedbackQuery(
        limit=7, rating=-1, agent_type="a+b &c", since=Micros(1_777_291_200_000_001)
    )
    assert requests.list_feedback(query).target == (
        "/v1/feedback?limit=7&agent_type=a%2Bb+%26c&rating=-1"
        "&since=2026-04-27T12%3A00%3A00.000001%2B00%3A00"
    )
    assert requests.feedback_stats(StatsQuery("week")).target == "/v1/feedback/stats?window=week"


@pytest.mark.parametrize(
    ("author", "prefix"),
    [
        (Author(), "/a/home"),
        (Author(agent="weather"), "/a/weather"),
        (Author(agent="me@x.org:1"), "/a/me%40x.org%3A1"),
    ],
)
async def test_an_agent_is_named_in_the_path(author: Author, prefix: str) -> None:
    """A scope without an agent writes as the one that connected."""
    async with serving(Reply(200, b'{"cost_data":{}}')) as server:
        backend = open_backend(server.url, agent="home")
        bound = backend.bind(Scope(author=Author(agent="other"))).bind(Scope(author=author))
        await bound.sessions.cost("s1")
        await backend.aclose()
    assert server.seen[0].target == f"{prefix}/v1/sessions/s1/cost_data"


@pytest.mark.parametrize(
    "scope", [Scope(tenant="acme"), Scope(author=Author(user="ann"))], ids=["tenant", "user"]
)
async def test_only_a_credential_names_a_tenant_or_a_user(scope: Scope) -> None:
    """A client that claimed one would not be believed, so it does not pretend to."""
    backend = open_backend("http://nobody.invalid")
    with pytest.raises(Unsupported, match="credential"):
        backend.bind(scope)
    await backend.aclose()


@pytest.mark.parametrize("agent", ["a/b", "..", "a b", "x" * 129])
def test_an_agent_with_an_impossible_name_is_refused(agent: str) -> None:
    """Before anything is sent."""
    with pytest.raises(CommonholdError):
        open_backend("http://nobody.invalid", agent=agent)


def test_an_increment_is_not_sent_twice() -> None:
    """A plain merge may be: twice is like once."""
    assert requests.patch_cost("s1", {"model": "m"}).idempotent
    assert not requests.patch_cost("s1", {"$inc": {"turn_count": 1}}).idempotent
    assert not requests.patch_cost("s1", '{"\\u0024inc": {"turn_count": 1}}').idempotent
