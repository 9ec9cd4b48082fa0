"""Vote tokens: a page without a credential gives one vote, and can do nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx2
import pytest

from commonhold.auth import Headers
from commonhold.auth.principal import Principal
from commonhold.auth.vote_token import key_of, sign, verify
from commonhold.contract.stores import Stores
from commonhold.errors import InvalidRequest, InvalidToken
from commonhold.http import Extras, HttpOptions, create_app
from commonhold.model import clock
from commonhold.model.clock import Micros
from commonhold.model.scope import Author, Scope
from commonhold.model.vote import VoteGrant, VoteTarget
from commonhold.sql import SqlBackend
from tests.http.conftest import LOCAL, over
from tests.http.problems import told

KEYS = [key_of(b"the one that signs, 32 bytes long"), key_of(b"the one before, 32 bytes long too")]
PAGE = "https://app.example"
TURN = {"session_id": "s1", "turn": 3}


async def keys() -> Sequence[bytes]:
    """The keys of these tests."""
    return KEYS


async def who(headers: Headers, agent: str | None, *, may_be_stale: bool = False) -> Principal:
    """The user is who a header says."""
    user = headers.get(b"x-test-user", b"").decode()
    return Principal(agent=agent or "", user=user, actor="tester", delegation="asserted")


@pytest.fixture
async def client(backend: SqlBackend) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a service that gives out tokens to pages of one origin."""
    options = HttpOptions(cors_origins=(PAGE,), vote_token_ttl_s=7200)
    app = create_app(Stores.on(backend), options, authenticate=who, extras=Extras(keys))
    async with over(app) as made:
        yield made


async def token(
    client: httpx2.AsyncClient, body: dict[str, Any], path: str = "", **headers: str
) -> dict[str, str]:
    """The header that a page sends with a token for `body`."""
    made = await client.post(f"{path}/v1/feedback/tokens", json=body, headers=headers)
    assert made.status_code == 201, made.text
    return {"Authorization": f"Bearer {made.json()['token']}"}


def grant(**fields: Any) -> VoteGrant:
    """A grant of a minute for turn 3 of a session."""
    told = {"scope": Scope(), "target": VoteTarget("s1", 3), "vote_id": "fb_1"}
    return VoteGrant(**{**told, "expires_s": clock.now() // 1_000_000 + 60, **fields})


async def test_a_page_votes_and_changes_its_mind(client: httpx2.AsyncClient) -> None:
    """One record, about the turn of the token and by its author; what is left out stays."""
    bearer = await token(client, TURN, "/a/weather")
    first = await client.post("/v1/feedback", json={"rating": -1, "comment": "no"}, headers=bearer)
    again = await client.post("/v1/feedback", json={"rating": 1}, headers=bearer)
    path = f"/v1/feedback/{first.json()['feedback_id']}"
    patched = await client.patch(path, json={"correction": "yes"}, headers=bearer)
    seen = await client.get(path, headers=bearer)
    [listed] = (await client.get("/v1/feedback")).json()

    assert (first.status_code, again.status_code, patched.status_code) == (201, 201, 200)
    assert first.json() == again.json()
    assert first.json()["turn"] == {"state": "pending"}
    assert seen.json() == patched.json() == listed
    assert (listed["rating"], listed["comment"], listed["correction"]) == (1, "no", "yes")
    assert (listed["session_id"], listed["turn_index"]) == ("s1", 3)
    assert (await client.get("/v1/scores")).json()[0]["author"] == "weather"


async def test_a_token_may_be_for_a_message_or_a_trace(client: httpx2.AsyncClient) -> None:
    """Whatever names the target in the body too, in any spelling, is the same target."""
    of_message = await token(client, {"session_id": "s1", "message_id": "m-1"})
    of_trace = await token(client, {"trace_id": "trace_" + "AB" * 16})
    same = {"rating": 1, "session_id": "s1", "message_id": "m-1", "trace_id": ""}
    sent = [
        await client.post("/v1/feedback", json=same, headers=of_message),
        await client.post("/v1/feedback", json={"rating": 1}, headers=of_trace),
        await client.post(
            "/v1/feedback", json={"rating": -1, "trace_id": "ab" * 16}, headers=of_trace
        ),
    ]
    trace, message = (await client.get("/v1/scores")).json()

    assert [answer.status_code for answer in sent] == [201, 201, 201]
    assert (message["session_id"], message["message_id"]) == ("s1", "m-1")
    assert (trace["trace_id"], trace["rating"]) == ("trace_" + "AB" * 16, -1)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"session_id": "s2"}, "session_id"),
        ({"turn_index": 4}, "turn_index"),
        ({"turn_index": 0.0}, "turn_index"),
        ({"message_id": "m1"}, "message_id"),
        ({"trace_id": "t1"}, "trace_id"),
        ({"model_id": "m"}, "model_id"),
        ({"latency_ms": 0}, "latency_ms"),
        ({"agent_type": ""}, "agent_type"),
    ],
)
async def test_a_page_says_nothing_of_another_turn_nor_what_is_not_its_to_say(
    body: dict[str, Any], named: str, client: httpx2.AsyncClient
) -> None:
    """403, with a sentence that names the field; nothing is kept."""
    bearer = await token(client, TURN)
    answer = await client.post("/v1/feedback", json={"rating": 1, **body}, headers=bearer)

    assert named in told(answer, 403, "forbidden")["detail"]
    assert (await client.get("/v1/feedback")).json() == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", "/v1/feedback"), ("GET", "/v1/feedback/stats"), ("GET", "/v1/scores")),
        *(("GET", "/v1/feedback/other"), ("PATCH", "/v1/feedback/other")),
        *(("DELETE", "/v1/feedback/{own}"), ("PATCH", "/v1/scores/{own}")),
        *(("POST", "/v1/feedback/tokens"), ("POST", "/v1/scores"), ("POST", "/v1/traces")),
        *(("GET", "/v1/sessions/s1"), ("PUT", "/v1/sessions/s1"), ("POST", "/a/b/v1/feedback")),
    ],
)
async def test_a_token_opens_nothing_else(
    method: str, path: str, client: httpx2.AsyncClient
) -> None:
    """403 whether the other thing is there or not."""
    bearer = await token(client, TURN)
    made = await client.post("/v1/feedback", json={"rating": 1}, headers=bearer)
    path = path.format(own=made.json()["feedback_id"])

    answer = await client.request(method, path, json={"rating": -1}, headers=bearer)

    told(answer, 403, "forbidden")


async def test_what_was_not_signed_so_is_no_token(client: httpx2.AsyncClient) -> None:
    """Every character counts, the last one too; 401 tells what is wrong, and nothing is kept."""
    good = sign(grant(), KEYS[0])
    swap = {"A": "B"}
    altered = [good[:at] + swap.get(good[at], "A") + good[at + 1 :] for at in range(5, len(good))]
    padded = [
        f"{good}=",
        f"{good}.",
        good[:-1],
        "chv1.",
        "chv1..",
        "chv1.é.x",
        "chv1." + "A" * 9000,
    ]
    foreign = sign(grant(), key_of(b"a key that nobody here knows, 32+"))
    for bad in (*altered, *padded, foreign):
        with pytest.raises(InvalidToken):
            verify(bad, KEYS, clock.now())

    expired = sign(grant(expires_s=clock.now() // 1_000_000), KEYS[0])
    for code, sent in (("invalid_token", altered[-1]), ("token_expired", expired)):
        headers = {"Authorization": f"Bearer {sent}"}
        answer = await client.post("/v1/feedback", json={"rating": 1}, headers=headers)
        assert answer.headers["www-authenticate"] == "Bearer"
        told(answer, 401, code)
    assert (await client.get("/v1/feedback")).json() == []


async def test_a_key_that_no_longer_signs_still_verifies(client: httpx2.AsyncClient) -> None:
    """So a secret can be changed while pages are open; and a token comes back as it was given."""
    author = Author("weather", "ada", "key:1", "verified")
    given = grant(scope=Scope("acme", author), target=VoteTarget(trace_id="t"), vote_id="fb_é")
    old = sign(given, KEYS[1])

    assert verify(old, KEYS, clock.now()) == given
    made = await client.post("/v1/feedback/tokens", json=TURN)
    verify(made.json()["token"], KEYS[:1], clock.now())
    with pytest.raises(InvalidRequest, match="too long"):
        sign(grant(scope=Scope("acme", Author(user="é" * 4000))), KEYS[0])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "session_id"),
        ({"session_id": "s1"}, "session_id"),
        ({"turn": 1}, "session_id"),
        ({"session_id": "s1", "turn": 1, "message_id": "m"}, "session_id"),
        ({"session_id": "s1", "turn": 1, "trace_id": "t"}, "session_id"),
        ({"session_id": "s1", "turn": -1}, "turn"),
        ({"session_id": "s1", "turn": 1.5}, "turn"),
        ({"session_id": "s1", "turn": "1"}, "turn"),
        ({"session_id": "a/b", "turn": 1}, "session_id"),
        ({**TURN, "ttl_s": 0}, "ttl_s"),
        ({**TURN, "ttl_s": 7201}, "ttl_s"),
        ({**TURN, "ttl_s": "60"}, "ttl_s"),
    ],
)
async def test_a_token_is_for_one_target_and_a_while(
    body: dict[str, Any], field: str, client: httpx2.AsyncClient
) -> None:
    """422 names the field and what is allowed."""
    answer = await client.post("/v1/feedback/tokens", json=body)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["body", field]


async def test_a_token_says_how_long_it_is_good_for(client: httpx2.AsyncClient) -> None:
    """An hour, unless it is asked for another time."""
    for ttl_s, body in ((3600, TURN), (7200, {**TURN, "ttl_s": 7200.0})):
        before = clock.now()
        made = await client.post("/v1/feedback/tokens", json=body)
        left = clock.from_rfc3339(made.json()["expires_at"]) - before
        assert Micros((ttl_s - 1) * 1_000_000) <= left <= Micros((ttl_s + 60) * 1_000_000)
        assert "=" not in made.json()["token"]


async def test_whose_page_is_loaded_again_votes_again(client: httpx2.AsyncClient) -> None:
    """A user, and who repeats an idempotency key, has one vote; nobody in particular a new one."""

    async def votes(times: int, **headers: str) -> int:
        before = len((await client.get("/v1/feedback")).json())
        for _ in range(times):
            bearer = await token(client, TURN, **headers)
            await client.post("/v1/feedback", json={"rating": 1}, headers=bearer)
        return len((await client.get("/v1/feedback")).json()) - before

    assert await votes(2, **{"X-Test-User": "ada"}) == 1
    assert await votes(2, **{"X-Test-User": "bob", "Idempotency-Key": "k"}) == 1
    assert await votes(2, **{"Idempotency-Key": "k"}) == 1
    assert await votes(2) == 2


async def test_a_vote_of_that_user_by_other_means_is_the_vote(client: httpx2.AsyncClient) -> None:
    """One vote of a user for a turn, whichever way it came."""
    user = {"X-Test-User": "ada"}
    body = {"rating": 1, "session_id": "s1", "turn_index": 3}
    before = await client.post("/v1/feedback", json=body, headers=user)
    bearer = await token(client, TURN, **user)
    now = await client.post("/v1/feedback", json={"rating": -1}, headers=bearer)

    assert now.json() == before.json()
    [kept] = (await client.get("/v1/feedback")).json()
    assert (kept["rating"], kept["user_id"]) == (-1, "ada")


async def test_an_id_that_another_author_took_is_not_overwritten(
    client: httpx2.AsyncClient,
) -> None:
    """Whoever knows how ids are made cannot have a page vote for something else."""
    made = await client.post("/v1/feedback/tokens", json=TURN, headers={"X-Test-User": "ada"})
    taken = {"score_id": made.json()["feedback_id"], "value": True}
    await client.post("/a/eve/v1/scores", json=taken)
    bearer = {"Authorization": f"Bearer {made.json()['token']}"}

    answer = await client.post("/v1/feedback", json={"rating": -1}, headers=bearer)

    assert answer.status_code == 409
    assert (await client.get("/v1/scores")).json()[0]["rating"] == 1


async def test_without_a_key_there_are_no_tokens(service: httpx2.AsyncClient) -> None:
    """It says so, rather than sign with something that others could know."""
    made = await service.post("/v1/feedback/tokens", json=TURN)
    headers = {"Authorization": f"Bearer {sign(grant(), KEYS[0])}"}
    voted = await service.post("/v1/feedback", json={"rating": 1}, headers=headers)

    assert (made.status_code, voted.status_code) == (501, 401)


@pytest.mark.parametrize(
    ("path", "methods"), [("/v1/feedback", "POST"), ("/v1/feedback/x/", "GET, PATCH")]
)
async def test_a_browser_may_ask_for_a_page_of_that_origin(
    path: str, methods: str, client: httpx2.AsyncClient
) -> None:
    """The methods of that path, two headers, for a while; no cookies."""
    ahead = {"Origin": PAGE, "Access-Control-Request-Method": "DELETE"}
    answer = await client.options(path, headers=ahead)

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-allow-methods"] == methods
    assert answer.headers["access-control-allow-headers"] == "authorization, content-type"
    assert int(answer.headers["access-control-max-age"]) > 0
    assert "Origin" in answer.headers.get_list("vary")
    assert "access-control-allow-credentials" not in answer.headers


async def test_an_answer_is_readable_where_a_page_may_ask(client: httpx2.AsyncClient) -> None:
    """Errors too; but not what no page may ask, nor for another origin, nor on another path."""

    async def readable(method: str, path: str, origin: str = PAGE) -> tuple[int, bool]:
        answer = await client.request(method, path, headers={"Origin": origin}, json={"rating": 1})
        allowed = answer.headers.get("access-control-allow-origin")
        assert allowed in (None, origin)
        return answer.status_code, allowed is not None

    other = "http://localhost:1"
    assert await readable("POST", "/v1/feedback") == (201, True)
    assert await readable("POST", "/a/weather/v1/feedback/") == (201, True)
    assert await readable("GET", "/v1/feedback/none") == (404, True)
    assert await readable("GET", "/v1/feedback") == (200, False)
    assert await readable("DELETE", "/v1/feedback/none") == (404, False)
    assert await readable("POST", "/v1/feedback", other) == (201, False)
    assert await readable("OPTIONS", "/v1/feedback", other) == (405, False)
    assert await readable("POST", "/v1/feedback/tokens") == (403, False)
    assert await readable("GET", "/v1/sessions") == (403, False)
    assert await readable("POST", "/v1/feedback", f"{PAGE}.evil.example") == (403, False)
    unasked = await client.get("/v1/feedback/none")
    assert "Origin" in unasked.headers.get_list("vary")


async def test_no_origin_no_header(service: httpx2.AsyncClient) -> None:
    """Where none is configured, nothing of it is said, and pages of other machines stay out."""
    answer = await service.post("/v1/feedback", json={"rating": 1}, headers={"Origin": LOCAL})
    ahead = {"Origin": LOCAL, "Access-Control-Request-Method": "POST"}
    asked = await service.options("/v1/feedback", headers=ahead)
    refused = await service.post("/v1/feedback", json={"rating": 1}, headers={"Origin": PAGE})

    assert [each.status_code for each in (answer, asked, refused)] == [201, 405, 403]
    for each in (answer, asked, refused):
        names = set(each.headers)
        assert "Origin" not in each.headers.get_list("vary")
        assert not [name for name in names if name.startswith("access-control")]


async def test_twenty_votes_at_once_with_one_token_are_one_record(
    client: httpx2.AsyncClient,
) -> None:
    """And it is counted once."""
    bearer = await token(client, TURN)
    sent = await asyncio.gather(
        *(client.post("/v1/feedback", json={"rating": 1}, headers=bearer) for _ in range(20))
    )

    assert {answer.status_code for answer in sent} == {201}
    assert len({answer.json()["feedback_id"] for answer in sent}) == 1
    [counted] = (await client.get("/v1/feedback/stats")).json()
    assert (counted["thumbs_up"], counted["thumbs_down"]) == (1, 0)
