"""What a cluster says of a token, asked over HTTP as an API server is. The clock is the test's."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from commonhold.auth.issuers import Issuers
from commonhold.auth.jwks import KeySet
from commonhold.auth.key_source import source_of
from commonhold.auth.token_review import (
    BELIEVED_US,
    ELSEWHERE,
    GONE,
    OF_ANOTHER,
    RETRY_S,
    ReviewedVerifier,
    Reviewer,
)
from commonhold.auth.tokens import Verifier
from commonhold.client import documents
from commonhold.compose.oidc import IssuerServer
from commonhold.errors import Unauthenticated, Unavailable
from commonhold.model.clock import Micros
from tests.auth.minting import OURS, Mint, public, rsa
from tests.auth.publisher import REVIEWS, Cluster, Publisher, publisher

SECOND = 1_000_000
AGAIN = f"503, again in {RETRY_S} s"
POD = "system:serviceaccount:fleet:weather"


@dataclass
class Site:
    """What takes the tokens of a cluster, and the time there."""

    there: Publisher
    cluster: Cluster
    secret: Path
    reviewer: Reviewer = field(init=False)
    verifier: ReviewedVerifier = field(init=False)
    now: Micros = field(default_factory=lambda: Micros(int(time.time()) * SECOND))

    def token(self, **claims: Any) -> str:
        """A token of a pod that runs."""
        text = self.mint(**claims)
        self.cluster.pods[text] = (POD, {OURS})
        return text

    def mint(self, **claims: Any) -> str:
        """A token of a pod that the cluster does not know."""
        nobody = {"client_id": None, "jti": None, "iss": self.there.url, "sub": POD}
        return replace(Mint(), header={}, claims=nobody).token(**claims)

    async def told(self, text: str) -> str:
        """Why a token is refused; empty when it is taken, or when to come again."""
        try:
            await self.verifier.verify(text)
        except Unauthenticated as error:
            return error.detail
        except Unavailable as error:
            return f"503, again in {error.retry_after_s} s"
        return ""

    def passes(self, seconds: float) -> None:
        """Time passes."""
        self.now = Micros(self.now + int(seconds * SECOND))


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Site]:
    """A cluster, and what takes its tokens."""
    secret = tmp_path / "token"
    secret.write_text("of-the-service\n")
    async with publisher(keys=public(rsa())) as there:
        made = Site(there, Cluster("of-the-service"), secret)
        there.pages[REVIEWS] = made.cluster.review
        issuer = there.issuer(
            kind="kubernetes",
            token_file=str(secret),
            token_review=True,
            token_review_url=there.url + REVIEWS,
        )
        server = IssuerServer(issuer)
        keys = KeySet("main", source_of(issuer, server.get))
        made.reviewer = Reviewer(issuer, server.post, lambda: made.now)
        verifier = Verifier(Issuers([issuer]), {"main": keys}, lambda: made.now)
        made.verifier = ReviewedVerifier(verifier, {"main": made.reviewer})
        yield made
        for each in (keys, made.reviewer):
            await each.aclose()
        await server.aclose()


async def test_a_pod_that_is_gone_is_out_within_a_minute(here: Site) -> None:
    """The cluster is asked once a minute about a token, however many bring it, and past no end."""
    text, other = here.token(), here.token(nbf=1)
    assert await asyncio.gather(*(here.told(text) for _ in range(50))) == [""] * 50
    assert here.cluster.asked == [text]
    assert await here.told(other) == ""
    here.cluster.pods.clear()
    here.passes(59.9)
    assert await here.told(text) == ""
    here.passes(0.1)
    assert [await here.told(text) for _ in range(3)] == [GONE] * 3
    assert here.cluster.asked == [text, other, text]

    at = here.now // SECOND
    short = here.token(iat=at, exp=at + 20)
    assert await here.told(short) == ""
    here.passes(19.9)
    assert await here.told(short) == ""
    assert here.cluster.asked.count(short) == 1
    here.cluster.pods.clear()
    here.passes(0.1)
    assert await here.told(short) == GONE
    assert BELIEVED_US == 60 * SECOND


async def test_who_goes_away_takes_the_answer_from_nobody(here: Site) -> None:
    """Of several that wait for one answer."""
    text = here.token()
    assert await here.told(here.token(nbf=1)) == ""
    here.there.hold.clear()
    first, second = (asyncio.create_task(here.told(text)) for _ in range(2))
    while len(here.there.asked) < 3:  # noqa: ASYNC110 - until the request is there
        await asyncio.sleep(0)
    first.cancel()
    here.there.hold.set()
    assert await second == ""
    assert here.cluster.asked.count(text) == 1
    assert not here.reviewer._asking


async def test_what_is_bad_anyway_is_no_matter_for_the_cluster(here: Site) -> None:
    """A signature, an audience or an end that is not good is told without asking it."""
    text, now = here.token(), here.now // SECOND
    bad = [
        text[:-4] + "AAAA",
        here.token(aud="https://kubernetes.default.svc"),
        here.token(exp=now - 60, iat=now - 300),
        here.token(sub="ada"),
        here.token(**{"kubernetes.io": {"namespace": "other"}}),
        here.token(iss="https://evil.example"),
    ]
    told = [await here.told(each) for each in bad]
    assert all(told)
    assert AGAIN not in told
    assert here.cluster.asked == []
    assert await here.told(here.token(**{"kubernetes.io": {"namespace": "fleet"}})) == ""


def status(**more: Any) -> dict[str, Any]:
    """A good answer with these parts of its status instead."""
    user = {"username": POD, "uid": "1"}
    usual = {"authenticated": True, "user": user, "audiences": ["weather", OURS]}
    return {"kind": "TokenReview", "status": {**usual, **more}}


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        (status(), ""),
        (status(authenticated=False), GONE),
        (status(authenticated="true"), GONE),
        (status(authenticated=1), GONE),
        ({"kind": "TokenReview", "status": {}}, GONE),
        (status(user={"username": "system:serviceaccount:fleet:news"}), OF_ANOTHER),
        (status(user={}), OF_ANOTHER),
        (status(user=None), OF_ANOTHER),
        (status(audiences=["https://kubernetes.default.svc"]), ELSEWHERE),
        (status(audiences=[]), ELSEWHERE),
        (status(audiences=None), ELSEWHERE),
        (status(audiences=OURS), ELSEWHERE),
        (status(audiences=[[OURS]]), ELSEWHERE),
    ],
)
async def test_the_cluster_must_know_the_token_as_it_is(
    here: Site, answer: dict[str, Any], refusal: str
) -> None:
    """As good, by the name that it says, and for this service."""
    here.there.pages[REVIEWS] = answer
    assert await here.told(here.mint()) == refusal


async def test_without_an_answer_nobody_new_is_let_in(
    here: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """503; who is believed stays so for the rest of the minute. Nothing else is asked instead."""
    caplog.set_level(logging.WARNING, "commonhold.auth")
    known, new = here.token(), here.token(nbf=1)
    assert await here.told(known) == ""
    answers: list[tuple[Any, str]] = [
        (status(), "302 Found"),
        (status(), "403 Forbidden"),
        (status(), "500 Oops"),
        (json.dumps(status()).encode() + b" " * documents.MAX_BYTES, "201 Created"),
        (b"<html>", "201 Created"),
        ([], "201 Created"),
        ({"kind": "Status", "status": "Success"}, "201 Created"),
        ({"kind": "Status", "status": status()["status"]}, "201 Created"),
        ({"kind": "TokenReview", "status": None}, "201 Created"),
    ]
    for answer in answers:
        here.there.pages[REVIEWS] = lambda *_, answer=answer: answer
        assert [await here.told(each) for each in (new, known)] == [AGAIN, ""], answer
    here.there.pages[REVIEWS] = here.cluster.review
    here.secret.write_text("of somebody else")
    assert await here.told(new) == AGAIN
    here.secret.unlink()
    assert await here.told(new) == AGAIN
    here.secret.write_text("of-the-service")
    monkeypatch.setattr(documents, "PATIENCE_S", 0.01)
    here.there.hold.clear()
    assert await here.told(new) == AGAIN
    here.passes(60)
    assert await here.told(known) == AGAIN
    here.there.hold.set()
    monkeypatch.undo()
    assert [await here.told(each) for each in (new, known)] == ["", ""]
    assert "/moved" not in here.there.asked
    assert len(caplog.records) == 1
    assert known not in caplog.text
