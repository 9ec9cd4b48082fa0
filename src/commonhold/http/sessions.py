"""The routes of sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from commonhold.errors import InvalidRequest
from commonhold.http import bodies, schemas
from commonhold.http.call import (
    APPLIED,
    JSON,
    NO_STORE,
    Answer,
    Call,
    etag,
    idempotency_key,
    lease_token,
    reply,
)
from commonhold.http.decode import decode, given, object_of, text_of, whole
from commonhold.http.links import next_page
from commonhold.http.operation import Body, Operation, Reply
from commonhold.http.params import CURSOR, SINCE, UNTIL, choice, integer, text
from commonhold.http.streams import Stream
from commonhold.model import wire, wire_turns
from commonhold.model.page import DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET
from commonhold.model.prefix import Texts
from commonhold.model.session import (
    History,
    HistoryStream,
    NewSession,
    Session,
    SessionQuery,
)

WHOLE = 200
"""Messages of a history up to which it is sent at once, with its length."""

_NEW = msgspec.json.Decoder(bodies.NewSessionBody)
_MESSAGES = msgspec.json.Decoder(bodies.MessagesBody)
_COST = msgspec.json.Decoder(bodies.CostBody)
_STATE = msgspec.json.Decoder(bodies.StateBody)
_FORK = msgspec.json.Decoder(bodies.ForkBody)
_REVERT = msgspec.json.Decoder(bodies.RevertBody)


async def create_session(call: Call) -> Answer:
    body = decode(_NEW, call) if call.content else bodies.NewSessionBody()
    created = await call.stores.sessions.create(
        NewSession(
            session_id=body.session_id,
            title=body.title,
            metadata=object_of(body.metadata, "metadata"),
            parent_session_id=body.parent_session_id,
            forked_at_message_id=body.forked_at_message_id,
            permission_scope_active=body.permission_scope_active,
        ),
        key=idempotency_key(call),
    )
    if call.wants_representation:
        return _represent(created)
    return reply({"session_id": created.session_id}, 201)


async def get_session(call: Call) -> Answer:
    stream = await call.stores.sessions.stream(call.key)
    fields = (*JSON, etag(stream.version))
    if stream.message_count > WHOLE:
        return Stream(_framed(stream), 200, fields)
    return Answer(b"".join([piece async for piece in _framed(stream)]), 200, fields)


async def _framed(stream: HistoryStream) -> AsyncIterator[bytes]:
    """The body of a history. The database assembled it; it is not parsed on its way out."""
    before = b'{"session_id":%b,"messages":[' % msgspec.json.encode(stream.session_id)
    async for piece in stream.pieces:
        yield before + piece.encode()
        before = b","
    yield b"]}" if before == b"," else before + b"]}"


async def head_session(call: Call) -> Answer:
    found = await call.stores.sessions.find(call.key)
    if found is None:
        return Answer(b"", 404, (NO_STORE,))
    return Answer(b"", 200, (NO_STORE, etag(found.version)))


async def get_session_summary(call: Call) -> Answer:
    found = await call.stores.sessions.get(call.key)
    return reply(wire.session_out(found), extra=(etag(found.version),))


async def list_sessions(call: Call) -> Answer:
    # A form sends the fields that were left empty, too.
    asked = {**call.args, **{name: call.args[name] or None for name in ("metadata", "q")}}
    page = await call.stores.sessions.list(SessionQuery(**asked))
    items = [wire.session_out(session) for session in page.items]
    return reply(items, extra=next_page(call, page.cursor))


def _message_text(raw: msgspec.Raw, index: int) -> str:
    return text_of(raw, "messages", index)


async def put_session(call: Call) -> Answer:
    body = decode(_MESSAGES, call, has_texts=False)
    written = await call.stores.sessions.put(
        call.key,
        Texts(body.messages, _message_text),
        mode=call.args["mode"],
        if_match=call.if_match,
        lease=lease_token(call),
    )
    tag = etag(written.version)
    if call.wants_representation:
        return reply(wire.written_out(written), extra=(tag, APPLIED))
    return reply({"session_id": call.key, "saved": True}, extra=(tag,))


async def patch_session(call: Call) -> Answer:
    body = decode(_COST, call)
    sessions = call.stores.sessions
    whole = call.wants_representation
    if given(body.cost_data) is not None:
        cost = await sessions.patch_cost(call.key, object_of(body.cost_data, "cost_data"))
        if whole:
            return _with_session(call.key, "cost_data", cost, APPLIED)
    elif whole:
        return _with_session(call.key, "cost_data", await sessions.cost(call.key), APPLIED)
    return _history(await sessions.history(call.key))


async def get_cost(call: Call) -> Answer:
    return _with_session(call.key, "cost_data", await call.stores.sessions.cost(call.key))


async def get_state(call: Call) -> Answer:
    return _with_session(call.key, "state", await call.stores.sessions.state(call.key))


async def patch_state(call: Call) -> Answer:
    body = decode(_STATE, call)
    if given(body.state) is None:
        raise InvalidRequest("state: expected a JSON object, with the keys to merge.")
    patched = await call.stores.sessions.patch_state(call.key, object_of(body.state, "state"))
    return _with_session(call.key, "state", patched)


async def get_usage(call: Call) -> Answer:
    return reply(wire_turns.usage_out(await call.stores.sessions.usage(call.key)))


async def fork_session(call: Call) -> Answer:
    body = decode(_FORK, call) if call.content else bodies.ForkBody()
    forked = await call.stores.sessions.fork(
        call.key,
        at=whole(body.from_message_index, "from_message_index"),
        key=idempotency_key(call),
    )
    if call.wants_representation:
        return _represent(forked)
    told = {
        "session_id": forked.session_id,
        "parent_session_id": forked.parent_session_id,
        "message_count": forked.message_count,
    }
    return reply(told, 201)


async def revert_session(call: Call) -> Answer:
    body = decode(_REVERT, call)
    index = whole(body.to_message_index, "to_message_index") or 0
    written = await call.stores.sessions.revert(
        call.key, to=index, lease=lease_token(call), key=idempotency_key(call)
    )
    return reply(wire.written_out(written), extra=(etag(written.version),))


async def delete_session(call: Call) -> Answer:
    removed = await call.stores.sessions.delete(call.key)
    return reply(wire_turns.removed_out(removed))


def _represent(session: Session) -> Answer:
    return reply(wire.session_out(session), 201, (etag(session.version), APPLIED))


def _history(history: History) -> Answer:
    # The database assembled the array; it is not parsed on its way out.
    key = msgspec.json.encode(history.session_id)
    body = b'{"session_id":%b,"messages":%b}' % (key, history.body.encode())
    return Answer(body, 200, (*JSON, etag(history.version)))


def _with_session(key: str, name: str, document: str, *extra: tuple[bytes, bytes]) -> Answer:
    return reply({"session_id": key, name: wire.raw(document)}, extra=extra)


_ONE = "/v1/sessions/{session_id}"
_WINDOW = (
    integer("limit", "How many at most.", default=DEFAULT_LIMIT, least=1, most=MAX_LIMIT),
    CURSOR,
    integer("offset", "How many to skip.", default=0, least=0, most=MAX_OFFSET),
)
_LIST = (
    *_WINDOW,
    text("agent", "Only sessions this agent created."),
    text("user", "Only sessions of this user."),
    text("parent", "Only sessions forked from this one."),
    text("participant", "Only sessions in which this agent wrote."),
    text("holder", "Only sessions that are with this agent now."),
    choice(
        "status",
        "`running`: a lease is held; `waiting`: the agent asked the user something; or `idle`.",
        {"running": "running", "waiting": "waiting", "idle": "idle"},
    ),
    text("metadata", 'Only sessions whose metadata has these values: `{"customer":"acme"}`.'),
    text("q", "Only sessions with a message, or a title, that has all these words; `refund*`."),
    SINCE,
    UNTIL,
)
_MODE = choice(
    "mode",
    "`merge` speaks only for what the writer had seen; `replace` makes the list exactly this.",
    {"merge": "merge", "replace": "replace"},
    default="merge",
)

OPERATIONS = (
    # Before GET, which would answer it too: an existence check reads no history.
    Operation(
        "HEAD",
        _ONE,
        head_session,
        {200: Reply("It exists.", headers=("ETag",))},
        "Whether a session exists",
        "sessions",
        action="sessions.summary",
        errors=(404,),
    ),
    Operation(
        "GET",
        _ONE,
        get_session,
        {200: Reply("The session.", (schemas.History,), headers=("ETag",))},
        "The live messages of a session",
        "sessions",
        action="sessions.read",
        errors=(404,),
    ),
    Operation(
        "PUT",
        _ONE,
        put_session,
        {200: Reply("Kept.", (schemas.Saved, schemas.Written), headers=("ETag",))},
        "Save a whole message list; creates the session when missing",
        "sessions",
        action="sessions.put",
        errors=(409, 412),
        query=(_MODE,),
        headers=("Prefer", "If-Match", "Lease-Token"),
        body=Body((bodies.MessagesBody,)),
        doc="A PUT speaks only for what its writer had seen: what others appended meanwhile"
        " stays, what it leaves out from before is superseded and can still be read."
        " `If-Match`, or `mode=replace`, makes it an exact replacement, except for messages that"
        " are not the writer's to remove.",
    ),
    Operation(
        "PATCH",
        _ONE,
        patch_session,
        {200: Reply("Merged.", (schemas.History, schemas.Cost), headers=("ETag",))},
        "Merge into the cost data of a session",
        "sessions",
        action="sessions.cost",
        errors=(404,),
        headers=("Prefer",),
        body=Body((bodies.CostBody,)),
    ),
    Operation(
        "GET",
        f"{_ONE}/cost_data",
        get_cost,
        {200: Reply("The cost data.", (schemas.Cost,))},
        "The cost data of a session",
        "sessions",
        action="sessions.summary",
        errors=(404,),
    ),
    Operation(
        "DELETE",
        _ONE,
        delete_session,
        {200: Reply("Removed, with everything in it.", (schemas.Removed,))},
        "Remove a session",
        "sessions",
        action="sessions.delete",
        errors=(404,),
    ),
    Operation(
        "POST",
        "/v1/sessions",
        create_session,
        {201: Reply("Created.", (schemas.SessionId, schemas.Session))},
        "Create a session",
        "sessions",
        action="sessions.create",
        errors=(409,),
        headers=("Prefer", "Idempotency-Key"),
        body=Body((bodies.NewSessionBody,), is_required=False),
    ),
    Operation(
        "GET",
        "/v1/sessions",
        list_sessions,
        {200: Reply("Newest first.", (list[schemas.Session],), headers=("Link",))},
        "Sessions without their messages",
        "sessions",
        action="sessions.list",
        query=_LIST,
    ),
    Operation(
        "GET",
        f"{_ONE}/summary",
        get_session_summary,
        {200: Reply("The session.", (schemas.Session,), headers=("ETag",))},
        "A session without its messages",
        "sessions",
        action="sessions.summary",
        errors=(404,),
    ),
    Operation(
        "GET",
        f"{_ONE}/state",
        get_state,
        {200: Reply("The state.", (schemas.State,))},
        "The agent state of a session",
        "sessions",
        action="sessions.read",
        errors=(404,),
    ),
    Operation(
        "PATCH",
        f"{_ONE}/state",
        patch_state,
        {200: Reply("Merged.", (schemas.State,))},
        "Merge into the agent state of a session",
        "sessions",
        action="sessions.state",
        errors=(404,),
        body=Body((bodies.StateBody,)),
    ),
    Operation(
        "GET",
        f"{_ONE}/usage",
        get_usage,
        {200: Reply("Tokens and dollars.", (schemas.Usage,))},
        "What a session used, and what that costs",
        "sessions",
        action="sessions.summary",
        errors=(404,),
    ),
    Operation(
        "POST",
        f"{_ONE}/fork",
        fork_session,
        {201: Reply("Created.", (schemas.Forked, schemas.Session))},
        "A new session with the first messages of this one",
        "sessions",
        action="sessions.fork",
        errors=(404, 409),
        headers=("Prefer", "Idempotency-Key"),
        body=Body((bodies.ForkBody,), is_required=False),
    ),
    Operation(
        "POST",
        f"{_ONE}/revert",
        revert_session,
        {200: Reply("Reverted.", (schemas.Written,), headers=("ETag",))},
        "Keep the first messages and supersede the rest",
        "sessions",
        action="sessions.revert",
        errors=(404, 409),
        headers=("Lease-Token", "Idempotency-Key"),
        body=Body((bodies.RevertBody,)),
    ),
)
