"""TokenReview of Kubernetes: the cluster itself says whether a token still stands.

A signature stays good when the pod of a token is gone. So the API server is asked as well, about
tokens that are good otherwise and about no others, and its answer is believed for a minute.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping

from commonhold.auth.believed import Believed
from commonhold.auth.issuers import Issuer
from commonhold.auth.token_form import read_object
from commonhold.auth.tokens import VerifiedToken, Verifies
from commonhold.errors import CommonholdError, Unauthenticated, Unavailable
from commonhold.model import clock
from commonhold.model.clock import Clock, Micros

BELIEVED_US = 60_000_000
"""How long an answer is believed, in microseconds; of a token that ends before, until then."""

RETRY_S = 2
"""What `Retry-After` says while there is no answer."""

GONE = (
    "The cluster does not take the token any more (TokenReview): its pod or its service account is"
    " gone."
)
OF_ANOTHER = "The cluster knows the token by another name (TokenReview) than its `sub`."
ELSEWHERE = "The cluster does not take the token for this service (TokenReview, `aud`)."

Ask = Callable[[str, bytes], Awaitable[bytes]]
"""What a URL answers to a body; raises a `CommonholdError` when it does not."""

_VERSION, _KIND = "authentication.k8s.io/v1", "TokenReview"
_log = logging.getLogger("commonhold.auth")


class Reviewer:
    """Asks the API server of one issuer, once about a token however many bring it."""

    def __init__(self, issuer: Issuer, ask: Ask, now: Clock = clock.now) -> None:
        self._issuer = issuer
        self._ask = ask
        self._now = now
        self._answers = Believed[bytes, str](BELIEVED_US, now)
        self._asking: dict[bytes, asyncio.Task[str | None]] = {}
        self._is_reached = True

    async def check(self, text: str, token: VerifiedToken) -> None:
        """Return when the cluster takes a token.

        Raises:
            Unauthenticated: it does not.
            Unavailable: it does not say.
        """
        mark = hashlib.sha256(text.encode()).digest()
        known = self._answers.get(mark)
        refusal = known[0] if known is not None else await self._review(mark, text, token)
        if refusal is None:
            told = f"The cluster of issuer {self._issuer.alias} cannot be asked about the token now. Try again."
            raise Unavailable(told, retry_after_s=RETRY_S)
        if refusal:
            raise Unauthenticated(refusal)

    async def aclose(self) -> None:
        """Ask nothing more."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _review(self, mark: bytes, text: str, token: VerifiedToken) -> str | None:
        """Why the token is refused, empty when it is not; None without an answer."""
        task = self._asking.get(mark)
        if task is None:
            task = self._asking[mark] = asyncio.create_task(self._answer(mark, text, token))
            task.add_done_callback(lambda _: self._asking.pop(mark))
        await asyncio.wait([task])  # who goes away meanwhile takes the answer from nobody
        return task.result()

    async def _answer(self, mark: bytes, text: str, token: VerifiedToken) -> str | None:
        asked_at = self._now()
        try:
            body = await self._ask(self._issuer.review_url, _request(text, self._issuer))
            refusal = refusal_in(body, token.subject, self._issuer.audiences)
        except (CommonholdError, ValueError, OSError) as error:
            self._tell(error)
            return None
        self._is_reached = True
        ends_in_time = Micros(token.expires_at - BELIEVED_US)
        return self._answers.keep(mark, refusal, min(asked_at, ends_in_time))

    def _tell(self, error: Exception) -> None:
        """Log the first of several failures in a row."""
        told = error.detail if isinstance(error, CommonholdError) else error
        level = logging.WARNING if self._is_reached else logging.DEBUG
        _log.log(level, "The cluster of issuer %s has no answer: %s", self._issuer.alias, told)
        self._is_reached = False


class ReviewedVerifier:
    """`Verifies` by another, and then by the `reviewers` of the issuers that have one, by alias."""

    def __init__(self, verifier: Verifies, reviewers: Mapping[str, Reviewer]) -> None:
        self._verifier = verifier
        self._reviewers = reviewers

    async def verify(self, token: str) -> VerifiedToken:
        found = await self._verifier.verify(token)
        reviewer = self._reviewers.get(found.issuer.alias)
        if reviewer is not None:
            await reviewer.check(token, found)
        return found


def refusal_in(body: bytes, subject: str, audiences: Collection[str]) -> str:
    """Why a TokenReview does not let a token in; empty when it does.

    Raises:
        ValueError: it is none.
    """
    found = read_object(body)
    status = found.get("status")
    if found.get("kind") != _KIND or not isinstance(status, dict):
        raise ValueError("what it answers is no TokenReview")
    if status.get("authenticated") is not True:
        return GONE
    user, named = status.get("user"), status.get("audiences")
    if not isinstance(user, dict) or user.get("username") != subject:
        return OF_ANOTHER
    # Without audiences it was taken as one for the API of the cluster.
    is_ours = isinstance(named, list) and any(each in audiences for each in named)
    return "" if is_ours else ELSEWHERE


def _request(text: str, issuer: Issuer) -> bytes:
    spec = {"token": text, "audiences": list(issuer.audiences)}
    return json.dumps({"apiVersion": _VERSION, "kind": _KIND, "spec": spec}).encode()
