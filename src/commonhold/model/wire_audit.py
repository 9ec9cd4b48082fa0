"""Audit events as they look on the wire."""

from __future__ import annotations

from commonhold.model.audit import Kept
from commonhold.model.clock import to_rfc3339
from commonhold.model.wire import Wire


def event_out(kept: Kept) -> Wire:
    """An event; what is not known of it is null."""
    event = kept.event
    return {
        "seq": kept.seq,
        "at": to_rfc3339(event.at),
        "operation": event.operation,
        "decision": event.decision,
        "reason": event.reason or None,
        "status": event.status or None,
        "count": event.count,
        "actor": event.actor or None,
        "subject": event.subject or None,
        "delegation": event.delegation or None,
        "credential_id": event.credential_id or None,
        "resource_type": event.resource_type or None,
        "resource_id": event.resource_id or None,
        "peer": event.peer or None,
        "request_id": event.request_id or None,
        "trace_id": event.trace_id or None,
    }
