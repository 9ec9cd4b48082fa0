"""The shape of audit events."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from commonhold.http.bodies import described
from commonhold.http.schema_types import Time
from commonhold.model.audit import DECISIONS

Decision = Annotated[str, described(enum=list(DECISIONS))]


class AuditEvent(Struct, kw_only=True):
    """Who did, or tried, what to which thing. It stands for `count` alike."""

    seq: int
    at: Time
    operation: str
    decision: Decision
    reason: str | None
    status: int | None
    count: int
    actor: str | None
    subject: str | None
    delegation: str | None
    credential_id: str | None
    resource_type: str | None
    resource_id: str | None
    peer: str | None
    request_id: str | None
    trace_id: str | None
