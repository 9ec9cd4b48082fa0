"""The routes of a session's log."""

from __future__ import annotations

import msgspec

from commonhold.http import bodies, schemas
from commonhold.http.call import Answer, Call, etag, idempotency_key, lease_token, reply
from commonhold.http.decode import decode, text_of
from commonhold.http.links import next_page
from commonhold.http.operation import Body, Operation, Reply
from commonhold.http.params import choice, integer, text
from commonhold.model import wire
from commonhold.model.page import DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET
from commonhold.model.session import MessageQuery

_MESSAGES = msgspec.json.Decoder(bodies.MessagesBody)


async def list_messages(call: Call) -> Answer:
    query = MessageQuery(**call.args)
    page = await call.stores.sessions.messages(call.key, query)
    items = [wire.message_out(message) for message in page.items]
    return reply(items, extra=next_page(call, page.cursor, query.cursor_name))


async def append_messages(call: Call) -> Answer:
    body = decode(_MESSAGES, call, has_texts=False)
    appended = await call.stores.sessions.append(
        call.key,
        [text_of(raw, "messages", index) for index, raw in enumerate(body.messages)],
        if_match=call.if_match,
        create=call.args["create"],
        key=idempotency_key(call),
        lease=lease_token(call),
    )
    return reply(wire.appended_out(appended), 201, (etag(appended.version),))


_ONE = "/v1/sessions/{session_id}"
_LOG = (
    integer("after", "Only messages behind this sequence.", default=0, least=0, most=MAX_OFFSET),
    integer("before", "Only messages ahead of this sequence.", least=0, most=MAX_OFFSET),
    integer("last", "This many at the end.", least=1, most=MAX_LIMIT),
    text("agent", "Only messages of this agent."),
    text("role", "Only messages with this role."),
    integer("limit", "How many at most.", default=DEFAULT_LIMIT, least=1, most=MAX_LIMIT),
    choice(
        "include",
        "`superseded` shows what left the live history too.",
        {"superseded": True},
        default=False,
        into="include_superseded",
    ),
)
_CREATE = choice(
    "create",
    "`false` refuses to create a session that does not exist.",
    {"true": True, "false": False},
    default=True,
)

OPERATIONS = (
    Operation(
        "POST",
        f"{_ONE}/messages",
        append_messages,
        {201: Reply("Appended.", (schemas.Appended,), headers=("ETag",))},
        "Append messages to the log of a session",
        "sessions",
        action="sessions.append",
        errors=(404, 409, 412),
        query=(_CREATE,),
        headers=("If-Match", "Idempotency-Key", "Lease-Token"),
        body=Body((bodies.MessagesBody,)),
        doc="Costs what is appended, whatever the age of the session. A message whose id is"
        " already in the log is not added again: a retry gets the first answer.",
    ),
    Operation(
        "GET",
        f"{_ONE}/messages",
        list_messages,
        {200: Reply("In sequence order.", (list[schemas.Message],), headers=("Link",))},
        "A stretch of the log of a session",
        "sessions",
        action="sessions.read",
        errors=(404,),
        query=_LOG,
    ),
)
