"""How often one caller may ask, and what an agent may send in a day."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from commonhold.errors import QuotaExceeded
from commonhold.model import clock
from commonhold.model.scope import Author, Scope
from commonhold.service.limits import REMEMBERED, Buckets
from commonhold.sql import SqlBackend, SqlOptions, open_backend
from commonhold.sql.meter import DailyLimits, Meter
from commonhold.testing.otel import otel_span, trace_id
from tests.auth.everyone import everyone
from tests.auth.fleet import Fleet, fleet, unique

MOST = 5
SPANS = 3


@pytest.fixture
async def limited(tmp_path: Path) -> AsyncIterator[Fleet]:
    """A service that bears little."""
    url = f"sqlite:///{tmp_path / 'limited.db'}"
    most = {"limit_admin_per_minute": MOST, "limit_failed_per_minute": MOST}
    async with fleet(url, limits={**most, "limit_spans_per_day": SPANS}) as opened:
        yield opened


async def statuses(of: Fleet, who: str, method: str, *paths: str) -> list[int]:
    """What one caller is answered, one request after the other."""
    return [(await of.send(who, method, path)).status_code for path in paths]


async def test_administration_is_limited_for_each_credential(limited: Fleet) -> None:
    """One too many is told when to come again, in the header and in the body; others go on."""
    asked = ["/v1/keys", "/v1/webhooks", "/v1/erasures", "/v1/keys", "/v1/webhooks"]
    assert await statuses(limited, "operator", "GET", *asked) == [200] * MOST
    answer = await limited.send("operator", "GET", "/v1/keys")

    told = answer.json()
    assert (answer.status_code, told["code"]) == (429, "too_many_requests")
    assert told["retry_after_seconds"] == int(answer.headers["retry-after"]) == 12
    assert await statuses(limited, "platform-admin", "GET", "/v1/keys") == [200]
    assert await statuses(limited, "operator", "GET", "/v1/feedback") == [200]


async def test_refusals_are_limited_for_each_caller(limited: Fleet) -> None:
    """A good answer gives nobody more of them, and takes from nobody; 429 says no more than 404."""
    probes = [f"/v1/traces/none-{n}" for n in range(MOST)]
    assert await statuses(limited, "operator", "GET", *probes, *probes[:1]) == [*[404] * MOST, 429]
    assert await statuses(limited, "operator", "GET", "/v1/traces", *probes) == [200, *[429] * MOST]
    assert await statuses(limited, "other", "GET", probes[0], "/v1/keys") == [404, 403]
    bad = [
        await limited.client.get("/v1/traces", headers={"authorization": "Bearer bad"})
        for _ in range(MOST + 1)
    ]
    assert [each.status_code for each in bad] == [*[401] * MOST, 429]
    assert await statuses(limited, "agent", "GET", "/v1/traces") == [200]


async def test_people_behind_a_gateway_are_limited_one_by_one(tmp_path: Path) -> None:
    """They have one address, and what one of them is refused takes nothing from another."""
    url = f"sqlite:///{tmp_path / 'people.db'}"
    async with everyone(url, limit_failed_per_minute=MOST) as all_modes:
        path = f"/v1/feedback/{unique('none')}"
        asked = [await all_modes.user("ada", "GET", path) for _ in range(MOST + 1)]
        assert [each.status_code for each in asked] == [*[404] * MOST, 429]
        assert (await all_modes.user("eve", "GET", path)).status_code == 404


async def test_session_routes_are_never_throttled(limited: Fleet) -> None:
    """Whatever else its caller did: not when they work, and not when they do not."""
    await statuses(limited, "agent", "GET", *[f"/v1/traces/none-{n}" for n in range(MOST + 1)])
    absent = [unique("s") for _ in range(3 * MOST)]
    path = "/v1/sessions/{}".format
    assert set(await statuses(limited, "agent", "GET", *map(path, absent))) == {404}
    assert set(await statuses(limited, "agent", "POST", *["/v1/sessions"] * 3 * MOST)) == {201}
    assert set(await statuses(limited, "", "GET", *map(path, absent))) == {401}
    assert set(await statuses(limited, "ingest", "GET", *map(path, absent))) == {403}


async def test_spans_past_the_limit_of_a_day_are_refused_until_midnight(limited: Fleet) -> None:
    """In the words of OTLP; those of another agent are taken."""

    def body(number: int) -> object:
        told = {"traceId": trace_id(number), "spanId": "1" * 16, "name": "work"}
        times = {
            "startTimeUnixNano": "1700000000000000000",
            "endTimeUnixNano": "1700000000000000001",
        }
        return {"resourceSpans": [{"scopeSpans": [{"spans": [{**told, **times}]}]}]}

    sent = [await limited.send("agent", "POST", "/v1/traces", body(n)) for n in range(SPANS + 1)]

    assert [each.status_code for each in sent] == [*[200] * SPANS, 429]
    assert sent[-1].json()["code"] == 8  # RESOURCE_EXHAUSTED
    assert "3 spans today" in sent[-1].json()["message"]
    left_s = int(sent[-1].headers["retry-after"])
    midnight = (clock.now() // 1_000_000 + left_s) % 86_400
    assert midnight <= 2 or midnight >= 86_398
    native = await limited.send("agent", "POST", "/v1/traces", {"trace_id": "t", "started_at": "x"})
    assert native.status_code in (422, 429)
    other = await limited.send("other", "POST", "/v1/traces", body(9))
    assert other.status_code == 200


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind."""
    if request.param == "postgres":
        found: str = request.getfixturevalue("postgres_url")
        return found
    return f"sqlite:///{tmp_path}/metered.db"


@asynccontextmanager
async def replica(url: str, **limits: int) -> AsyncIterator[tuple[SqlBackend, Meter]]:
    """One process of a service: agent `a` of it, and what it counts."""
    options = SqlOptions(limits=DailyLimits(**limits))
    async with await open_backend(url, options=options) as backend:
        meter = backend.trace_memory.meter
        assert meter is not None
        yield backend.bind(Scope(author=Author("a"))), meter


async def test_a_day_is_counted_over_replicas_and_restarts(url: str) -> None:
    """What two took is more than either knows of, until both have written it down."""
    async with replica(url, spans=SPANS) as (one, told), replica(url, spans=SPANS) as (two, heard):
        await one.traces.record([otel_span(0), otel_span(1)])
        await two.traces.record([otel_span(2), otel_span(3)])
        await told.flush()
        await heard.flush()
        with pytest.raises(QuotaExceeded):
            await two.traces.record([otel_span(4)])
        await told.flush()
        with pytest.raises(QuotaExceeded):
            await one.traces.record([otel_span(5)])
        await one.bind(Scope(author=Author("b"))).traces.record([otel_span(6)])
    async with replica(url, trace_bytes=1) as (again, read):
        read.check("default", "a")
        await read.flush()
        with pytest.raises(QuotaExceeded, match="1 bytes of spans"):
            await again.traces.record([otel_span(7)])


def test_a_bucket_fills_with_time_and_nothing_else() -> None:
    """A minute's worth at most; and one who has not been seen for longest begins anew."""
    at = [0.0]
    buckets = Buckets(60, lambda: at[0])
    assert [buckets.wait_s("a") for _ in range(61)] == [*[0.0] * 60, 1.0]
    at[0] = 0.5
    assert buckets.wait_s("a") == 0.5
    assert buckets.wait_s("b") == 0.0
    at[0] = 600.0
    assert [buckets.wait_s("a") for _ in range(61)].count(0.0) == 60
    for n in range(REMEMBERED):
        buckets.wait_s(str(n))
    assert buckets.wait_s("a") == 0.0
