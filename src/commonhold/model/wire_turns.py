"""Leases, events, participants, timelines and usage as they look on the wire, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from commonhold.model import wire, wire_traces
from commonhold.model.clock import from_rfc3339, to_rfc3339
from commonhold.model.opaque import EMPTY_OBJECT
from commonhold.model.session import Message
from commonhold.model.timeline import Moment
from commonhold.model.turns import (
    Closing,
    Event,
    Handoff,
    Lease,
    Participant,
    Removed,
    Repaired,
)
from commonhold.model.usage import Rate, Usage
from commonhold.model.wire import Wire


def lease_out(lease: Lease) -> Wire:
    """A turn."""
    return {
        "session_id": lease.session_id,
        "token": lease.token,
        "holder": lease.holder,
        "expires_at": to_rfc3339(lease.expires_at),
    }


def lease_in(body: Mapping[str, Any]) -> Lease:
    """A turn out of a body."""
    until = from_rfc3339(body["expires_at"])
    return Lease(body["session_id"], body["token"], body["holder"], until)


def handoff_out(handoff: Handoff) -> Wire:
    """A handoff."""
    return {
        "session_id": handoff.session_id,
        "seq": handoff.seq,
        "from_agent": handoff.from_agent or None,
        "to_agent": handoff.to_agent,
        "reason": handoff.reason,
        "brief": handoff.brief,
        "created_at": to_rfc3339(handoff.created_at),
    }


def handoff_in(body: Mapping[str, Any]) -> Handoff:
    """A handoff out of a body."""
    return Handoff(
        body["session_id"],
        body["seq"],
        body.get("from_agent") or "",
        body["to_agent"],
        body.get("reason"),
        body.get("brief"),
        from_rfc3339(body["created_at"]),
    )


def event_out(event: Event) -> Wire:
    """A fact of a conversation that is not a message."""
    return {
        "seq": event.seq,
        "kind": event.kind,
        "agent": event.agent or None,
        "created_at": to_rfc3339(event.created_at),
        "data": wire.raw(event.data),
    }


def event_in(body: Mapping[str, Any]) -> Event:
    """A fact out of a body."""
    return Event(
        body["seq"],
        body["kind"],
        body.get("agent") or "",
        wire.text(body["data"], EMPTY_OBJECT),
        from_rfc3339(body["created_at"]),
    )


def entry_out(entry: Message | Event) -> Wire:
    """What a log holds at one sequence."""
    return wire.message_out(entry) if isinstance(entry, Message) else event_out(entry)


def participant_out(participant: Participant) -> Wire:
    """Who took part."""
    return {
        "agent": participant.agent or None,
        "user": participant.user or None,
        "message_count": participant.message_count,
        "first_seq": participant.first_seq,
        "last_seq": participant.last_seq,
        "first_at": to_rfc3339(participant.first_at),
        "last_at": to_rfc3339(participant.last_at),
    }


def participant_in(body: Mapping[str, Any]) -> Participant:
    """Who took part, out of a body."""
    return Participant(
        body.get("agent") or "",
        body.get("user") or "",
        body["message_count"],
        body["first_seq"],
        body["last_seq"],
        from_rfc3339(body["first_at"]),
        from_rfc3339(body["last_at"]),
    )


def repaired_out(repaired: Repaired) -> Wire:
    """What repair did."""
    return {
        "session_id": repaired.session_id,
        "version": repaired.version,
        "message_count": repaired.message_count,
        "closed": [asdict(closing) for closing in repaired.closed],
        "open_tool_calls": repaired.open_tool_calls,
    }


def repaired_in(body: Mapping[str, Any]) -> Repaired:
    """What repair did, out of a body."""
    return Repaired(
        body["session_id"],
        body["version"],
        body["message_count"],
        tuple(
            Closing(**{name: each[name] for name in Closing.__slots__}) for each in body["closed"]
        ),
        tuple(body["open_tool_calls"]),
    )


def removed_out(removed: Removed) -> Wire:
    """What went with a session; `deleted` is what old clients read."""
    return {"deleted": True, "removed": asdict(removed)}


def removed_in(body: Mapping[str, Any]) -> Removed:
    """What went with a session, out of a body."""
    return Removed(**{name: body[name] for name in Removed.__slots__})


def usage_out(usage: Usage) -> Wire:
    """What a session used."""
    return asdict(usage)


def usage_in(body: Mapping[str, Any]) -> Usage:
    """What a session used, out of a body."""
    told = {name: body[name] for name in Usage.__slots__ if name != "pricing"}
    return Usage(**told, pricing=Rate(**{name: body["pricing"][name] for name in Rate.__slots__}))


_OUT = {
    "message": wire.message_out,
    "event": event_out,
    "trace": wire_traces.summary_out,
    "feedback": wire.feedback_out,
}
_IN = {
    "message": wire.message_in,
    "event": event_in,
    "trace": wire_traces.summary_in,
    "feedback": wire.feedback_in,
}


def moment_out(moment: Moment) -> Wire:
    """One thing that happened: its kind, when, and under that kind what it was."""
    out: Any = _OUT[moment.kind]
    at = to_rfc3339(moment.at)
    return {"kind": moment.kind, "at": at, moment.kind: out(moment.item)}


def moment_in(body: Mapping[str, Any]) -> Moment:
    """One thing that happened, out of a body."""
    kind = body["kind"]
    build: Any = _IN[kind]
    return Moment(kind, from_rfc3339(body["at"]), build(body[kind]))
