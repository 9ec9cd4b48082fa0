"""Keys as they look on the wire: never with their secret, but for the once when it is made."""

from __future__ import annotations

from commonhold.model.clock import Micros, to_rfc3339
from commonhold.model.key import ApiKey
from commonhold.model.wire import Wire


def key_out(key: ApiKey, now: Micros) -> Wire:
    """A key without its secret, in the state that it has `now`."""
    return {
        "key_id": key.key_id,
        "name": key.name,
        "preset": key.preset,
        "agent": key.agent or None,
        "last_four": key.last_four,
        "state": key.state(now),
        "created_by": key.created_by,
        "created_at": to_rfc3339(key.created_at),
        "expires_at": to_rfc3339(key.expires_at),
        "last_used_at": _time(key.last_used_at),
        "revoked_at": _time(key.revoked_at),
        "replaces": key.replaces,
    }


def _time(at: Micros | None) -> str | None:
    return None if at is None else to_rfc3339(at)
