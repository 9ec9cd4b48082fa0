"""Every error Commonhold raises. Catch `CommonholdError` and you have caught them all.

    CommonholdError
     ├─ InvalidRequest        422  a value breaks a rule of the contract
     │   ├─ MalformedBody     400  the body is not what its content type says
     │   └─ OutOfRange        400  an index or a choice outside of what there is
     ├─ Unauthenticated       401  no credential, or a bad one
     │   ├─ InvalidToken      401  a token that this service did not make, or not so
     │   ├─ TokenExpired      401  a token whose time is over
     │   └─ IdentityConflict  401  two proofs that speak of two callers
     ├─ Forbidden             403  this kind of caller may not do this
     │   ├─ UnknownAgent      403  nobody registered this agent
     │   ├─ AgentDisabled     403  this agent was stopped
     │   ├─ AgentTypeNotAllowed  403  the agent says to be of a type that is not its own
     │   ├─ AgentOwned        403  a person writes into what an agent remembers
     │   ├─ AgentProofNeeded  403  the word of a user is not enough here
     │   ├─ TenantRequired    403  nothing says of which tenant this is
     │   ├─ TenantConflict    403  it is said twice, and differently
     │   ├─ TenantUnknown     403  there is no such tenant here
     │   └─ TenantDisabled    403  there is, and nobody of it is let in
     ├─ NotFound              404  absent, or not visible to this caller
     ├─ MethodNotAllowed      405  the path exists, the method does not
     ├─ Conflict              409  the id is taken, or the state forbids it
     │   ├─ LeaseHeld         409  another runner has the turn: `holder`, `expires_at`
     │   └─ LeaseEnded        409  the turn of this fencing token is over, for ever
     ├─ StaleVersion          412  If-Match names a version that is no longer current
     ├─ PayloadTooLarge       413  a documented limit is exceeded
     ├─ UnsupportedMediaType  415  content type or encoding not spoken here
     ├─ TooManyRequests       429  more than one caller may ask: `retry_after_s` says when
     │   └─ QuotaExceeded     429  what an agent may send in a day is used up
     ├─ Internal              500  a bug: the request id leads to the log line
     ├─ Unsupported           501  this backend cannot do that, and says why
     └─ Unavailable           503  try again: `retry_after_s` says when
         ├─ StorageFull       503  the disk is full; reads go on
         ├─ SchemaOutdated    503  the database is not at the schema this code speaks
         └─ Closed            503  used after aclose()

The docstring of a class is its default message. `code` is stable and is what crosses the wire,
so an error raised by a remote store is the same class as the local one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field of a request that is wrong.

    `loc` is the path to it (`("body", "messages", 3)`), `msg` says what is expected.
    """

    loc: tuple[str | int, ...]
    msg: str


class CommonholdError(Exception):
    """Something went wrong in Commonhold."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500

    def __init__(self, detail: str | None = None, *, errors: Sequence[FieldError] = ()) -> None:
        self.detail = detail or (type(self).__doc__ or type(self).__name__).strip()
        self.errors = tuple(errors)
        super().__init__(self.detail)

    def extras(self) -> Mapping[str, Any]:
        """Facts of this error that travel beside `detail` in a problem document."""
        return {}


class InvalidRequest(CommonholdError):
    """A value in the request breaks a rule."""

    code = "invalid_request"
    status = 422


class MalformedBody(InvalidRequest):
    """The body cannot be read as its content type says."""

    code = "malformed_body"
    status = 400


class OutOfRange(InvalidRequest):
    """A value is outside of what exists here."""

    code = "out_of_range"
    status = 400


class Unauthenticated(CommonholdError):
    """A valid credential is needed."""

    code = "unauthenticated"
    status = 401


class InvalidToken(Unauthenticated):
    """This token was not made by this service, or it was changed. Ask for a new one."""

    code = "invalid_token"


class TokenExpired(Unauthenticated):
    """The time of this token is over. Ask for a new one."""

    code = "token_expired"


class IdentityConflict(Unauthenticated):
    """The proofs of this request speak of different callers."""

    code = "identity_conflict"


class Forbidden(CommonholdError):
    """This caller may not do this."""

    code = "forbidden"
    status = 403


class UnknownAgent(Forbidden):
    """No agent is registered under this name, or for this identity."""

    code = "unknown_agent"


class AgentDisabled(Forbidden):
    """This agent is disabled. An operator enables it again."""

    code = "agent_disabled"


class AgentTypeNotAllowed(Forbidden):
    """This agent may not call itself that."""

    code = "agent_type_not_allowed"


class AgentProofNeeded(Forbidden):
    """An agent must prove itself beside the user: send its credential as X-Agent-Authorization."""

    code = "agent_proof_needed"


class AgentOwned(Forbidden):
    """An agent remembers this session: a person reads it, and the agent writes into it."""

    code = "agent_owned"


class TenantRequired(Forbidden):
    """Nothing says of which tenant this request is. Use a credential of one."""

    code = "tenant_required"


class TenantConflict(Forbidden):
    """What came with this request names two tenants. Send credentials of one only."""

    code = "tenant_conflict"


class TenantUnknown(Forbidden):
    """There is no such tenant here. Whoever runs this service can create it."""

    code = "tenant_unknown"


class TenantDisabled(Forbidden):
    """This tenant is disabled. Nothing of it is lost; whoever runs this service can enable it."""

    code = "tenant_disabled"


class NotFound(CommonholdError):
    """Nothing with this id exists here."""

    code = "not_found"
    status = 404


class MethodNotAllowed(CommonholdError):
    """This path does not answer to this method."""

    code = "method_not_allowed"
    status = 405


class Conflict(CommonholdError):
    """The id is taken, or the current state forbids this."""

    code = "conflict"
    status = 409


class LeaseHeld(Conflict):
    """Another runner has the turn in this session. Wait for it, or try again when it is over."""

    code = "lease_held"

    def __init__(
        self,
        detail: str | None = None,
        *,
        holder: str | None = None,
        expires_at: str | None = None,
        errors: Sequence[FieldError] = (),
    ) -> None:
        self.holder = holder
        self.expires_at = expires_at
        if detail is None and holder is not None:
            detail = f"{holder} has the turn in this session until {expires_at}."
        super().__init__(detail, errors=errors)

    def extras(self) -> Mapping[str, Any]:
        facts = {"holder": self.holder, "expires_at": self.expires_at}
        return {name: value for name, value in facts.items() if value is not None}


class LeaseEnded(Conflict):
    """The turn of this Lease-Token is over, and it will not be accepted again. Take a new one."""

    code = "lease_ended"


class StaleVersion(CommonholdError):
    """The version in If-Match is no longer the current one. Read again, then retry."""

    code = "stale_version"
    status = 412

    def __init__(
        self,
        detail: str | None = None,
        *,
        current: int | None = None,
        errors: Sequence[FieldError] = (),
    ) -> None:
        self.current = current
        if detail is None and current is not None:
            detail = f"The current version is {current}. Read the session again, then retry."
        super().__init__(detail, errors=errors)

    def extras(self) -> Mapping[str, Any]:
        return {} if self.current is None else {"current_version": self.current}


class PayloadTooLarge(CommonholdError):
    """The request is larger than this service accepts."""

    code = "payload_too_large"
    status = 413


class UnsupportedMediaType(CommonholdError):
    """This content type or content encoding is not supported here."""

    code = "unsupported_media_type"
    status = 415


class TooManyRequests(CommonholdError):
    """This caller asks too often. Nothing was done; try again later."""

    code = "too_many_requests"
    status = 429

    def __init__(
        self,
        detail: str | None = None,
        *,
        retry_after_s: int | None = None,
        errors: Sequence[FieldError] = (),
    ) -> None:
        self.retry_after_s = retry_after_s or 1
        super().__init__(detail, errors=errors)

    def extras(self) -> Mapping[str, Any]:
        return {"retry_after_seconds": self.retry_after_s}


class QuotaExceeded(TooManyRequests):
    """What this agent may send today is used up. Nothing was kept."""

    code = "quota_exceeded"


class Internal(CommonholdError):
    """Something failed that should not. The request id leads to the log line."""

    code = "internal"
    status = 500


class Unsupported(CommonholdError):
    """This backend cannot do that."""

    code = "unsupported"
    status = 501


class Unavailable(CommonholdError):
    """The store cannot take this now. Nothing was written; try again."""

    code = "unavailable"
    status = 503
    default_retry_after_s: ClassVar[int] = 1

    def __init__(
        self,
        detail: str | None = None,
        *,
        retry_after_s: int | None = None,
        errors: Sequence[FieldError] = (),
    ) -> None:
        self.retry_after_s = retry_after_s or self.default_retry_after_s
        super().__init__(detail, errors=errors)

    def extras(self) -> Mapping[str, Any]:
        return {"retry_after_seconds": self.retry_after_s}


class StorageFull(Unavailable):
    """The disk of the store is full. Nothing was written; reads go on. Free some space."""

    code = "storage_full"
    default_retry_after_s = 5


class SchemaOutdated(Unavailable):
    """The database is not at the schema this version speaks. Run `commonhold db upgrade`."""

    code = "schema_outdated"
    default_retry_after_s = 5


class Closed(Unavailable):
    """This store has been closed. Connect again."""

    code = "closed"


def _tree(root: type[CommonholdError]) -> list[type[CommonholdError]]:
    return [root, *(leaf for child in root.__subclasses__() for leaf in _tree(child))]


BY_CODE: Mapping[str, type[CommonholdError]] = {kind.code: kind for kind in _tree(CommonholdError)}
"""Every error class by its wire code."""


def from_problem(status: int, problem: Mapping[str, Any]) -> CommonholdError:
    """Rebuild the error a problem document describes, so remote and local errors are one tree.

    The document may come from anything in between: what is not as we write it is left out.
    """
    kind = BY_CODE.get(str(problem.get("code"))) or _by_status(status)
    detail, listed = problem.get("detail"), problem.get("errors")
    items = listed if isinstance(listed, list) else ()
    errors = tuple(_field_error(item) for item in items if isinstance(item, Mapping))
    text = detail if isinstance(detail, str) else None
    if issubclass(kind, StaleVersion):
        return kind(text, current=_count(problem.get("current_version")), errors=errors)
    if issubclass(kind, LeaseHeld):
        holder, until = (problem.get(name) for name in ("holder", "expires_at"))
        return kind(text, holder=_text(holder), expires_at=_text(until), errors=errors)
    if issubclass(kind, Unavailable | TooManyRequests):
        return kind(text, retry_after_s=_count(problem.get("retry_after_seconds")), errors=errors)
    return kind(text, errors=errors)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _by_status(status: int) -> type[CommonholdError]:
    if status in (502, 504):
        return Unavailable
    leaves = (kind for kind in BY_CODE.values() if kind is not CommonholdError)
    matching = (kind for kind in leaves if kind.status == status)
    return next(matching, InvalidRequest if 400 <= status < 500 else Internal)


def _field_error(item: Mapping[str, Any]) -> FieldError:
    loc = item.get("loc")
    return FieldError(tuple(loc) if isinstance(loc, list) else (), str(item.get("msg") or ""))
