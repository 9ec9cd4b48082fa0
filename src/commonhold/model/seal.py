"""Seals: each event of a tenant is linked to the one before it by a keyed digest.

    mac[n] = HMAC-SHA-256(key, mac[n - 1] + canonical event)

Whoever writes to the database and has no key can take away the end of a chain, or let the service
seal another one, and nothing else, without being found out; and not even that from who has kept a
head.

What is pruned is the beginning of a chain. A cut says so under the same key: the rest goes on from
the link that it names.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import astuple, dataclass, field, replace

import msgspec

from commonhold.model.audit import Kept
from commonhold.model.clock import Micros

START = bytes(32)
"""What the first event of a tenant is linked to."""

_FORM = "commonhold audit event, form 1"
_CUT_FORM = "commonhold audit cut, form 1"
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


@dataclass(frozen=True, slots=True)
class Cut:
    """The chain of a tenant was pruned up to its `n`th link, whose digest is `head`.

    All of it was of before `pruned_before`.
    """

    tenant: str
    n: int
    seq: int
    head: bytes
    pruned_before: Micros
    cut_at: Micros
    key_id: str = ""
    mac: bytes = b""

    def sealed(self, key: SealKey) -> Cut:
        """The same, sealed under a key."""
        return replace(self, key_id=key.key_id, mac=hmac.digest(key.value, self._text(), "sha256"))

    def is_of(self, key: SealKey) -> bool:
        """Whether who has the key made it, and nobody changed it since."""
        return hmac.compare_digest(self.sealed(key).mac, self.mac)

    def link(self) -> Link:
        """The link that the rest of the chain goes on from."""
        return Link(self.tenant, self.n, self.seq, self.key_id, self.head)

    def _text(self) -> bytes:
        place = [self.tenant, self.n, self.seq, self.head.hex()]
        return _encode([_CUT_FORM, *place, self.pruned_before, self.cut_at])


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
