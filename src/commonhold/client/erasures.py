"""Erasures carried out by a service."""

from __future__ import annotations

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from commonhold.client.answers import page_of, read
from commonhold.client.call import Call, body_of, path_of, target
from commonhold.client.transport import Line
from commonhold.errors import NotFound
from commonhold.model import ids, wire_erasures
from commonhold.model.erasure import Erasure, check_user
from commonhold.model.once import check_key
from commonhold.model.page import DEFAULT_LIMIT, Page, check_window, decode_cursor


class ErasureShape(Struct):
    """What a service answers about an erasure."""

    erasure_id: str | None
    user: str
    sessions: int
    messages: int
    blanked_messages: int
    feedback: int
    blanked_feedback: int
    traces: int
    spans: int
    logs: int
    asked_by: str
    started_at: str
    finished_at: str | None


_ERASURE = msgspec.json.Decoder(ErasureShape)
_ERASURES = msgspec.json.Decoder(list[ErasureShape])
_ALL = "/v1/erasures"


class HttpErasures:
    """`contract.erasures.Erasures` over HTTP."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def create(self, user: str, /, *, key: str | None = None) -> Erasure:
        check_key(key)
        headers = {"Idempotency-Key": ids.new_id("erase") if key is None else key}
        call = Call("POST", _ALL, body_of({"user": check_user(user)}), headers)
        return read(await self._line.send(call), _ERASURE, _erasure)

    async def survey(self, user: str, /) -> Erasure:
        call = Call("POST", _ALL, body_of({"user": check_user(user), "dry_run": True}))
        return read(await self._line.send(call), _ERASURE, _erasure)

    async def get(self, erasure_id: str, /) -> Erasure:
        if not ids.is_key(erasure_id):
            raise NotFound(f"Erasure {erasure_id} not found")
        answer = await self._line.send(Call("GET", path_of(_ALL, erasure_id)))
        return read(answer, _ERASURE, _erasure)

    async def list(self, *, limit: int = DEFAULT_LIMIT, cursor: str = "") -> Page[Erasure]:
        check_window(limit, 0)
        if cursor:
            decode_cursor(cursor)
        call = Call("GET", target(_ALL, limit=limit, cursor=cursor or None))
        return page_of(await self._line.send(call), _ERASURES, _erasure)


def _erasure(shape: ErasureShape) -> Erasure:
    return wire_erasures.erasure_in(asdict(shape))
