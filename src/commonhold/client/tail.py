"""Following a log over HTTP: server-sent events, taken up again where a connection was lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass

import msgspec

from commonhold.client import requests
from commonhold.client.shapes import EventShape, MessageShape
from commonhold.client.transport import Line
from commonhold.errors import Closed, NotFound, Unavailable
from commonhold.model import clock, wire, wire_turns
from commonhold.model.session import Message
from commonhold.model.turns import Event

GIVE_UP_S = 60.0
"""How long a service may stay away before the tail ends with the reason, in seconds."""

FIRST_PAUSE_S = 0.05
LAST_PAUSE_S = 2.0

_MESSAGE = msgspec.json.Decoder(MessageShape)
_EVENT = msgspec.json.Decoder(EventShape)


@dataclass(frozen=True, slots=True)
class Sent:
    """One server-sent event (WHATWG HTML, 9.2): its id, its name, its data."""

    id: int | None
    name: str
    data: str


async def follow(
    line: Line, session_id: str, after: int | None, *, now_s: Callable[[], float] = clock.monotonic
) -> AsyncGenerator[Message | Event, None]:
    """Everything behind `after`, over as many connections as it takes."""
    seen, is_known = after, False
    lost_at: float | None = None
    pause_s = FIRST_PAUSE_S
    while True:
        reason: Unavailable | None = None
        try:
            call = requests.events(session_id, seen)
            async with aclosing(line.lines(call)) as lines, aclosing(read(lines)) as events:
                async for sent in events:
                    is_known, lost_at, pause_s = True, None, FIRST_PAUSE_S
                    if sent.name == "end":
                        return
                    if sent.data:
                        yield _entry(sent)
                    seen = seen if sent.id is None else sent.id
        except NotFound:
            if not is_known:
                raise
            return  # it was deleted between two connections
        except Closed:
            raise
        except Unavailable as error:
            reason = error
        lost_at = now_s() if lost_at is None else lost_at
        if reason is not None and now_s() - lost_at > GIVE_UP_S:
            raise reason
        await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311  (not a secret)
        pause_s = min(2 * pause_s, LAST_PAUSE_S)


async def read(lines: AsyncIterator[str]) -> AsyncGenerator[Sent, None]:
    """The events of a stream of lines; one that is cut short is no event."""
    fields: dict[str, str] = {}
    data: list[str] = []
    async for text in lines:
        if text:
            name, _, value = text.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                data.append(value)
            else:
                fields[name] = value
            continue
        if data or "id" in fields:
            given = fields.get("id", "")
            number = int(given) if given.isdecimal() else None
            yield Sent(number, fields.get("event", "message"), "\n".join(data))
        fields, data = {}, []


def _entry(sent: Sent) -> Message | Event:
    if sent.name == "message":
        return wire.message_in(msgspec.structs.asdict(_MESSAGE.decode(sent.data)))
    return wire_turns.event_in(msgspec.structs.asdict(_EVENT.decode(sent.data)))
