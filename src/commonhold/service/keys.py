"""Keys made, listed, replaced and ended, by who may."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from commonhold.auth.key_form import PREFIX, Pepper, is_key_id, mint
from commonhold.auth.principal import Principal
from commonhold.contract.audit import Audit
from commonhold.contract.keys import Keys
from commonhold.errors import Forbidden, NotFound
from commonhold.model import clock
from commonhold.model.clock import Clock, Micros
from commonhold.model.key import (
    DAY,
    DEFAULT_DAYS,
    DEFAULT_OVERLAP_DAYS,
    ApiKey,
    NewKey,
    Preset,
    check_days,
    check_overlap,
)
from commonhold.service.audit import tell

PLATFORM: Preset = "platform-admin"

BOOTSTRAP = Principal(actor="sys:cli", kind="platform")
"""Who works on the database itself, and could write anything into it."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key, and its text: the only time that it is there."""

    key: ApiKey
    text: str


class KeyRing:
    """The keys of a service. `forget` is told of each that ends, so that this process heeds it at once.

    `audit` is told of what is done where no request stands behind it.
    """

    def __init__(
        self,
        keys: Callable[[], Keys],
        peppers: Sequence[Pepper],
        forget: Callable[[str], None] = lambda _key_id: None,
        now: Clock = clock.now,
        audit: Audit | None = None,
    ) -> None:
        self._keys = keys
        self._pepper = peppers[0]
        self._forget = forget
        self._now = now
        self._audit = audit

    async def create(self, caller: Principal, new: NewKey) -> Issued:
        """A new key of the caller's tenant.

        Raises:
            Forbidden: the caller may not make one of that preset.
        """
        _check_rank(caller, new.preset)
        issued = self._issue(caller, new)
        await self._keys().add(issued.key)
        await self._tell(caller, issued.key.key_id)
        return issued

    async def list(self, caller: Principal) -> Sequence[ApiKey]:
        """The keys of the caller's tenant, newest first, with those that ended."""
        return await self._keys().list(caller.tenant)

    async def revoke(self, caller: Principal, key_id: str) -> ApiKey:
        """End a key now; one that was revoked before stays as it was.

        Raises:
            NotFound: the tenant has no such key.
            Forbidden: it is one of more rights than the caller may give.
        """
        key = await self._find(caller, key_id)
        revoked = await self._keys().revoke(key.tenant, key_id, self._now())
        self._forget(key_id)
        await self._tell(caller, key_id)
        return revoked

    async def rotate(
        self,
        caller: Principal,
        key_id: str,
        *,
        days: int = DEFAULT_DAYS,
        overlap_days: int = DEFAULT_OVERLAP_DAYS,
    ) -> Issued:
        """A key in the place of another, which goes on for `overlap_days` at most.

        Raises:
            NotFound: the tenant has no such key.
            Conflict: it has ended already.
            Forbidden: it is one of more rights than the caller may give.
        """
        check_days(days)
        check_overlap(overlap_days)
        old = await self._find(caller, key_id)
        made = self._issue(caller, NewKey(old.preset, old.agent, old.name, days))
        issued = replace(made, key=replace(made.key, replaces=key_id))
        until = Micros(issued.key.created_at + overlap_days * DAY)
        await self._keys().replace(old, issued.key, until)
        self._forget(key_id)
        await self._tell(caller, key_id)
        return issued

    async def _tell(self, caller: Principal, key_id: str) -> None:
        await tell(self._audit, caller, "keys.write", ("key", key_id))

    async def _find(self, caller: Principal, key_id: str) -> ApiKey:
        if key_id.startswith(PREFIX):
            # A whole key, perhaps: what is said of it would be read by others.
            raise NotFound("No key has this id. It is what `keys list` shows behind the kind.")
        key = await self._keys().find(key_id) if is_key_id(key_id) else None
        if key is None or key.tenant != caller.tenant:
            raise NotFound(f"Key {key_id} not found")
        _check_rank(caller, key.preset)
        return key

    def _issue(self, caller: Principal, new: NewKey) -> Issued:
        minted = mint(new.preset)
        now = self._now()
        key = ApiKey(
            key_id=minted.key_id,
            tenant=caller.tenant,
            name=new.name,
            preset=new.preset,
            agent=new.agent,
            last_four=minted.text[-4:],
            pepper_id=self._pepper.pepper_id,
            digest=self._pepper.digest(minted.text),
            created_by=caller.actor,
            created_at=now,
            expires_at=Micros(now + new.days * DAY),
        )
        return Issued(key, minted.text)


def _check_rank(caller: Principal, preset: Preset) -> None:
    if preset == PLATFORM and caller.kind not in {"platform", "anyone"}:
        raise Forbidden(
            f"Only a platform admin makes, replaces or ends a key of preset {PLATFORM}."
        )
