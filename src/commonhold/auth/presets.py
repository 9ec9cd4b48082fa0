"""What the kinds of keys are good for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from commonhold.auth.principal import Kind, Scopes
from commonhold.model.key import Preset

_AGENT = frozenset(
    {
        *("sessions:read", "sessions:write", "sessions:delete"),
        *("traces:read", "traces:write"),
        *("feedback:read", "feedback:write", "stats:read"),
    }
)
_VIEWER = frozenset(
    {"sessions:read", "traces:read", "feedback:read", "stats:read", "tenant:read_all"}
)
_OPERATOR = frozenset(
    {
        *("traces:content", "sessions:delete", "traces:delete", "feedback:delete"),
        *("export:read", "audit:read", "agents:manage", "keys:manage"),
    }
)
_PLATFORM = frozenset({"platform:admin", "keys:manage", "agents:manage", "audit:read"})

USER: Scopes = frozenset(
    {
        *("sessions:read", "sessions:write", "sessions:delete", "traces:read"),
        *("feedback:read", "feedback:write", "feedback:delete"),
    }
)
"""The scopes of a user without a key, for what is the user's own."""

ANONYMOUS: Scopes = frozenset({"sessions:read", "sessions:write", "feedback:write"})
"""What somebody may do who is not signed in."""

ASSERT = "act:assert"
"""The scope of who may name a user without proof."""


@dataclass(frozen=True, slots=True)
class Rights:
    """The kind of caller that a key makes, and its scopes."""

    kind: Kind
    scopes: Scopes


RIGHTS: Mapping[Preset, Rights] = {
    "agent": Rights("agent", _AGENT),
    "agent-obo": Rights("agent", _AGENT | {ASSERT}),
    "ingest": Rights("ingest", frozenset({"traces:write"})),
    "feedback-ingest": Rights("feedback", frozenset({"feedback:write"})),
    "viewer": Rights("viewer", _VIEWER),
    "operator": Rights("operator", _VIEWER | _OPERATOR),
    "platform-admin": Rights("platform", _PLATFORM | {"stats:read"}),
}
"""By the preset of a key."""
