"""Audit events: who did, or tried, what to which thing; never what was said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from commonhold.errors import FieldError, InvalidRequest
from commonhold.model.clock import Micros
from commonhold.model.page import DEFAULT_LIMIT, check_window

Decision = Literal["allowed", "denied", "noted"]
"""What came of it; `noted` is what the service tells of itself."""

DECISIONS: tuple[Decision, ...] = get_args(Decision)

OF_THE_SERVICE = ("service.start", "audit.lost", "audit.prune")
"""Operations of events that are in no matrix, as no caller asks the service for them."""

MAX_TEXT = 256
"""Characters of a text from a caller that are kept."""

_CUT = "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One event. Times are when it happened; `count` is how many alike it stands for.

    `operation` is one of the matrix or `OF_THE_SERVICE`. `reason` is the code of the error that the
    caller got, or the word for what was done, where the operation leaves that open.
    """

    at: Micros
    operation: str
    decision: Decision
    tenant: str = "default"
    actor: str = ""
    subject: str = ""
    delegation: str = ""
    resource_type: str = ""
    resource_id: str = ""
    reason: str = ""
    status: int = 0
    credential_id: str = ""
    peer: str = ""
    request_id: str = ""
    trace_id: str = ""
    count: int = 1

    def cut(self) -> AuditEvent:
        """The same as it can be kept: no text of a caller is longer than `MAX_TEXT`."""
        given = {name: getattr(self, name) for name in _TEXTS}
        kept: dict[str, Any] = {name: _kept(text) for name, text in given.items()}
        return self if kept == given else replace(self, **kept)


@dataclass(frozen=True, slots=True)
class Kept:
    """An event as it is kept, and its place in the order in which events were."""

    seq: int
    event: AuditEvent


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Events to list, newest first.

    Raises:
        InvalidRequest: naming what is wrong.
    """

    limit: int = DEFAULT_LIMIT
    cursor: str | None = None
    operation: str | None = None
    actor: str | None = None
    decision: Decision | None = None
    since: Micros | None = None
    until: Micros | None = None

    def __post_init__(self) -> None:
        check_window(self.limit, 0)
        if self.decision is not None and self.decision not in DECISIONS:
            rule = f"must be one of {', '.join(DECISIONS)}"
            raise InvalidRequest(f"decision {rule}.", errors=[FieldError(("decision",), rule)])


_TEXTS = (
    *("operation", "tenant", "actor", "subject", "delegation", "resource_type", "resource_id"),
    *("reason", "credential_id", "peer", "request_id", "trace_id"),
)


def _kept(text: str) -> str:
    """The text as both databases can keep it."""
    if text.isascii() and "\0" not in text and len(text) <= MAX_TEXT:
        return text
    whole = text.encode(errors="backslashreplace").decode().replace("\0", "\\x00")
    return whole if len(whole) <= MAX_TEXT else whole[: MAX_TEXT - 1] + _CUT
