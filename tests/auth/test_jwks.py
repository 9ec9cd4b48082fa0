"""Keys of an issuer: how often they are fetched, and how long they last. The clock is the test's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest

from commonhold.auth import jwks as module
from commonhold.auth.issuers import Issuer, Issuers
from commonhold.auth.jwks import COLD_S, KEPT_S, LEAST_S, UNKNOWN, UNKNOWN_S, KeySet
from commonhold.auth.key_source import source_of
from commonhold.auth.tokens import Verifier
from commonhold.client.documents import MAX_BYTES, DocumentReader
from commonhold.errors import Unauthenticated, Unavailable
from tests.auth.minting import Mint, public, rsa
from tests.auth.publisher import DISCOVERY, KEYS, Publisher, publisher

NEXT, LATER = rsa("next"), rsa("later")


@dataclass
class Site:
    """A service that takes tokens of one issuer, and the time there."""

    there: Publisher
    keys: KeySet
    verifier: Verifier
    now: float = 0.0

    def token(self, kid: str = "rsa", **claims: Any) -> str:
        """A token of the issuer, signed with one of its keys."""
        key = {"next": NEXT, "later": LATER}.get(kid, rsa())
        return replace(Mint(key), claims={"iss": self.there.url}).token({"kid": kid}, **claims)

    async def takes(self, token: str) -> bool:
        """Whether a token is taken."""
        try:
            await self.verifier.verify(token)
        except Unauthenticated:
            return False
        return True

    async def settled(self) -> None:
        """Return when nothing is fetched any more."""
        while self.keys._fetching is not None:
            await asyncio.wait([self.keys._fetching])


@asynccontextmanager
async def site(there: Publisher, issuer: Issuer) -> AsyncIterator[Site]:
    """A service that takes tokens of `issuer`."""
    reader = DocumentReader()
    keys = KeySet("main", source_of(issuer, lambda url: reader.get(url, {})), lambda: made.now)
    made = Site(there, keys, Verifier(Issuers([issuer]), {"main": keys}))
    yield made
    await keys.aclose()
    await reader.aclose()


@pytest.fixture
async def here() -> AsyncIterator[Site]:
    """A service, and an issuer that has one key."""
    async with publisher(keys=public(rsa())) as there, site(there, there.issuer()) as made:
        yield made


async def test_a_flood_of_unknown_keys_costs_one_fetch_in_half_a_minute(here: Site) -> None:
    """200 of them, and no good token is refused meanwhile; a new key is found by the next fetch."""
    assert await here.takes(here.token())
    here.there.pages[KEYS] = public(rsa(), NEXT)
    for period in range(1, 4):
        here.now += LEAST_S
        tokens = [here.token(uuid4().hex) for _ in range(200)]
        good = [here.token(jti=uuid4().hex) for _ in range(200)]
        taken = await asyncio.gather(*map(here.takes, tokens), *map(here.takes, good))
        assert taken == [False] * 200 + [True] * 200
        assert len(here.there.asked) == 1 + period
    assert await here.takes(here.token("next"))
    assert len(here.there.asked) == 4
    assert len(here.keys._unknown) <= UNKNOWN


async def test_an_unknown_key_that_was_looked_for_is_not_looked_for_again_soon(here: Site) -> None:
    """Even where a fetch would be allowed; but one that was not looked for is."""
    assert await here.takes(here.token())
    here.now += LEAST_S
    assert not await here.takes(here.token("next"))
    here.there.pages[KEYS] = public(rsa(), NEXT)
    here.now += LEAST_S
    assert not await here.takes(here.token("next"))
    assert len(here.there.asked) == 2
    here.now += UNKNOWN_S - LEAST_S
    assert await here.takes(here.token("next"))

    here.now += 1
    assert not await here.takes(here.token("later"))
    here.there.pages[KEYS] = public(LATER)
    here.now += LEAST_S
    assert await here.takes(here.token("later"))


async def test_keys_are_fetched_again_beside_the_requests(here: Site) -> None:
    """Nobody waits for it; a key that its issuer took back opens nothing after that."""
    assert await here.takes(here.token())
    here.there.pages[KEYS] = public(NEXT)
    here.there.hold.clear()
    here.now += module.FRESH_S * 1.2
    good = here.token()
    assert await here.takes(good)
    assert await here.takes(good)
    here.there.hold.set()
    await here.settled()
    assert len(here.there.asked) == 2
    assert not await here.takes(good)
    assert await here.takes(here.token("next"))


@pytest.mark.parametrize(
    ("status", "page"),
    [
        ("500 Oops", {}),
        ("302 Found", public(rsa())),
        ("200 OK", b"<html>"),
        ("200 OK", {"keys": []}),
        ("200 OK", b" " * (MAX_BYTES + 1)),
    ],
)
async def test_good_keys_outlive_an_issuer_that_fails(here: Site, status: str, page: Any) -> None:
    """For a day; then the answer is 503, and never 401 or a yes."""
    good = here.token()
    assert await here.takes(good)
    here.there.status, here.there.pages[KEYS] = status, page
    for hours in (1, 12, 10.9):
        here.now += hours * 3600
        assert await here.takes(good)
        assert not await here.takes(here.token("next"))
        await here.settled()
    here.now += 0.1 * 3600
    with pytest.raises(Unavailable):
        await here.verifier.verify(good)
    assert "/moved" not in here.there.asked
    here.there.status, here.there.pages[KEYS] = "200 OK", public(rsa())
    here.now += COLD_S
    assert await here.takes(good)
    assert here.now >= KEPT_S


async def test_without_any_key_the_answer_is_to_try_again(here: Site) -> None:
    """503 with `Retry-After`; however many ask, the issuer is asked once in five seconds."""
    here.there.status = "500 Oops"
    tokens = [here.token(uuid4().hex) for _ in range(50)]
    for fetches in (1, 1, 2):
        refused = await asyncio.gather(*map(here.verifier.verify, tokens), return_exceptions=True)
        assert {type(each) for each in refused} == {Unavailable}
        assert isinstance(refused[0], Unavailable)
        assert refused[0].retry_after_s == COLD_S
        assert len(here.there.asked) == fetches
        here.now += COLD_S / 2
    here.there.status = "200 OK"
    here.now += COLD_S
    assert await here.takes(here.token())


async def test_nobody_waits_long_for_a_key_that_may_not_come(
    here: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who sends an unknown key, not longer than a moment; everybody else, not at all."""
    monkeypatch.setattr(module, "PATIENCE_S", 0.01)
    assert await here.takes(here.token())
    here.there.pages[KEYS] = public(rsa(), NEXT)
    here.there.hold.clear()
    here.now += LEAST_S
    unknown = here.token("next")
    assert not await here.takes(unknown)
    assert await here.takes(here.token())
    here.there.hold.set()
    await here.settled()
    assert await here.takes(unknown)
    assert len(here.there.asked) == 2


async def test_an_issuer_says_where_its_keys_are() -> None:
    """On its own host, under its own name; anything else is not followed."""
    async with publisher(keys=public(rsa())) as there, publisher(keys=public(rsa())) as other:
        for told, is_followed in (
            (there.discovery(), True),
            (there.discovery(issuer=there.url + "/"), False),
            (there.discovery(jwks_uri=other.url + KEYS), False),
            (there.discovery(jwks_uri="file:///etc/passwd"), False),
            (there.discovery(jwks_uri=None), False),
        ):
            there.pages[DISCOVERY] = told
            async with site(there, there.issuer(jwks_url="")) as here:
                if is_followed:
                    assert await here.takes(here.token())
                else:
                    with pytest.raises(Unavailable):
                        await here.verifier.verify(here.token())
        assert (there.asked.count(KEYS), other.asked) == (1, [])
