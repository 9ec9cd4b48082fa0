"""The routes of keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import msgspec

from commonhold.errors import Unsupported
from commonhold.http import key_schemas
from commonhold.http.call import Answer, Call, reply
from commonhold.http.decode import decode, whole
from commonhold.http.operation import Body, Operation, Reply
from commonhold.model import clock
from commonhold.model.key import DEFAULT_DAYS, DEFAULT_OVERLAP_DAYS, NewKey, Preset
from commonhold.model.wire_keys import key_out
from commonhold.service.keys import Issued, KeyRing

_NEW = msgspec.json.Decoder(key_schemas.NewKeyBody)
_ROTATE = msgspec.json.Decoder(key_schemas.RotateBody)


@dataclass(frozen=True, slots=True)
class KeyDesk:
    """Where keys are asked for; without a ring there are none."""

    ring: KeyRing | None

    async def create_key(self, call: Call) -> Answer:
        body = decode(_NEW, call)
        days = whole(body.days, "days")
        asked = NewKey(cast("Preset", body.preset), body.agent or "", body.name, days or 0)
        issued = await self._ring().create(call.grants.principal, asked)
        call.made = issued.key.key_id
        return _issued(issued)

    async def list_keys(self, call: Call) -> Answer:
        now = clock.now()
        found = await self._ring().list(call.grants.principal)
        return reply([key_out(key, now) for key in found])

    async def revoke_key(self, call: Call) -> Answer:
        key = await self._ring().revoke(call.grants.principal, call.key)
        return reply(key_out(key, clock.now()))

    async def rotate_key(self, call: Call) -> Answer:
        body = decode(_ROTATE, call) if call.content else key_schemas.RotateBody()
        issued = await self._ring().rotate(
            call.grants.principal,
            call.key,
            days=whole(body.days, "days") or 0,
            overlap_days=whole(body.overlap_days, "overlap_days") or 0,
        )
        return _issued(issued)

    def _ring(self) -> KeyRing:
        if self.ring is None:
            raise Unsupported("This service takes no keys: it runs without COMMONHOLD_AUTH=keys.")
        return self.ring


def _issued(issued: Issued) -> Answer:
    return reply({**key_out(issued.key, clock.now()), "key": issued.text}, 201)


def key_operations(ring: KeyRing | None) -> tuple[Operation, ...]:
    """The routes of keys."""
    desk = KeyDesk(ring)
    return (*_of_all(desk), *_of_one(desk))


def _of_all(desk: KeyDesk) -> tuple[Operation, ...]:
    return (
        Operation(
            "POST",
            "/v1/keys",
            desk.create_key,
            {201: Reply("The key, with its secret this once.", (key_schemas.NewKey,))},
            "Make a key",
            "keys",
            action="keys.write",
            errors=(501,),
            body=Body((key_schemas.NewKeyBody,)),
            doc=f"It is good for {DEFAULT_DAYS} days unless it says otherwise, and can never do"
            " more than its preset says.",
        ),
        Operation(
            "GET",
            "/v1/keys",
            desk.list_keys,
            {200: Reply("Newest first, with those that ended.", (list[key_schemas.Key],))},
            "Keys without their secrets",
            "keys",
            action="keys.read",
            errors=(501,),
        ),
    )


def _of_one(desk: KeyDesk) -> tuple[Operation, ...]:
    return (
        Operation(
            "DELETE",
            "/v1/keys/{key_id}",
            desk.revoke_key,
            {200: Reply("It has ended.", (key_schemas.Key,))},
            "End a key now",
            "keys",
            action="keys.write",
            errors=(404, 501),
            doc="Other processes of the service heed it within two seconds.",
        ),
        Operation(
            "POST",
            "/v1/keys/{key_id}/rotate",
            desk.rotate_key,
            {201: Reply("The new key, with its secret this once.", (key_schemas.NewKey,))},
            "Make a key in the place of another",
            "keys",
            action="keys.write",
            errors=(404, 409, 501),
            body=Body((key_schemas.RotateBody,), is_required=False),
            doc=f"Both are good for {DEFAULT_OVERLAP_DAYS} days unless it says otherwise.",
        ),
    )
