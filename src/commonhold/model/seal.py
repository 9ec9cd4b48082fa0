"""Seals: each event of a tenant is linked to the one before it by a keyed digest.

    mac[n] = HMAC-SHA-256(key, mac[n - 1] + canonical event)

Whoever writes to the database and has no key can take away the end of a chain, or let the service
seal another one, and nothing else, without being found out; and not even that from who has kept a
head.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import astuple, dataclass, field

import msgspec

from commonhold.model.audit import Kept

START = bytes(32)
"""What the first event of a tenant is linked to."""

_FORM = "commonhold audit event, form 1"
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class SealKey:
    """A key of seals, and an id of it that can be shown."""

    value: bytes = field(repr=False)
    key_id: str = field(init=False)

    def __post_init__(self) -> None:
        told = hmac.digest(self.value, b"the id of this key of seals", hashlib.sha256)
        object.__setattr__(self, "key_id", told.hex()[:12])

    @classmethod
    def derived(cls, secret: bytes) -> SealKey:
        """The key that belongs to a secret which is for something else."""
        return cls(hmac.digest(secret, b"commonhold: seals of the audit log", hashlib.sha256))


@dataclass(frozen=True, slots=True)
class Link:
    """The `n`th event of a tenant is the one with this `seq`."""

    tenant: str
    n: int
    seq: int
    key_id: str
    mac: bytes


def link(key: SealKey, kept: Kept, before: Link | None) -> Link:
    """The link of an event behind the one before."""
    n = 1 if before is None else before.n + 1
    mac = digest(key, kept, n, START if before is None else before.mac)
    return Link(kept.event.tenant, n, kept.seq, key.key_id, mac)


def digest(key: SealKey, kept: Kept, n: int, before: bytes) -> bytes:
    """What links an event to what came before it."""
    return hmac.digest(key.value, before + canonical(kept, n), hashlib.sha256)


def canonical(kept: Kept, n: int) -> bytes:
    """An event as the same bytes whatever database it comes from."""
    return _encode([_FORM, n, kept.seq, *astuple(kept.event)])
