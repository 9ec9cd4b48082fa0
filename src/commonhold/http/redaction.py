"""The routes of what is kept out of what is written."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from commonhold.http import redaction_schemas as schemas
from commonhold.http.call import Answer, Call, reply
from commonhold.http.decode import decode
from commonhold.http.operation import Body, Operation, Reply
from commonhold.model.redaction import PolicyChange, capture_of, groups_of
from commonhold.model.wire_redaction import policy_out
from commonhold.service.redaction import PolicyDesk, Standing

_BODY = msgspec.json.Decoder(schemas.PolicyBody)


@dataclass(frozen=True, slots=True)
class _Desk:
    policies: PolicyDesk

    async def get_redaction(self, call: Call) -> Answer:
        return _told(await self.policies.find(call.grants.principal))

    async def put_redaction(self, call: Call) -> Answer:
        body = decode(_BODY, call)
        change = PolicyChange(
            None if body.capture is None else capture_of(body.capture),
            None if body.redact is None else groups_of(body.redact),
        )
        standing = await self.policies.change(call.grants.principal, change)
        call.made = str(standing.policy)
        return _told(standing)


def _told(standing: Standing) -> Answer:
    return reply(policy_out(standing.policy, standing.stored))


def redaction_operations(policies: PolicyDesk) -> tuple[Operation, ...]:
    """The routes of a tenant's policy."""
    desk = _Desk(policies)
    return (
        Operation(
            "GET",
            "/v1/redaction",
            desk.get_redaction,
            {200: Reply("The policy.", (schemas.RedactionPolicy,))},
            "What is kept out of what is written",
            "redaction",
            action="redaction.read",
        ),
        Operation(
            "PUT",
            "/v1/redaction",
            desk.put_redaction,
            {200: Reply("The policy from now on.", (schemas.RedactionPolicy,))},
            "Keep more or less out of what is written",
            "redaction",
            action="redaction.write",
            body=Body((schemas.PolicyBody,)),
            doc="Other processes of the service heed it within two seconds. What is stored already"
            " stays as it is.",
        ),
    )
