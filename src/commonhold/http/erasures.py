"""The routes of erasures. Only a service has them: somebody has to carry on what takes long."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from commonhold.contract.erasures import Erasures
from commonhold.http import erasure_schemas as schemas
from commonhold.http.call import Answer, Call, idempotency_key, reply
from commonhold.http.decode import decode
from commonhold.http.links import next_page
from commonhold.http.operation import Body, Operation, Reply
from commonhold.http.params import CURSOR, clamped
from commonhold.model.erasure import Erasure, Status
from commonhold.model.page import DEFAULT_LIMIT, MAX_LIMIT
from commonhold.model.scope import Scope
from commonhold.model.wire_erasures import erasure_out

ErasuresOf = Callable[[Scope], Erasures]
"""The erasures that a scope may see."""

_NEW = msgspec.json.Decoder(schemas.ErasureBody)
_ALL = "/v1/erasures"
_STATUS: dict[Status, int] = {"planned": 200, "done": 201, "running": 202}


class _Routes:
    """The endpoints, for whoever a request comes from."""

    def __init__(self, erasures: ErasuresOf) -> None:
        self._erasures = erasures

    async def create_erasure(self, call: Call) -> Answer:
        body, erasures = decode(_NEW, call), self._of(call)
        if body.dry_run:
            return _told(await erasures.survey(body.user))
        erasure = await erasures.create(body.user, key=idempotency_key(call))
        call.made = erasure.erasure_id or ""
        return _told(erasure)

    async def list_erasures(self, call: Call) -> Answer:
        limit, cursor = call.args["limit"], call.args["cursor"]
        page = await self._of(call).list(limit=limit, cursor=cursor or "")
        return reply([erasure_out(each) for each in page.items], extra=next_page(call, page.cursor))

    async def get_erasure(self, call: Call) -> Answer:
        return reply(erasure_out(await self._of(call).get(call.key)))

    def _of(self, call: Call) -> Erasures:
        caller = call.grants.principal
        return self._erasures(Scope(caller.tenant, caller.stamp))


def _told(erasure: Erasure) -> Answer:
    status = _STATUS[erasure.status]
    where = (b"location", f"{_ALL}/{erasure.erasure_id}".encode())
    return reply(erasure_out(erasure), status, () if status != 202 else (where,))


def erasure_operations(erasures: ErasuresOf) -> tuple[Operation, ...]:
    """Everything below `/v1/erasures`."""
    routes = _Routes(erasures)
    return (_create(routes), *_receipts(routes))


def _create(routes: _Routes) -> Operation:
    shape = (schemas.Erasure,)
    return Operation(
        "POST",
        _ALL,
        routes.create_erasure,
        {
            201: Reply("It is done.", shape),
            200: Reply("What a dry run has counted.", shape),
            202: Reply("It goes on, and this is how far it is.", shape, headers=("Location",)),
        },
        "Erase a user",
        "erasures",
        action="erasures.create",
        errors=(409,),
        headers=("Idempotency-Key",),
        body=Body((schemas.ErasureBody,)),
        doc="Removes the user's sessions and feedback, blanks what the user said elsewhere, and"
        " leaves of traces their structure, times, tokens and cost. A crash does not end it.",
    )


def _receipts(routes: _Routes) -> tuple[Operation, ...]:
    limit = clamped("limit", "How many at most.", default=DEFAULT_LIMIT, least=1, most=MAX_LIMIT)
    return (
        Operation(
            "GET",
            _ALL,
            routes.list_erasures,
            {200: Reply("Newest first.", (list[schemas.Erasure],), headers=("Link",))},
            "Receipts of erasures",
            "erasures",
            action="erasures.create",
            query=(limit, CURSOR),
        ),
        Operation(
            "GET",
            f"{_ALL}/{{erasure_id}}",
            routes.get_erasure,
            {200: Reply("How far it is.", (schemas.Erasure,))},
            "The receipt of an erasure",
            "erasures",
            action="erasures.create",
            errors=(404,),
        ),
    )
