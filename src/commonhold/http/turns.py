"""The routes of turns: leases, handoffs, repair, who took part, and what happened."""

from __future__ import annotations

import asyncio

import msgspec

from commonhold.errors import FieldError, InvalidRequest, LeaseHeld, Unavailable
from commonhold.http import bodies, schemas
from commonhold.http.call import (
    Answer,
    Call,
    etag,
    idempotency_key,
    last_event_id,
    lease_token,
    reply,
)
from commonhold.http.decode import decode
from commonhold.http.links import next_page
from commonhold.http.operation import Body, Operation, Reply
from commonhold.http.params import CURSOR, integer, several
from commonhold.http.streams import Entries, EventStream, close
from commonhold.model import wire_turns
from commonhold.model.clock import monotonic
from commonhold.model.page import DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET
from commonhold.model.timeline import KINDS, TimelineQuery
from commonhold.model.turns import Lease, check_ttl

SLICE_S = 1.0
"""How long to wait for a turn before seeing whether the caller still does, in seconds."""

_LEASE = msgspec.json.Decoder(bodies.LeaseBody)
_HANDOFF = msgspec.json.Decoder(bodies.HandoffBody)
_REPAIR = msgspec.json.Decoder(bodies.RepairBody)


async def put_lease(call: Call) -> Answer:
    body = decode(_LEASE, call)
    check_ttl(body.ttl_s, body.wait_s)
    if body.wait_s <= 0:
        return reply(wire_turns.lease_out(await _lease(call, body, 0.0)))
    call.gate.enter()
    call.gate.requests -= 1  # who waits does no work
    try:
        return reply(wire_turns.lease_out(await _wait_for_turn(call, body)))
    finally:
        call.gate.requests += 1
        call.gate.leave()


async def _wait_for_turn(call: Call, body: bodies.LeaseBody) -> Lease:
    """Wait in slices: a turn for a caller that hung up would keep everybody else waiting."""
    deadline = monotonic() + body.wait_s
    gone = asyncio.ensure_future(call.gone())
    try:
        while True:
            await call.recheck()
            left_s = deadline - monotonic()
            try:
                lease = await _lease(call, body, max(0.0, min(left_s, SLICE_S)))
            except LeaseHeld:
                if left_s <= SLICE_S or gone.done():
                    raise
                if call.gate.is_closing:
                    raise Unavailable("This process stops. Ask again.") from None
                continue
            if gone.done():
                await call.stores.sessions.release(call.key, token=lease.token)
            return lease
    finally:
        gone.cancel()


async def _lease(call: Call, body: bodies.LeaseBody, wait_s: float) -> Lease:
    return await call.stores.sessions.lease(
        call.key,
        ttl_s=body.ttl_s,
        holder=body.holder,
        token=lease_token(call),
        wait_s=wait_s,
    )


async def delete_lease(call: Call) -> Answer:
    token = lease_token(call)
    if token is None:
        rule = "expected the token of the lease that is given back"
        error = FieldError(("header", "Lease-Token"), rule)
        raise InvalidRequest(f"Lease-Token: {rule}.", errors=[error])
    await call.stores.sessions.release(call.key, token=token)
    return reply({"released": True})


async def hand_off(call: Call) -> Answer:
    body = decode(_HANDOFF, call)
    handed = await call.stores.sessions.handoff(
        call.key,
        body.to_agent,
        reason=body.reason,
        brief=body.brief,
        lease=lease_token(call),
        key=idempotency_key(call),
    )
    return reply(wire_turns.handoff_out(handed), 201)


async def repair_session(call: Call) -> Answer:
    body = decode(_REPAIR, call) if call.content else bodies.RepairBody()
    repaired = await call.stores.sessions.repair(
        call.key, reason=body.reason, lease=lease_token(call), key=idempotency_key(call)
    )
    return reply(wire_turns.repaired_out(repaired), extra=(etag(repaired.version),))


async def list_participants(call: Call) -> Answer:
    found = await call.stores.sessions.participants(call.key)
    return reply([wire_turns.participant_out(each) for each in found])


async def get_timeline(call: Call) -> Answer:
    page = await call.stores.sessions.timeline(call.key, TimelineQuery(**call.args))
    items = [wire_turns.moment_out(moment) for moment in page.items]
    return reply(items, extra=next_page(call, page.cursor))


async def follow_events(call: Call) -> Answer:
    sessions = call.stores.sessions
    reach = (await sessions.get(call.key)).head_seq
    seen, after = last_event_id(call), call.args["after"]
    start = next((given for given in (seen, after) if given is not None), reach)
    call.gate.enter()
    entries = _while_allowed(call, sessions.events(call.key, after=start))
    return EventStream(entries, start, call.gate)


async def _while_allowed(call: Call, entries: Entries) -> Entries:
    """The entries, until the credential of who follows them ends."""
    try:
        async for entry in entries:
            await call.recheck()
            yield entry
    finally:
        await close(entries)


_ONE = "/v1/sessions/{session_id}"

OPERATIONS = (
    Operation(
        "PUT",
        f"{_ONE}/lease",
        put_lease,
        {200: Reply("The turn is yours.", (schemas.Lease,))},
        "Take the turn in a session, or renew it",
        "sessions",
        action="sessions.lease",
        errors=(409,),
        headers=("Lease-Token",),
        body=Body((bodies.LeaseBody,)),
        doc="While the lease is held, the log takes only writes that carry its token as"
        " `Lease-Token`. Tokens only grow: one whose turn is over is refused for ever. With"
        " `Lease-Token` the turn is renewed. `wait_s` waits for a turn that somebody else has."
        " Creates the session when missing.",
    ),
    Operation(
        "DELETE",
        f"{_ONE}/lease",
        delete_lease,
        {200: Reply("The turn is free.", (schemas.Released,))},
        "Give the turn back before it expires",
        "sessions",
        action="sessions.lease",
        errors=(404, 409),
        headers=("Lease-Token",),
        needs=("Lease-Token",),
    ),
    Operation(
        "POST",
        f"{_ONE}/handoff",
        hand_off,
        {201: Reply("Handed over.", (schemas.Handoff,))},
        "Hand the conversation to another agent",
        "sessions",
        action="sessions.handoff",
        errors=(404, 409),
        headers=("Lease-Token", "Idempotency-Key"),
        body=Body((bodies.HandoffBody,)),
        doc="The other agent holds the session from now on. It is recorded in the log, and ends"
        " the lease.",
    ),
    Operation(
        "POST",
        f"{_ONE}/repair",
        repair_session,
        {200: Reply("What was closed.", (schemas.Repaired,), headers=("ETag",))},
        "Close tool calls that never got a result",
        "sessions",
        action="sessions.repair",
        errors=(404, 409),
        headers=("Lease-Token", "Idempotency-Key"),
        body=Body((bodies.RepairBody,), is_required=False),
        doc="Knows the message shapes of OpenAI chat completions, Anthropic messages and the"
        " Responses API. Each result is put right behind the message that made the call.",
    ),
    Operation(
        "GET",
        f"{_ONE}/participants",
        list_participants,
        {200: Reply("In the order of their first message.", (list[schemas.Participant],))},
        "Which agents and users took part in a session",
        "sessions",
        action="sessions.summary",
        errors=(404,),
    ),
    Operation(
        "GET",
        f"{_ONE}/timeline",
        get_timeline,
        {200: Reply("Oldest first.", (list[schemas.Moment],), headers=("Link",))},
        "Messages, events, traces and feedback of a session in one order",
        "sessions",
        action="sessions.timeline",
        errors=(404,),
        query=(
            integer("limit", "How many at most.", default=DEFAULT_LIMIT, least=1, most=MAX_LIMIT),
            CURSOR,
            several("kinds", "Only these kinds, with commas between.", KINDS),
        ),
    ),
    Operation(
        "GET",
        f"{_ONE}/events",
        follow_events,
        {
            200: Reply(
                "Server-sent events: `id` is the sequence, `event` is `message` or the kind of"
                " the event, `data` is the message or the event as JSON.",
                (schemas.Events,),
                media="text/event-stream",
            )
        },
        "Follow the log of a session as it grows",
        "sessions",
        action="sessions.read",
        errors=(404,),
        query=(
            integer(
                "after",
                "Begin behind this sequence; without it, with what comes next.",
                least=0,
                most=MAX_OFFSET,
            ),
        ),
        headers=("Last-Event-ID",),
        doc="Goes on until the session is deleted (`event: end`) or the reader leaves. A reader"
        " that is cut off comes back with `Last-Event-ID` and misses nothing, on any replica. A"
        " comment every 15 seconds is a sign of life; a reader that does not read is dropped.",
    ),
)
