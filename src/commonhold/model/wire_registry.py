"""Registered agents as they look on the wire."""

from __future__ import annotations

from collections.abc import Iterable

from commonhold.model.clock import to_rfc3339
from commonhold.model.registry import Binding, Registered
from commonhold.model.wire import Wire


def registered_out(agent: Registered, bindings: Iterable[Binding]) -> Wire:
    """An agent, with what is bound to it."""
    return {
        "agent": agent.agent,
        "status": agent.status,
        "agent_types": list(agent.agent_types),
        "bindings": [binding_out(each) for each in bindings],
        "created_by": agent.created_by,
        "created_at": to_rfc3339(agent.created_at),
        "updated_at": to_rfc3339(agent.updated_at),
    }


def binding_out(binding: Binding) -> Wire:
    """Whom an issuer knows as the agent."""
    return {
        "binding_id": binding.binding_id,
        "kind": binding.identity.kind,
        "issuer": binding.identity.issuer,
        "subject": binding.identity.subject,
        "created_by": binding.created_by,
        "created_at": to_rfc3339(binding.created_at),
    }
