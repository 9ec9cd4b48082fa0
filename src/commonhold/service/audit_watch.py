"""What of the requests to a service is an audit event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from commonhold.auth import Headers
from commonhold.auth.grants import Grants
from commonhold.auth.key_form import key_id_of
from commonhold.auth.principal import Principal
from commonhold.errors import CommonholdError, Forbidden, NotFound, Unauthenticated
from commonhold.model import clock
from commonhold.model.audit import AuditEvent, Decision
from commonhold.model.scope import EVERY
from commonhold.service.audit import AuditTrail

CONTENT = frozenset({"sessions.read", "sessions.timeline", "traces.read"})
"""Reads of what was said: an event where an operator does it."""

EXPORTS = frozenset({"export.read"})

CHANGES = frozenset(
    {
        *("sessions.delete", "traces.delete", "feedback.delete", "scores.delete"),
        *("keys.write", "agents.manage", "tenants.manage", "webhooks.manage", "erasures.create"),
        "redaction.write",
    }
)
"""What removes, and what decides who may do what and what is kept: an event whoever does it."""

ADMINISTRATIVE = CHANGES | EXPORTS | {"keys.read", "audit.read"}
"""Of these a refusal is an event even where nothing was to be changed."""

IDENTITY_HEADERS = frozenset(
    {b"x-auth-subject", b"x-auth-user", b"x-auth-email", b"x-auth-mode", b"x-tenant-id"}
)
"""Headers with which a gateway says who somebody is."""

CLAIMED = "identity_headers"
"""The reason where somebody without a credential says who it is, and is not believed."""

_ONE: Mapping[str, str] = {
    "sessions": "session",
    "traces": "trace",
    "scores": "score",
    "keys": "key",
    "agents": "agent",
    "tenants": "tenant",
    "webhooks": "webhook",
    "erasures": "erasure",
    "export": "feedback",
}
"""What the nouns of the matrix are about."""


_NOBODY = Principal(actor="", scopes=frozenset())
"""The caller that nobody knows yet."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: what it was, where it came from, and whose it is as far as that is known.

    `done` is the word for what it did, where its operation leaves that open.
    """

    operation: str
    is_write: bool
    peer: str
    request_id: str
    headers: Headers
    grants: Grants | None
    resource_id: str = ""
    trace_id: str = ""
    done: str = ""


class Watch:
    """Writes events of requests. A service that `asks_nobody` refuses nobody, and knows no operator."""

    def __init__(self, trail: AuditTrail, *, asks_nobody: bool) -> None:
        self._trail = trail
        self._asks_nobody = asks_nobody

    def looks_at(self, operation: str, *, is_write: bool) -> bool:
        """Whether there may be an event of an operation that was done."""
        if operation in CONTENT:
            return not self._asks_nobody
        return operation in EXPORTS or (is_write and operation in CHANGES)

    async def done(self, asked: Asked, status: int) -> None:
        """Write an event of what was done, before anybody is told so.

        Raises:
            Unavailable: it could not be written.
        """
        event = _event(asked, "allowed", status, asked.done)
        if asked.operation not in CONTENT:
            await self._trail.record(event)
        elif asked.grants is not None and asked.grants.principal.kind in ("operator", "platform"):
            self._trail.note(event)

    def refused(self, asked: Asked, error: CommonholdError) -> None:
        """Keep an event of what was refused to a caller for who it is, if that is one."""
        if self._asks_nobody:
            return
        if isinstance(error, Unauthenticated):
            claims = not IDENTITY_HEADERS.isdisjoint(asked.headers)
            reason = CLAIMED if claims else error.code
            self._sample(asked, error.status, reason, "")
        elif (isinstance(error, Forbidden) and _is_kept(asked)) or (
            isinstance(error, NotFound) and _is_narrow(asked)
        ):
            self._sample(asked, error.status, error.code, asked.operation)

    def _sample(self, asked: Asked, status: int, reason: str, operation: str) -> None:
        event = _event(asked, "denied", status, reason)
        kind = (event.peer, reason, operation, event.credential_id if operation else "")
        self._trail.sample(kind, event)


def _is_kept(asked: Asked) -> bool:
    """Whether a refusal is an event. Nobody is known where somebody took another's name."""
    return asked.is_write or asked.grants is None or asked.operation in ADMINISTRATIVE


def _is_narrow(asked: Asked) -> bool:
    """Whether a write may have missed its row because that is somebody else's."""
    if not asked.is_write or asked.grants is None:
        return False
    try:
        return asked.grants.allow(asked.operation).only != EVERY
    except Forbidden:
        return True


def _event(asked: Asked, decision: Decision, status: int, reason: str = "") -> AuditEvent:
    caller = asked.grants.principal if asked.grants else _NOBODY
    noun = asked.operation.partition(".")[0]
    return AuditEvent(
        at=clock.now(),
        operation=asked.operation,
        decision=decision,
        tenant=caller.tenant,
        actor=caller.actor,
        subject=caller.subject,
        delegation=caller.delegation,
        resource_type=_ONE.get(noun, noun),
        resource_id=asked.resource_id,
        reason=reason,
        status=status,
        credential_id=caller.credential_id if asked.grants else _claimed(asked.headers),
        peer=asked.peer,
        request_id=asked.request_id,
        trace_id=asked.trace_id,
    )


def _claimed(headers: Headers) -> str:
    """The id of the key that came, whether it is good or not; never more of it."""
    token = headers.get(b"authorization", b"").rpartition(b" ")[2]
    return key_id_of(token.decode("latin-1")) or ""
