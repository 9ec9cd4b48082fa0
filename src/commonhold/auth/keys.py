"""Mode `keys`: a key in `Authorization: Bearer`, and nothing else, says who is asking."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from commonhold.auth import Headers
from commonhold.auth.key_form import Pepper, key_id_of
from commonhold.auth.presets import ASSERT, RIGHTS
from commonhold.auth.principal import Principal
from commonhold.auth.roster import admitted
from commonhold.auth.users import asserted
from commonhold.errors import CommonholdError, Forbidden, Unauthenticated, Unavailable
from commonhold.model import clock
from commonhold.model.clock import Clock, Micros
from commonhold.model.key import ApiKey
from commonhold.model.registry import Registered

TTL_S = 2
"""How long a key is believed before it is looked up again, in seconds: a revocation is heeded by
every replica within that time, whatever is between them."""

REMEMBERED = 4096
"""Keys that a process remembers."""

MAX_HEADER_BYTES = 512
NOTED_EVERY_S = 60

_SECOND = 1_000_000
_ON_BEHALF = b"x-on-behalf-of"

NEEDED = "This service needs a key: send it as `Authorization: Bearer chk_...`."
REFUSED = "This key is not valid: it is mistyped, unknown, revoked or expired."


@dataclass(frozen=True, slots=True)
class KeyDesk:
    """Where keys and their agents are looked up, and where the use of keys is noted."""

    find: Callable[[str], Awaitable[ApiKey | None]]
    touch: Callable[[str, Micros, Micros], Awaitable[None]]
    agent: Callable[[str, str], Awaitable[Registered | None]]


@dataclass(slots=True)
class _Known:
    """A key that was found good: whose it is, until when that is believed, and when it ends."""

    principal: Principal
    until: Micros
    expires_at: Micros


class KeyAuthenticator:
    """The `Authenticator` of this mode."""

    def __init__(self, desk: KeyDesk, peppers: Sequence[Pepper], now: Clock = clock.now) -> None:
        self._desk = desk
        self._peppers = {pepper.pepper_id: pepper for pepper in peppers}
        self._first = peppers[0]
        self._now = now
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[Principal]] = {}

    async def __call__(
        self, headers: Headers, agent: str | None, *, may_be_stale: bool = False
    ) -> Principal:
        """Who sent these headers; what is no secret may be told on an answer that is stale.

        Raises:
            Unauthenticated: there is no key, or it is not good.
            Forbidden: the key is another agent's, or may not name a user, or its agent was stopped.
            Unavailable: keys cannot be looked up now.
        """
        token = bearer(headers)
        mark = hashlib.sha256(token).digest()
        now = self._now()
        known = self._known.get(mark)
        if known is not None and now < min(known.until, known.expires_at):
            principal = known.principal
        else:
            principal = await self._ask_again(token, mark, known if may_be_stale else None)
        if agent is not None and agent != principal.agent:
            raise Forbidden(_not_yours(agent, principal))
        return _for_user(principal, headers)

    def forget(self, key_id: str) -> None:
        """Look this key up again before it is believed."""
        gone = [
            mark for mark, known in self._known.items() if known.principal.credential_id == key_id
        ]
        for mark in gone:
            del self._known[mark]

    def forget_all(self) -> None:
        """Look every key up again before it is believed: an agent was changed."""
        self._known.clear()

    async def _ask_again(self, token: bytes, mark: bytes, stale: _Known | None) -> Principal:
        """The answer of the storage, asked once however many wait for it."""
        task = self._asking.get(mark)
        if task is None:
            task = self._asking[mark] = asyncio.create_task(self._ask(token, mark))
            task.add_done_callback(lambda done: self._asked(mark, done))
        try:
            return await asyncio.shield(task)
        except Unavailable:
            if stale is None or stale.expires_at <= self._now():
                raise
            return stale.principal

    def _asked(self, mark: bytes, task: asyncio.Task[Principal]) -> None:
        del self._asking[mark]
        if not task.cancelled():
            task.exception()  # whoever waited was told

    async def _ask(self, token: bytes, mark: bytes) -> Principal:
        now = self._now()  # before the storage answers, which may take its time
        key = await self._verified(token.decode("latin-1"))
        if key is None or key.state(now) != "active":
            self._known.pop(mark, None)
            raise Unauthenticated(REFUSED)
        principal = await self._admitted(key, mark)
        self._remember(mark, _Known(principal, Micros(now + TTL_S * _SECOND), key.expires_at))
        await self._note_use(key, now)
        return principal

    async def _admitted(self, key: ApiKey, mark: bytes) -> Principal:
        """Whom a good key stands for, unless its agent was stopped."""
        if not key.agent:
            return principal_of(key)
        try:
            agent = admitted(await self._desk.agent(key.tenant, key.agent), key.agent)
        except Forbidden:
            self._known.pop(mark, None)
            raise
        return replace(principal_of(key), agent_types=agent.agent_types)

    async def _verified(self, text: str) -> ApiKey | None:
        """The key if it is one of ours; one of which nothing is known costs the same."""
        key_id = key_id_of(text)
        if key_id is None:
            return None
        key = await self._desk.find(key_id)
        pepper = None if key is None else self._peppers.get(key.pepper_id)
        digest = (pepper or self._first).digest(text)
        is_ours = hmac.compare_digest(digest, b"" if key is None else key.digest)
        return key if is_ours and pepper is not None else None

    def _remember(self, mark: bytes, known: _Known) -> None:
        self._known[mark] = known
        self._known.move_to_end(mark)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    async def _note_use(self, key: ApiKey, now: Micros) -> None:
        before = Micros(now - NOTED_EVERY_S * _SECOND)
        if key.last_used_at is None or key.last_used_at <= before:
            with suppress(CommonholdError):  # a full disk does not keep anyone from reading
                await self._desk.touch(key.key_id, now, before)


def bearer(headers: Headers) -> bytes:
    """The credential in `Authorization`.

    Raises:
        Unauthenticated: there is none, or it is in another form.
    """
    given = headers.get(b"authorization", b"")
    scheme, _, token = given.partition(b" ")
    token = token.strip()
    if scheme.lower() != b"bearer" or not token:
        raise Unauthenticated(NEEDED)
    if len(token) > MAX_HEADER_BYTES:
        raise Unauthenticated(REFUSED)
    return token


def principal_of(key: ApiKey) -> Principal:
    """Whom a good key stands for."""
    rights = RIGHTS[key.preset]
    actor = f"agent:{key.agent}" if rights.kind == "agent" else f"key:{key.key_id}"
    return Principal(
        tenant=key.tenant,
        subject=actor,
        actor=actor,
        kind=rights.kind,
        agent=key.agent,
        scopes=rights.scopes,
        delegation="anonymous" if rights.kind == "feedback" else "self",
        method="key",
        credential_id=key.key_id,
    )


def _for_user(principal: Principal, headers: Headers) -> Principal:
    """The caller on behalf of the user it names, if it names one and may."""
    named = headers.get(_ON_BEHALF)
    if named is None:
        return principal
    if ASSERT not in principal.scopes:
        raise Forbidden(
            "This key may not name a user in X-On-Behalf-Of; one of preset agent-obo may."
        )
    user = asserted(named)
    return replace(principal, user=user, subject=f"user:key|{user}", delegation="asserted")


def _not_yours(agent: str, principal: Principal) -> str:
    whose = f"agent {principal.agent}" if principal.agent else "no agent"
    return f"The path names agent {agent}, and this key is that of {whose}."
