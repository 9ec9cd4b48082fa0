"""Calls to a real server that fails in the ways servers fail."""

from __future__ import annotations

import asyncio

import pytest

from commonhold import (
    Author,
    Closed,
    Conflict,
    InvalidRequest,
    MessageQuery,
    NewFeedback,
    NewSession,
    NotFound,
    Scope,
    StaleVersion,
    Trace,
    Unavailable,
)
from commonhold.client import HttpBackend, Retry, Timeouts, open_backend
from commonhold.model.clock import Micros
from tests.client.misbehaving import Drop, Hang, Reply, page, problem, serving, session

AT_ONCE = Retry(attempts=4, base_s=0.0)
BUSY = problem(503, "unavailable", "Too much at once.")
VOTE = NewFeedback(rating=1)


def connected(url: str, **options: object) -> HttpBackend:
    """A backend that repeats without waiting."""
    return open_backend(url, retry=AT_ONCE, **options)  # type: ignore[arg-type]


async def test_a_busy_service_is_asked_again() -> None:
    """503 twice, then the answer: the caller sees only the answer."""
    async with serving(BUSY, BUSY, session("s1")) as server:
        backend = connected(server.url)
        found = await backend.sessions.get("s1")
        await backend.aclose()
    assert found.session_id == "s1"
    assert [seen.target for seen in server.seen] == ["/v1/sessions/s1/summary"] * 3


@pytest.mark.parametrize(
    "failure", [page(502), page(503), page(504), Drop()], ids=["502", "503", "504", "drop"]
)
async def test_a_gateway_that_fails_is_asked_again(failure: Reply | Drop) -> None:
    """What stands between us and the service may lose its connection, or ours."""
    async with serving(failure, failure, session("s1")) as server:
        backend = connected(server.url)
        assert (await backend.sessions.get("s1")).session_id == "s1"
        await backend.aclose()
    assert len(server.seen) == 3


async def test_attempts_are_bounded() -> None:
    """After the last one the service's own error is raised."""
    async with serving(BUSY) as server:
        backend = connected(server.url)
        with pytest.raises(Unavailable, match="Too much at once"):
            await backend.sessions.get("s1")
        await backend.aclose()
    assert len(server.seen) == 4


async def test_every_repeatable_write_is_repeated() -> None:
    """PUT, PATCH, DELETE, a trace, and a session whose id is chosen: twice is like once."""
    written = b'{"session_id":"s1","version":1,"message_count":0,"first_seq":null,'
    written += b'"last_seq":null,"superseded":0,"kept":0}'
    cost = Reply(200, b'{"session_id":"s1","cost_data":{"a":1}}')
    removed = b'{"deleted":true,"removed":{"messages":1,"events":0,"participants":1,'
    removed += b'"lease":false,"state":false}}'
    script = (
        *(Drop(), Reply(200, written)),
        *(Drop(), cost),
        *(Drop(), Reply(200, removed)),
        *(Drop(), Reply()),
        *(Drop(), session("s1")),
    )
    async with serving(*script) as server:
        backend = connected(server.url)
        await backend.sessions.put("s1", [])
        assert await backend.sessions.patch_cost("s1", {"a": 1}) == '{"a":1}'
        await backend.sessions.delete("s1")
        await backend.traces.put(Trace("t1", started_at=Micros(0)))
        await backend.sessions.create(NewSession("s1"))
        await backend.aclose()
    methods = [seen.method for seen in server.seen]
    assert methods == ["PUT", "PUT", "PATCH", "PATCH", "DELETE", "DELETE", *["POST"] * 4]


async def test_what_a_key_makes_is_asked_for_again_with_that_key() -> None:
    """Whatever is posted to a session, and a vote: one key for all attempts of a call."""
    appended = b'{"session_id":"s1","version":1,"first_seq":1,"last_seq":1,"message_ids":["m1"]}'
    written = b'{"session_id":"s1","version":1,"message_count":0,"first_seq":null,'
    written += b'"last_seq":null,"superseded":0,"kept":0}'
    voted = b'{"feedback_id":"fb_1","rating":1,"created_at":"2026-04-27T12:00:00+00:00"}'
    made = (session("s1"), session("s2"), Reply(201, appended), Reply(200, written))
    script = (*made, Reply(201, voted))
    async with serving(*(each for answer in script for each in (Drop(), answer))) as server:
        backend = connected(server.url)
        await backend.sessions.create()
        await backend.sessions.fork("s1", key="try-1")
        await backend.sessions.append("s1", ["{}"])
        await backend.sessions.revert("s1", to=0)
        await backend.feedback.create(VOTE)
        await backend.aclose()
    keys = [seen.headers["idempotency-key"] for seen in server.seen]
    assert keys[::2] == keys[1::2]
    assert len(set(keys)) == 5
    assert keys[2] == "try-1"


@pytest.mark.parametrize("failure", [BUSY, page(503), Drop()], ids=["busy", "gateway", "drop"])
async def test_what_would_be_done_twice_is_sent_once(failure: Reply | Drop) -> None:
    """An increment and the end of a turn are the caller's to repeat."""
    async with serving(failure) as server:
        backend = connected(server.url)
        for call in (
            backend.sessions.patch_cost("s1", {"$inc": {"turns": 1}}),
            backend.sessions.release("s1", token=1),
        ):
            with pytest.raises(Unavailable):
                await call
        await backend.aclose()
    assert [seen.target for seen in server.seen] == ["/v1/sessions/s1", "/v1/sessions/s1/lease"]


async def test_what_was_never_sent_is_sent_again_whatever_it_is() -> None:
    """A vote given while the service is still starting arrives when it is there."""
    async with serving() as gone:
        port = int(gone.url.rpartition(":")[2])
    record = b'{"feedback_id":"fb_1","rating":1,"created_at":"2026-04-27T12:00:00+00:00"}'
    patient = Retry(attempts=200, base_s=0.02, cap_s=0.02)
    backend = open_backend(f"http://127.0.0.1:{port}", retry=patient)
    vote = asyncio.create_task(backend.feedback.create(VOTE))
    await asyncio.sleep(0.05)
    assert not vote.done()
    async with serving(Reply(201, record), port=port) as server:
        assert (await vote).feedback_id == "fb_1"
        await backend.aclose()
    assert len(server.seen) == 1


async def test_a_refused_connection_names_the_service() -> None:
    """The sentence says where, and the error is the one a local store would raise."""
    async with serving() as gone:
        url = gone.url
    backend = connected(url)
    with pytest.raises(Unavailable, match=f"Cannot reach {url}"):
        await backend.sessions.list()
    await backend.aclose()


async def test_a_service_that_never_answers_is_waited_for_once() -> None:
    """Another attempt would take as long again."""
    async with serving(Hang()) as server:
        backend = connected(server.url, timeout=Timeouts(read_s=0.1))
        with pytest.raises(Unavailable, match=r"did not answer within 0\.1 s"):
            await backend.sessions.get("s1")
        await backend.aclose()
    assert len(server.seen) == 1


async def test_a_long_retry_after_is_told_and_not_waited_for() -> None:
    """The caller may wait an hour; a call does not."""
    busy = page(503, **{"retry-after": "3600"})
    async with serving(busy) as server:
        backend = connected(server.url)
        with pytest.raises(Unavailable) as caught:
            await backend.sessions.get("s1")
        await backend.aclose()
    assert caught.value.retry_after_s == 3600
    assert len(server.seen) == 1


async def test_a_delete_whose_answer_was_lost_is_done() -> None:
    """The second attempt finds nothing, because the first one did it."""
    async with serving(Drop(), problem(404, "not_found")) as server:
        backend = connected(server.url)
        await backend.sessions.delete("s1")
        await backend.aclose()
    assert len(server.seen) == 2


@pytest.mark.parametrize("before", [[], [BUSY]], ids=["at once", "after 503"])
async def test_a_delete_of_nothing_is_not_found(before: list[Reply]) -> None:
    """A busy service has written nothing, so that its 404 means what it says."""
    async with serving(*before, problem(404, "not_found")) as server:
        backend = connected(server.url)
        with pytest.raises(NotFound):
            await backend.sessions.delete("s1")
        await backend.aclose()


async def test_a_refusal_after_a_lost_answer_says_who_may_have_done_it() -> None:
    """A conflict with oneself must be told from a conflict with another."""
    stale = problem(412, "stale_version", current_version=3)
    async with serving(Drop(), problem(409, "conflict"), Drop(), stale) as server:
        backend = connected(server.url)
        with pytest.raises(Conflict, match="An earlier attempt, whose answer was lost"):
            await backend.sessions.create(NewSession("s1"))
        with pytest.raises(StaleVersion, match="An earlier attempt") as caught:
            await backend.sessions.put("s1", [], if_match=2)
        await backend.aclose()
    assert caught.value.current == 3


async def test_who_calls_is_in_the_headers() -> None:
    """A token goes as a bearer token; our own client asks for whole values."""
    async with serving(session()) as server:
        backend = connected(server.url, token=" s3cret\n", agent="weather")
        await backend.sessions.get("s1")
        await backend.aclose()
    headers = server.seen[0].headers
    assert headers["authorization"] == "Bearer s3cret"
    assert headers["prefer"] == "return=representation"
    assert headers["user-agent"].startswith("commonhold/")
    assert server.seen[0].target == "/a/weather/v1/sessions/s1/summary"


async def test_a_user_in_the_url_is_basic_authentication() -> None:
    """As every HTTP client does it; a token wins over it."""
    async with serving(session()) as server:
        url = server.url.replace("//", "//me:p%40ss@")
        backend = connected(url)
        await backend.sessions.get("s1")
        with_token = connected(url, token="t0ken")
        await with_token.sessions.get("s1")
        await backend.aclose()
        await with_token.aclose()
    sent = [seen.headers["authorization"] for seen in server.seen]
    assert sent == ["Basic bWU6cEBzcw==", "Bearer t0ken"]


async def test_a_path_of_the_url_comes_before_everything() -> None:
    """A service may live below a path of a gateway."""
    async with serving(session()) as server:
        backend = connected(f"{server.url}/fleet/one/", agent="planner@v2")
        await backend.sessions.get("arn:a b%")
        await backend.aclose()
    assert server.seen[0].target == "/fleet/one/a/planner%40v2/v1/sessions/arn%3Aa%20b%25/summary"


async def test_nobody_follows_a_redirect() -> None:
    """It would carry the credential elsewhere; the error says where it pointed, without secrets."""
    elsewhere = page(307, location="https://login.example/in?code=s3cret")
    async with serving(elsewhere) as server:
        backend = connected(server.url)
        with pytest.raises(Unavailable, match=r"https://login\.example/in") as caught:
            await backend.sessions.get("s1")
        await backend.aclose()
    assert "s3cret" not in caught.value.detail
    assert len(server.seen) == 1


async def test_a_closed_store_says_so() -> None:
    """Every method, and everything bound from it; closing twice is harmless."""
    async with serving(Reply()) as server:
        backend = connected(server.url)
        bound = backend.bind(Scope(author=Author(agent="weather")))
        await backend.aclose()
        await backend.aclose()
        for call in (
            backend.sessions.create(),
            backend.sessions.get("s1"),
            backend.sessions.messages("s1", MessageQuery()),
            backend.sessions.put("s1", []),
            bound.traces.list(),
            bound.feedback.create(VOTE),
            backend.check(),
        ):
            with pytest.raises(Closed):
                await call
    assert server.seen == []


async def test_closing_lets_a_call_in_flight_finish() -> None:
    """What was sent gets its answer."""
    async with serving(session("s1")) as server:
        server.held.clear()
        backend = connected(server.url)
        call = asyncio.create_task(backend.sessions.get("s1"))
        await server.arrived.wait()
        closing = asyncio.create_task(backend.aclose())
        await asyncio.sleep(0)
        assert not closing.done()
        server.held.set()
        assert (await call).session_id == "s1"
        await closing


async def test_closing_ends_a_call_that_waits_to_be_repeated() -> None:
    """It has no connection to come back to."""
    async with serving(BUSY) as server:
        backend = open_backend(server.url, retry=Retry(attempts=99, base_s=0.01, cap_s=0.01))
        call = asyncio.create_task(backend.sessions.get("s1"))
        await server.arrived.wait()
        await backend.aclose()
        with pytest.raises(Closed):
            await call


async def test_many_calls_at_once_get_their_own_answers() -> None:
    """More calls than connections: each waits for its turn, and none is mixed up."""
    async with serving(Reply(200, b'{"cost_data":{"a":1}}')) as server:
        backend = connected(server.url)
        costs = await asyncio.gather(*(backend.sessions.cost(f"s{n}") for n in range(250)))
        await backend.aclose()
    assert set(costs) == {'{"a":1}'}
    assert {seen.target for seen in server.seen} == {
        f"/v1/sessions/s{n}/cost_data" for n in range(250)
    }


@pytest.mark.parametrize(
    "url",
    ["ftp://host", "https://", "https://host:port", "http://h/?token=s3cret", "http://h/#a", "h"],
)
def test_a_url_that_is_no_service_is_refused_at_once(url: str) -> None:
    """And what it holds is not repeated."""
    with pytest.raises(InvalidRequest) as caught:
        open_backend(url)
    assert "s3cret" not in caught.value.detail


def test_a_token_that_no_header_can_carry_is_refused() -> None:
    """It is not repeated either."""
    with pytest.raises(InvalidRequest) as caught:
        open_backend("http://h", token="s3cret\nX-Admin: 1")
    assert "s3cret" not in caught.value.detail
