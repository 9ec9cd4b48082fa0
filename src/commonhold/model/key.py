"""Keys: what is kept of each, which is never the secret."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, get_args

from commonhold.errors import FieldError, InvalidRequest
from commonhold.model import ids
from commonhold.model.clock import Micros

Preset = Literal[
    "agent", "agent-obo", "ingest", "feedback-ingest", "viewer", "operator", "platform-admin"
]
"""What a key is for; it cannot be widened once the key is made."""

PRESETS: tuple[Preset, ...] = get_args(Preset)
OF_AN_AGENT: tuple[Preset, ...] = ("agent", "agent-obo", "ingest")
"""Presets of keys that belong to one agent."""

DAY = 24 * 3_600_000_000
DEFAULT_DAYS, MOST_DAYS = 90, 365
"""How long a key is good for."""

DEFAULT_OVERLAP_DAYS = 7
MAX_NAME = 200

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

State = Literal["active", "expired", "revoked"]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key as it is stored. `digest` is that of the whole key under the pepper `pepper_id`."""

    key_id: str
    tenant: str
    name: str
    preset: Preset
    agent: str
    last_four: str
    pepper_id: str
    digest: bytes = field(repr=False)
    created_by: str
    created_at: Micros
    expires_at: Micros
    last_used_at: Micros | None = None
    revoked_at: Micros | None = None
    replaces: str | None = None

    def state(self, now: Micros) -> State:
        """Whether it opens anything."""
        if self.revoked_at is not None and self.revoked_at <= now:
            return "revoked"
        return "expired" if self.expires_at <= now else "active"


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that is asked for.

    Raises:
        InvalidRequest: naming what it cannot be.
    """

    preset: Preset
    agent: str = ""
    name: str = ""
    days: int = DEFAULT_DAYS

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise _bad("preset", f"must be one of {', '.join(PRESETS)}")
        if self.preset in OF_AN_AGENT and not self.agent:
            raise _bad("agent", f"must name the agent that a key of preset {self.preset} is for")
        if self.preset not in OF_AN_AGENT and self.agent:
            raise _bad("agent", f"must be left out: a key of preset {self.preset} is no agent's")
        if self.agent:
            ids.check_agent(self.agent)
        check_days(self.days)
        if len(self.name) > MAX_NAME or _CONTROL.search(self.name):
            raise _bad("name", f"must be at most {MAX_NAME} characters on one line")


def check_days(days: int) -> int:
    """Return `days` if a key may be good for so long.

    Raises:
        InvalidRequest: it may not.
    """
    if 1 <= days <= MOST_DAYS:
        return days
    raise _bad("days", f"must be from 1 to {MOST_DAYS}")


def check_overlap(days: int) -> int:
    """Return `days` if a key that was replaced may go on for so long.

    Raises:
        InvalidRequest: it may not.
    """
    if 0 <= days <= DEFAULT_DAYS:
        return days
    raise _bad("overlap_days", f"must be from 0 to {DEFAULT_DAYS}")


def _bad(name: str, rule: str) -> InvalidRequest:
    return InvalidRequest(f"{name} {rule}.", errors=[FieldError((name,), rule)])
