"""An agent for a user: the four forms of evidence, and what two proofs may not say."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

import commonhold
from commonhold.client import open_backend
from commonhold.errors import InvalidRequest
from tests.auth.everyone import CLUSTER, Everyone, everyone
from tests.auth.fleet import unique
from tests.auth.test_gateway import owner_of
from tests.auth.test_rows import ok, said
from tests.http.conftest import LOCAL
from tests.http.problems import told

pytestmark = pytest.mark.asyncio(loop_scope="module")

POD: dict[str, Any] = {
    "iss": CLUSTER,
    "sub": "system:serviceaccount:fleet:weather",
    "azp": None,
    "jti": None,
    "typ": None,
}
OF_ITSELF: dict[str, Any] = {
    "azp": "weather-client",
    "client_id": "weather-client",
    "sub": "0b9f",
    "preferred_username": "service-account-weather-client",
}
"""What a token of a client of Keycloak says that nobody is signed in with."""

IN_CLUSTER = {"typ": None}
TABLES = ("session", "message", "session_event", "trace_part", "span", "feedback")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the database is."""
    return tmp_path_factory.mktemp("acting")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(folder: Path) -> AsyncIterator[Everyone]:
    """A service that knows the agents `weather` and `news` by their clients, and one by its pod."""
    async with everyone(f"sqlite:///{folder / 'acting.db'}") as made:
        for agent in ("weather", "news"):
            await made.manage("PUT", f"/v1/agents/{agent}")
            known = {"kind": "oidc_client", "issuer": "realm", "subject": f"{agent}-client"}
            await made.manage("POST", f"/v1/agents/{agent}/bindings", known)
        pod = {"kind": "k8s_sa", "issuer": "pods", "subject": POD["sub"]}
        await made.manage("POST", "/v1/agents/weather/bindings", pod)
        yield made


async def author(here: Everyone, credential: str, **headers: str) -> tuple[str | None, str | None]:
    """The agent and the user as whom a credential writes."""
    path = f"/v1/sessions/{unique('s')}"
    await ok(await here.bearing(credential, "PUT", path, said("a1"), **headers))
    return await owner_of(here, path)


async def refused(
    here: Everyone, credential: str, status: int, code: str, **headers: str
) -> dict[str, Any]:
    """The problem that a credential meets."""
    return told(await here.bearing(credential, "GET", "/v1/sessions", **headers), status, code)


async def test_a_token_says_which_agent_acts_and_for_whom(here: Everyone) -> None:
    """By `act`, by the client that asked for it, and by itself."""
    token = here.mint.token
    both = ("weather", "ada")
    assert await author(here, token(azp="weather-client")) == both
    assert await author(here, token(act={"sub": "weather-client"})) == both
    assert await author(here, token(act={"sub": "weather-client", "act": {"sub": "news"}})) == both
    assert await author(here, token(act={"sub": POD["sub"], "iss": CLUSTER})) == both
    assert await author(here, token(azp="weather-client", act={"sub": "weather-client"})) == both
    assert await author(here, token()) == (None, "ada")
    assert await author(here, token(**OF_ITSELF)) == ("weather", None)
    assert await author(here, token(IN_CLUSTER, **POD)) == ("weather", None)


async def test_a_user_cannot_be_taken_for_the_agent_by_a_name(here: Everyone) -> None:
    """Of what a service account is known by, a user may choose the name and nothing else."""
    chosen = here.mint.token(
        azp="weather-client", preferred_username="service-account-weather-client"
    )
    assert await author(here, chosen) == ("weather", "ada")
    assert await author(here, here.mint.token(sub="weather")) == (None, "weather")


async def test_proof_of_both_makes_an_agent_that_acts_for_a_user(here: Everyone) -> None:
    """The user's token, one that was made for the agent too, and beside it the agent's own."""
    key = await here.key("agent", "weather")
    of_itself, pod = here.mint.token(**OF_ITSELF), here.mint.token(IN_CLUSTER, **POD)
    for user in (here.mint.token(), here.mint.token(aud="weather")):
        for proof in (key, of_itself, pod):
            shown = {"x_agent_authorization": f"Bearer {proof}"}
            assert await author(here, user, **shown) == ("weather", "ada")
    shown = {"x_agent_authorization": f"Bearer {key}"}
    operator = here.mint.token(roles=["fleet-operator"])
    assert await author(here, operator, **shown) == ("weather", "ada")
    answer = await here.bearing(operator, "GET", "/v1/keys", **shown)
    told(answer, 403, "forbidden")
    path = f"/a/news/v1/sessions/{unique('s')}"
    told(await here.bearing(here.mint.token(), "PUT", path, said("a"), **shown), 403, "forbidden")


async def test_a_token_that_was_lent_says_nothing_of_who_sent_it(here: Everyone) -> None:
    """Its user is known; an agent that it names is not there by that, and none lends its own."""
    lent = here.mint.token(azp="weather-client", aud="weather")
    assert await author(here, lent) == (None, "ada")
    acted = here.mint.token(act={"sub": "weather-client"}, aud="weather")
    assert await author(here, acted) == (None, "ada")
    own = await refused(here, here.mint.token(**OF_ITSELF, aud="weather"), 401, "unauthenticated")
    assert "(`aud`)" in own["detail"]


async def test_two_proofs_that_disagree_are_refused(here: Everyone) -> None:
    """On the agent or on the tenant; and one that is not good spoils both."""
    token, key = here.mint.token, await here.key("agent", "weather")
    two = token(azp="weather-client", act={"sub": "news-client"})
    await refused(here, two, 401, "identity_conflict")
    mine = {"x_agent_authorization": f"Bearer {key}"}
    await refused(here, token(azp="news-client"), 401, "identity_conflict", **mine)
    elsewhere = await here.key("agent", "weather", "acme")
    foreign = {"x_agent_authorization": f"Bearer {elsewhere}"}
    await refused(here, token(), 403, "tenant_conflict", **foreign)
    for junk in ("", "Bearer junk", "Basic dTpw", f"Bearer {key}, Bearer {key}"):
        await refused(here, token(), 401, "unauthenticated", x_agent_authorization=junk)
    for subject in (key, token(**OF_ITSELF), "junk"):
        await refused(here, subject, 401, "unauthenticated", **mine)
    viewer, user = await here.key("viewer"), token()
    for proof in (viewer, user, token(azp="weather-client")):
        shown = {"x_agent_authorization": f"Bearer {proof}"}
        await refused(here, token(), 401, "unauthenticated", **shown)


async def test_an_actor_whom_nobody_registered_may_do_nothing(here: Everyone) -> None:
    """Named by a token, or by itself; it does not become the user instead."""
    token = here.mint.token
    for unknown in (
        token(act={"sub": "stranger"}),
        token(act={"sub": "spiffe://x/y"}),
        token(azp="weather-client", act={"sub": "stranger"}),
        token(sub="stranger", azp="stranger"),
        token(IN_CLUSTER, **{**POD, "sub": "system:serviceaccount:fleet:other"}),
        token(act={"sub": "weather-client", "iss": "https://partner.example"}),
    ):
        await refused(here, unknown, 403, "unknown_agent")
    for act in (
        "weather-client",
        {},
        {"sub": 1},
        {"sub": ""},
        ["weather-client"],
        {"sub": "x" * 5000},
    ):
        answer = await here.bearing(token(act=act), "GET", "/v1/sessions")
        assert answer.status_code in {401, 403}, act
    deep: dict[str, Any] = {"sub": "weather-client"}
    for _ in range(9):
        deep = {"sub": "weather-client", "act": deep}
    await refused(here, token(act=deep), 401, "unauthenticated")
    await refused(here, token(act={"sub": "weather-client", "iss": "x"}), 401, "unauthenticated")


async def test_a_user_is_named_by_word_only_with_a_key_that_may(here: Everyone) -> None:
    """A token of an agent is no such key: there is better proof."""
    obo, plain = await here.key("agent-obo", "weather"), await here.key("agent", "weather")
    named = {"x_on_behalf_of": "ada"}
    assert await author(here, obo, **named) == ("weather", "ada")
    for credential in (plain, here.mint.token(**OF_ITSELF)):
        await refused(here, credential, 403, "forbidden", **named)
    shown = {"x_agent_authorization": f"Bearer {obo}", "x_on_behalf_of": "eve"}
    assert await author(here, here.mint.token(), **shown) == ("weather", "ada")


async def test_how_sure_we_are_stands_on_every_row(here: Everyone, folder: Path) -> None:
    """Proven, only named, or the agent for itself: in each table that says who wrote."""
    key, obo = await here.key("agent", "weather"), await here.key("agent-obo", "weather")
    proven = {"x_agent_authorization": f"Bearer {key}"}
    for credential, user, headers, expected in (
        (here.mint.token(sub="vera"), "vera", proven, "verified"),
        (here.mint.token(sub="vic", azp="weather-client"), "vic", {}, "verified"),
        (obo, "asa", {"x_on_behalf_of": "asa"}, "asserted"),
    ):
        session, trace = unique("s"), unique("t")
        for method, path, body in (
            ("PUT", f"/v1/sessions/{session}", said("a1", "a2")),
            ("POST", f"/v1/sessions/{session}/revert", {"to_message_index": 1}),
            (
                "POST",
                "/v1/traces",
                {
                    "trace_id": trace,
                    "started_at": "2026-01-01T00:00:00Z",
                    "spans": [{"span_id": "1", "name": "w", "start_time": 1, "end_time": 2}],
                },
            ),
            ("POST", "/v1/feedback", {"rating": 1}),
        ):
            await ok(await here.bearing(credential, method, path, body, **headers))
        with closing(sqlite3.connect(folder / "acting.db")) as database:
            for table in TABLES:
                query = f"SELECT DISTINCT owner_agent, actor, delegation FROM {table} WHERE owner_user = ?"
                rows = database.execute(query, [user]).fetchall()
                assert rows == [("weather", "agent:weather", expected)], (table, user)


async def test_a_token_that_was_lent_to_an_agent_needs_the_proof_of_that_agent(
    tmp_path: Path,
) -> None:
    """Where that is asked for; the user's own token for this service is as good as ever."""
    async with everyone(f"sqlite:///{tmp_path}/x.db", require_agent_proof=True) as strict:
        key = await strict.key("agent", "weather")
        lent = strict.mint.token(aud="weather")
        told(await strict.bearing(lent, "GET", "/v1/sessions"), 403, "agent_proof_needed")
        shown = {"x_agent_authorization": f"Bearer {key}"}
        assert await author(strict, lent, **shown) == ("weather", "ada")
        await ok(await strict.bearing(strict.mint.token(), "GET", "/v1/sessions"))


async def test_our_client_shows_its_own_proof_beside_the_token_of_its_user(here: Everyone) -> None:
    """For as long as it acts for that user, in every task that is begun meanwhile, and in no other."""
    key, session = await here.key("agent", "weather"), unique("s")
    network = httpx2.ASGITransport(app=here.app)
    backend = open_backend(LOCAL, token=key, transport=network)
    text = '{"role": "user", "content": "x"}'

    async def create(user: str) -> str | None:
        if not user:
            return (await backend.sessions.create()).user
        with commonhold.acting_for(here.mint.token(sub=user)):
            return (await asyncio.create_task(backend.sessions.create())).user

    users = ["ada", "", "eve", "bob", ""]
    assert list(await asyncio.gather(*map(create, users))) == users
    with commonhold.acting_for(here.mint.token(sub="ada")):
        await backend.sessions.append(session, [text])
    with commonhold.acting_for("two words"), pytest.raises(InvalidRequest, match="characters"):
        await backend.sessions.create()
    assert await owner_of(here, f"/v1/sessions/{session}") == ("weather", "ada")
    await backend.aclose()
