"""The bodies and the shapes of registered agents."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from commonhold.http.bodies import described
from commonhold.http.schema_types import Time
from commonhold.model.registry import (
    BINDING_KINDS,
    MAX_ISSUER,
    MAX_SUBJECT,
    MAX_TYPE,
    MAX_TYPES,
    STATUSES,
)

_PRINTABLE = r"^[!-~]+( [!-~]+)*$"

Status = Annotated[str, described(enum=list(STATUSES))]
Kind = Annotated[str, described(enum=list(BINDING_KINDS))]
TypeName = Annotated[str, described(pattern=_PRINTABLE, maxLength=MAX_TYPE)]
Types = Annotated[list[TypeName], described(maxItems=MAX_TYPES)]
Issuer = Annotated[str, described(pattern=_PRINTABLE, maxLength=MAX_ISSUER)]
Subject = Annotated[str, described(pattern=r"^[!-~]+$", maxLength=MAX_SUBJECT)]


class AgentBody(Struct):
    """An agent as it is to be; what is left out stays as it is. No types means any."""

    status: Status | None = None
    agent_types: Types | None = None


class AgentBindingBody(Struct):
    """Whom an issuer knows: the issuer by its alias, and the name that it gives."""

    kind: Kind
    issuer: Issuer
    subject: Subject


class AgentBinding(Struct, kw_only=True):
    """An identity that is the agent."""

    binding_id: str
    kind: Kind
    issuer: str
    subject: str
    created_by: str
    created_at: Time


class RegisteredAgent(Struct, kw_only=True):
    """An agent that may call, unless it is disabled."""

    agent: str
    status: Status
    agent_types: list[str]
    bindings: list[AgentBinding]
    created_by: str
    created_at: Time
    updated_at: Time
