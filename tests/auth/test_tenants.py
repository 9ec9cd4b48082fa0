"""Several tenants over HTTP: who is let in, and that nobody sees anything of another's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
import pytest
import pytest_asyncio
import uvicorn

from commonhold import compose
from commonhold.auth.tenants import TTL_S, TenantDoor, settle
from commonhold.compose.app import create_app
from commonhold.compose.storage import open_to_serve
from commonhold.errors import (
    CommonholdError,
    TenantConflict,
    TenantDisabled,
    TenantRequired,
    TenantUnknown,
    Unavailable,
)
from commonhold.http import Service
from commonhold.model.clock import Micros
from commonhold.model.key import NewKey
from commonhold.model.tenant import Tenant
from commonhold.service.keys import BOOTSTRAP
from commonhold.service.sealing import EVERY_S, Sealer
from commonhold.service.verifying import verify
from commonhold.settings import InvalidSettings, Settings
from tests.auth.everyone import GATEWAY, calling
from tests.auth.fleet import PEPPER
from tests.auth.walled import Walled, walled
from tests.databases import Databases
from tests.http.problems import told

pytestmark = pytest.mark.asyncio(loop_scope="module")

TENANTS = ("acme", "bolt")
REQUESTS = 200
SESSION = {"messages": [{"role": "user", "content": "hello", "id": "m1"}]}
LISTS = (
    *("sessions", "traces", "feedback", "scores", "agents"),
    *("webhooks", "keys", "registered-agents", "audit", "erasures"),
)
ASKED = (
    *(("/v1/sessions?parent={}", "session_id"), ("/v1/sessions?q={}", "session_id")),
    *((f"/v1/{listed}?session_id={{}}", "session_id") for listed in ("traces", "feedback")),
    *((f"/v1/{listed}?trace_id={{}}", "trace_id") for listed in ("feedback", "scores")),
    ("/v1/sessions?agent={}", "agent"),
)
"""Lists that are asked for what has an id, and the id."""

ABOUT = {"session_id": "kept", "message_id": "m1"}
TRACE = {"trace_id": "t1", "started_at": "2026-01-01T00:00:00Z", "spans": []}


@dataclass(frozen=True, slots=True)
class Shared:
    """A service of several tenants behind a real socket, and keys by tenant and preset."""

    app: Service
    client: httpx2.AsyncClient
    keys: dict[tuple[str, str], str] = field(default_factory=dict)

    async def send(
        self, tenant: str, method: str, path: str, body: Any = None, preset: str = "agent"
    ) -> httpx2.Response:
        """A request with a key of a tenant."""
        headers = {"authorization": f"Bearer {self.keys[tenant, preset]}", "x-request-id": "r"}
        return await self.client.request(method, path, json=body, headers=headers)

    async def ok(self, tenant: str, method: str, path: str, body: Any = None) -> Any:
        """What a request was answered, which went well."""
        answer = await self.send(tenant, method, path, body)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()


def settings_of(database: Walled) -> Settings:
    """The settings of a service of several tenants, with a pool of two."""
    return Settings(
        database=database.app,
        database_maintenance=database.maintenance,
        tenancy="required",
        auth="keys",
        pepper=(PEPPER,),
        pool_size=2,
        webhook_allow="127.0.0.0/8",
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def database(postgres_server: Databases) -> AsyncIterator[Walled]:
    """A database with a wall in it."""
    async with walled(postgres_server) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(database: Walled) -> AsyncIterator[Shared]:
    """The service, two tenants with keys, and one that is nobody's."""
    settings = settings_of(database)
    app = create_app(settings)
    async with compose.open_tenants(settings) as tenants:
        for name in TENANTS:
            await tenants.create(name)
    async with serving(app) as client, compose.open_key_ring(settings) as ring:
        made = Shared(app, client)
        for tenant in (*TENANTS, "nowhere"):
            for preset, agent in (("agent", "a"), ("operator", ""), ("platform-admin", "")):
                new = NewKey(preset, agent)  # type: ignore[arg-type]
                issued = await ring.create(replace(BOOTSTRAP, tenant=tenant), new)
                made.keys[tenant, preset] = issued.text
        yield made


@asynccontextmanager
async def serving(app: Service) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the service on a free port, as uvicorn runs it."""
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="on")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        yield client
    server.should_exit = True
    await task


async def test_interleaved_requests_of_two_tenants_never_see_a_foreign_row(here: Shared) -> None:
    """Two hundred at once over a pool of two, by the same ids: each hears of its own alone."""

    async def one(n: int) -> None:
        tenant, other = TENANTS if n % 2 else TENANTS[::-1]
        path = f"/v1/sessions/s{n // 8}"
        if n % 8 < 2:
            body = {"messages": [{"role": "user", "content": f"of {tenant}", "id": f"m{n}"}]}
            answer = await here.send(tenant, "POST", f"{path}/messages", body)
        elif n % 8 < 4:
            vote = {"rating": 1, "session_id": f"s{n // 8}", "comment": f"of {tenant}"}
            answer = await here.send(tenant, "POST", "/v1/feedback", vote)
        elif n % 8 < 6:
            answer = await here.send(tenant, "GET", f"{path}/messages", preset="operator")
        else:
            answer = await here.send(tenant, "GET", "/v1/feedback", preset="operator")
        assert answer.status_code in {200, 201, 404}, answer.text
        assert f"of {other}" not in answer.text

    for tenant in TENANTS:
        for n in range(REQUESTS // 8):
            await here.ok(tenant, "POST", "/v1/sessions", {"session_id": f"s{n}"})
    await asyncio.gather(*(one(n) for n in range(REQUESTS)))
    for tenant in TENANTS:
        votes = (await here.send(tenant, "GET", "/v1/feedback?limit=200", preset="operator")).json()
        assert {vote["comment"] for vote in votes} == {f"of {tenant}"}
        assert len(votes) == REQUESTS // 8


async def test_what_is_anothers_is_answered_as_what_is_absent(here: Shared) -> None:
    """On every GET route with an id in it, byte for byte but for that id; lists are without it."""
    ours, theirs = TENANTS
    await here.ok(ours, "PUT", "/v1/sessions/secret", SESSION)
    await here.ok(ours, "POST", "/v1/traces", TRACE)
    vote = (await here.ok(ours, "POST", "/v1/feedback", {"rating": 1}))["feedback_id"]
    hook = {"url": "http://127.0.0.1:9/hook", "conditions": {"rating": "down"}}
    made = await here.send(ours, "POST", "/v1/webhooks", hook, "operator")
    assert made.status_code == 201, made.text
    key = (await here.send(ours, "GET", "/v1/keys", preset="operator")).json()[0]["key_id"]
    hidden = await here.send(ours, "PUT", "/v1/agents/hidden", preset="operator")
    assert hidden.status_code == 200, hidden.text
    receipt = await here.send(ours, "POST", "/v1/erasures", {"user": "eve"}, "operator")
    assert receipt.status_code == 201, receipt.text
    erased = receipt.json()["erasure_id"]
    ids = {
        "session_id": ("secret", "absent"),
        "trace_id": ("t1", "tx"),
        "feedback_id": (vote, f"fb_{'0' * 32}"),
        "score_id": (vote, f"fb_{'0' * 32}"),
        "webhook_id": (made.json()["webhook_id"], f"hook_{'0' * 32}"),
        "key_id": (key, "0" * 12),
        "agent": ("hidden", "nobody"),
        "erasure_id": (erased, f"{erased[:-6]}000000"),
    }
    routes = [each for each in here.app.operations if each.method == "GET" and each.key_name]
    assert len(routes) >= 15
    paths = [(route.path, ids[route.key_name]) for route in routes]
    for path, (there, absent) in (*paths, *((path, ids[name]) for path, name in ASKED)):
        assert len(there) == len(absent)
        for preset in ("agent", "operator"):
            seen = [await shown(here, theirs, path, each, preset) for each in (there, absent)]
            assert seen[0] == seen[1], path
            assert seen[0][0] in {403, 404} or seen[0][1] == "[]", path
    for listed in LISTS:
        answer = await here.send(theirs, "GET", f"/v1/{listed}?limit=200", preset="operator")
        assert answer.status_code == 200, answer.text
        assert not {there for there, _ in ids.values()} & set(answer.text.split('"')), listed
    await here.ok(theirs, "PUT", "/v1/sessions/secret", SESSION)


def named(path: str, ident: str) -> str:
    """A path with an id where it has a name in braces, or in its query."""
    return f"{path.partition('{')[0]}{ident}{path.partition('}')[2]}"


async def shown(
    here: Shared, tenant: str, path: str, ident: str, preset: str
) -> tuple[int, str, list[tuple[str, str]]]:
    """All of an answer but its time, with the id that was asked for left out."""
    answer = await here.send(tenant, "GET", named(path, ident), preset=preset)
    headers = [each for each in answer.headers.items() if each[0] != "date"]
    return answer.status_code, answer.text.replace(ident, "ID"), headers


async def test_answers_are_for_nobody_but_who_asked(here: Shared) -> None:
    """No cache may keep one, nor give it to somebody with another key."""
    for path, preset in (
        ("/v1/sessions", "agent"),
        ("/v1/sessions/none", "agent"),
        ("/v1/keys", "agent"),
    ):
        answer = await here.send("acme", "GET", path, preset=preset)
        assert answer.headers["cache-control"] == "no-store"
        assert "Authorization" in answer.headers.get_list("vary")


async def test_only_who_is_of_a_tenant_that_is_let_in_comes_in(here: Shared) -> None:
    """A tenant is made, kept out and let in again over HTTP; what it has stays."""
    told(await here.send("nowhere", "GET", "/v1/sessions"), 403, "tenant_unknown")
    admin = ("nowhere", "POST", "/v1/tenants")
    told(await here.send("acme", "GET", "/v1/tenants", preset="operator"), 403, "forbidden")
    told(await here.send(*admin, {"tenant": "Not-One"}, "platform-admin"), 422, "invalid_request")
    told(await here.send(*admin, {"tenant": "acme"}, "platform-admin"), 409, "conflict")
    made = await here.send(*admin, {"tenant": "crux"}, "platform-admin")
    assert (made.status_code, made.json()["status"]) == (201, "active")
    listed = await here.send("nowhere", "GET", "/v1/tenants", preset="platform-admin")
    assert [each["tenant"] for each in listed.json()] == ["acme", "bolt", "crux"]

    await here.ok("bolt", "PUT", "/v1/sessions/kept", SESSION)
    token = (await here.ok("bolt", "POST", "/v1/feedback/tokens", ABOUT))["token"]
    out = await here.send("nowhere", "POST", "/v1/tenants/bolt/disable", None, "platform-admin")
    assert out.json()["status"] == "disabled"
    told(await here.send("bolt", "GET", "/v1/sessions"), 403, "tenant_disabled")
    vote = {"authorization": f"Bearer {token}"}
    told(await here.client.post("/v1/feedback", json={"rating": 1}, headers=vote), 403)
    told(await here.send("nowhere", "POST", "/v1/tenants/none/enable", None, "platform-admin"), 404)
    await here.send("nowhere", "POST", "/v1/tenants/bolt/enable", None, "platform-admin")
    assert len((await here.ok("bolt", "GET", "/v1/sessions/kept"))["messages"]) == 1


async def test_events_of_every_tenant_are_sealed(here: Shared, database: Walled) -> None:
    """By a role that sees all of them; each reads its own."""
    settings = settings_of(database)
    for tenant in TENANTS:
        made = await here.send(tenant, "PUT", f"/v1/agents/of-{tenant}", preset="operator")
        assert made.status_code == 200, made.text
        seen = (await here.send(tenant, "GET", "/v1/audit", preset="operator")).json()
        named = {str(each["resource_id"]) for each in seen}
        assert {each for each in named if each.startswith("of-")} == {f"of-{tenant}"}
    async with compose.open_audit_log(settings) as log:
        while await Sealer(compose.seal_keys(settings)[0]).step(log) < EVERY_S:
            pass
        found = await verify(log, compose.seal_keys(settings))
    assert found.broken is None
    assert set(TENANTS) <= set(found.heads)
    for name in (*TENANTS, "default"):  # events of nobody's tenant are there too
        await compose.check_tenant_of_events(settings, name)
    with pytest.raises(TenantUnknown, match=r"no tenant acem. Did you mean acme\?"):
        await compose.check_tenant_of_events(settings, "acem")


async def test_a_gateway_or_a_token_says_the_tenant_too(here: Shared, database: Walled) -> None:
    """Where nothing does, nobody is let in; and an issuer that could not say is no issuer here."""
    by_gateway = replace(settings_of(database), auth="gateway", gateway_cidrs="10.9.0.0/16")
    for usual, wanted in ("", "tenant_required"), ("acme", None):
        app = create_app(replace(by_gateway, gateway_default_tenant=usual))
        async with app.router.lifespan_context(app), calling(app, GATEWAY) as client:
            for named, code in ((None, wanted), ("bolt", None), ("none", "tenant_unknown")):
                headers = {"x-auth-subject": "ada"} | ({"x-tenant-id": named} if named else {})
                answer = await client.get("/v1/sessions", headers=headers)
                assert answer.json() == [] if code is None else told(answer, 403, code)
    issuer = {"alias": "sso", "issuer": "https://sso.example", "audiences": ["commonhold"]}
    by_token = replace(settings_of(database), auth="oidc", oidc_issuers=json.dumps([issuer]))
    with pytest.raises(InvalidSettings, match="`tenant` or `tenant_claim`"):
        create_app(by_token)


async def test_every_process_heeds_a_tenant_that_is_kept_out_within_two_seconds() -> None:
    """It is asked again then, and not before; when nobody can be asked, nobody new is let in."""
    clock = Micros(0)
    known: dict[str, Tenant] = {"acme": Tenant("acme", "active", Micros(0))}
    asked: list[str] = []
    error: CommonholdError | None = None

    async def find(name: str) -> Tenant | None:
        asked.append(name)
        if error is not None:
            raise error
        return known.get(name)

    door = TenantDoor(find, lambda: clock)
    await door.check("acme")
    known["acme"] = Tenant("acme", "disabled", Micros(0))
    clock = Micros(TTL_S * 1_000_000 - 1)
    await door.check("acme")
    assert asked == ["acme"]
    clock = Micros(TTL_S * 1_000_000)
    error = Unavailable()
    await door.check("acme", may_be_stale=True)
    with pytest.raises(Unavailable):
        await door.check("acme")
    error = None
    with pytest.raises(TenantDisabled):
        await door.check("acme")
    with pytest.raises(TenantUnknown):
        await door.check("bolt")


async def test_a_request_is_of_one_tenant() -> None:
    """Which everything says that says one at all."""
    assert settle(None, "acme", "", "acme") == "acme"
    for named, error in (
        ((), TenantRequired),
        ((None, ""), TenantRequired),
        (("acme", "bolt"), TenantConflict),
        (("Acme",), TenantUnknown),
        (("a" * 64,), TenantUnknown),
    ):
        with pytest.raises(error):
            settle(*named)


async def test_a_service_of_several_tenants_starts_only_where_they_are_kept_apart(
    database: Walled,
) -> None:
    """The settings are refused in a sentence, and so is a role that no wall stops."""
    good = settings_of(database)
    good.refuse_unsafe()
    for wrong, needed in (
        (replace(good, database="sqlite:///x.db"), "SQLite keeps no tenants apart"),
        (replace(good, database_maintenance=""), "BYPASSRLS"),
        (replace(good, auth="none"), "COMMONHOLD_AUTH=keys"),
        (replace(good, tenancy="single"), "COMMONHOLD_TENANCY=required only"),
    ):
        with pytest.raises(InvalidSettings, match=needed):
            wrong.refuse_unsafe()
    with pytest.raises(Unavailable, match=r"has BYPASSRLS.*db secure"):
        await open_to_serve(replace(good, database=database.maintenance))
    backend = await open_to_serve(good)
    await backend.aclose()
