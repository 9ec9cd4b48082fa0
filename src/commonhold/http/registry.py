"""The routes of registered agents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import msgspec

from commonhold.http import registry_schemas
from commonhold.http.call import Answer, Call, reply
from commonhold.http.decode import decode
from commonhold.http.operation import Body, Operation, Reply
from commonhold.http.schemas import Gone
from commonhold.model.registry import BindingKind, Change, Identity, NewAgent, Status, change_of
from commonhold.model.wire_registry import binding_out, registered_out
from commonhold.service.registry import AgentRegistry, Entry

_AGENT = msgspec.json.Decoder(registry_schemas.AgentBody)
_BINDING = msgspec.json.Decoder(registry_schemas.AgentBindingBody)


@dataclass(frozen=True, slots=True)
class RegistryDesk:
    """Where agents are registered."""

    registry: AgentRegistry

    async def list_registered_agents(self, call: Call) -> Answer:
        found = await self.registry.list(call.grants.principal)
        return reply([_out(entry) for entry in found])

    async def get_agent(self, call: Call) -> Answer:
        return reply(_out(await self.registry.get(call.grants.principal, call.key)))

    async def put_agent(self, call: Call) -> Answer:
        body = decode(_AGENT, call) if call.content else registry_schemas.AgentBody()
        types = None if body.agent_types is None else tuple(body.agent_types)
        new = NewAgent(call.key, cast("Status | None", body.status), types)
        _did(call, change_of(new))
        return reply(_out(await self.registry.put(call.grants.principal, new)))

    async def delete_agent(self, call: Call) -> Answer:
        _did(call, "removed")
        await self.registry.delete(call.grants.principal, call.key)
        return reply({"deleted": True})

    async def create_binding(self, call: Call) -> Answer:
        _did(call, "bound")
        body = decode(_BINDING, call)
        identity = Identity(cast("BindingKind", body.kind), body.issuer, body.subject)
        bound = await self.registry.bind(call.grants.principal, call.key, identity)
        return reply(binding_out(bound), 201)

    async def delete_binding(self, call: Call) -> Answer:
        _did(call, "unbound")
        gone = await self.registry.unbind(call.grants.principal, call.key, call.part)
        return reply(binding_out(gone))


def _did(call: Call, change: Change) -> None:
    """Say in the audit log what this is, once it is done."""
    call.done = change


def _out(entry: Entry) -> dict[str, object]:
    return registered_out(entry.agent, entry.bindings)


_ONE = "/v1/agents/{agent}"
_TAG = "agents"
_MANAGE = "agents.manage"
_REGISTERED = registry_schemas.RegisteredAgent
_BOUND = registry_schemas.AgentBinding


def registry_operations(registry: AgentRegistry) -> tuple[Operation, ...]:
    """The routes of registered agents."""
    desk = RegistryDesk(registry)
    return (*_read(desk), *_changed(desk), *_of_bindings(desk))


def _read(desk: RegistryDesk) -> tuple[Operation, ...]:
    return (
        Operation(
            "GET",
            "/v1/registered-agents",
            desk.list_registered_agents,
            {200: Reply("By name, with what is bound to each.", (list[_REGISTERED],))},
            "Agents that may call",
            _TAG,
            action=_MANAGE,
        ),
        Operation(
            "GET",
            _ONE,
            desk.get_agent,
            {200: Reply("The agent.", (_REGISTERED,))},
            "A registered agent",
            _TAG,
            action=_MANAGE,
            errors=(404,),
        ),
    )


def _changed(desk: RegistryDesk) -> tuple[Operation, ...]:
    return (
        Operation(
            "PUT",
            _ONE,
            desk.put_agent,
            {200: Reply("The agent as it is now.", (_REGISTERED,))},
            "Register an agent, disable or enable it, or say of which types it may be",
            _TAG,
            action=_MANAGE,
            body=Body((registry_schemas.AgentBody,), is_required=False),
            doc="Other processes of the service heed it within two seconds.",
        ),
        Operation(
            "DELETE",
            _ONE,
            desk.delete_agent,
            {200: Reply("It is forgotten.", (Gone,))},
            "Forget an agent and its bindings; its keys open nothing any more",
            _TAG,
            action=_MANAGE,
            errors=(404,),
        ),
    )


def _of_bindings(desk: RegistryDesk) -> tuple[Operation, ...]:
    return (
        Operation(
            "POST",
            f"{_ONE}/bindings",
            desk.create_binding,
            {201: Reply("Bound.", (_BOUND,))},
            "Let an identity of an issuer be this agent",
            _TAG,
            action=_MANAGE,
            errors=(404, 409),
            body=Body((registry_schemas.AgentBindingBody,)),
            doc="An identity is one agent at most, of one tenant.",
        ),
        Operation(
            "DELETE",
            f"{_ONE}/bindings/{{binding_id}}",
            desk.delete_binding,
            {200: Reply("It was this.", (_BOUND,))},
            "Let an identity be this agent no more",
            _TAG,
            action=_MANAGE,
            errors=(404,),
        ),
    )
