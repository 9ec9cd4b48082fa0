"""The bodies and the shapes of keys."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from commonhold.http.bodies import AGENT, described
from commonhold.http.schema_types import Time
from commonhold.model.key import DEFAULT_DAYS, DEFAULT_OVERLAP_DAYS, MAX_NAME, MOST_DAYS, PRESETS

Preset = Annotated[str, described(enum=list(PRESETS))]
State = Annotated[str, described(enum=["active", "expired", "revoked"])]
Days = Annotated[int | float, described(type="integer", minimum=1, maximum=MOST_DAYS)]
Overlap = Annotated[int | float, described(type="integer", minimum=0, maximum=DEFAULT_DAYS)]
AgentName = Annotated[str, described(pattern=AGENT)]
KeyName = Annotated[str, described(pattern=r"^[^\x00-\x1f\x7f]*$", maxLength=MAX_NAME)]


class NewKeyBody(Struct):
    """What a key is for. `agent` is needed for a key of an agent, and for no other."""

    preset: Preset
    agent: AgentName | None = None
    name: KeyName = ""
    days: Days = DEFAULT_DAYS


class RotateBody(Struct):
    """How long the new key is good, and how much longer the one before."""

    days: Days = DEFAULT_DAYS
    overlap_days: Overlap = DEFAULT_OVERLAP_DAYS


class Key(Struct, kw_only=True):
    """A key without its secret. `replaces` is the key that it was made in the place of."""

    key_id: str
    name: str
    preset: Preset
    agent: str | None
    last_four: str
    state: State
    created_by: str
    created_at: Time
    expires_at: Time
    last_used_at: Time | None
    revoked_at: Time | None
    replaces: str | None


class NewKey(Key, kw_only=True):
    """A key with its secret, which is never shown again."""

    key: str
